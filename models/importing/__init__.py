"""Weights of other frameworks, brought into networks that compute the same.

A reader per file format returns named tensors, a layout says which of them belongs where, and every tensor of the
file and of the network is accounted for.
"""

from .importer import import_trunk, import_weights
from .layouts import INPUTS

__all__ = ["INPUTS", "import_trunk", "import_weights"]
