"""The networks, a file for each family, and what they are made of."""

from ..._compat import load_mxnet

load_mxnet()  # or says in a line why it cannot be loaded; the files below import it
