"""Weights of other frameworks, brought into networks that compute the same.

A reader per file format returns named tensors, a layout says which of them belongs where, and every tensor of the
file and of the network is accounted for.

The readers are written here, in place of the frameworks that wrote the files, for two reasons: no framework needs to be
installed, whose releases would have to go together with those of MXNet; and no code from a file runs, as
``torch.load`` and other unpickling would run it, nor does a file decide how much memory is taken.
"""

from .importer import import_trunk, import_weights
from .layouts import INPUTS

__all__ = ["INPUTS", "import_trunk", "import_weights"]
