"""MXNet, loaded when something of it is first used: what only decodes, scores or draws does without it."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._compat import load_mxnet

if TYPE_CHECKING:
    import mxnet as mx
else:

    class _MXNet(ModuleType):
        """Stands for the module; everything in it is there once it is asked for."""

        def __getattr__(self, name: str) -> Any:
            load_mxnet()
            return getattr(sys.modules["mxnet"], name)

    mx = _MXNet("mxnet")

__all__ = ["mx"]
