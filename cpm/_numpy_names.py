"""The names that MXNet and GluonCV take from NumPy and that newer NumPy has dropped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

_PACKAGES = ("mxnet", "gluoncv")


def _in1d(values: Any, among: Any, **options: Any) -> np.ndarray:
    """Say for each of the values, in one dimension, whether it is among the others."""
    return np.isin(np.ravel(values), among, **options)


def _msort(values: Any) -> np.ndarray:
    """Sort along the first axis."""
    return np.sort(values, axis=0)


def _finance(*_: Any, **__: Any) -> NoReturn:
    """Stand for what NumPy 1.20 dropped and MXNet offers all the same."""
    raise NotImplementedError("NumPy has dropped its financial functions; numpy_financial has them")


_NAMES: dict[str, Any] = {
    # Dropped by NumPy 1.20.
    "mirr": _finance,
    "npv": _finance,
    "pmt": _finance,
    "ppmt": _finance,
    "pv": _finance,
    "rate": _finance,
    # Dropped by NumPy 1.24.
    "bool": bool,
    "complex": complex,
    "float": float,
    "int": int,
    "object": object,
    "str": str,
    # Dropped by NumPy 2.0.
    "Inf": np.inf,
    "Infinity": np.inf,
    "NAN": np.nan,
    "NINF": -np.inf,
    "NZERO": -0.0,
    "NaN": np.nan,
    "PINF": np.inf,
    "PZERO": 0.0,
    "alltrue": np.all,
    "cumproduct": np.cumprod,
    "float_": np.float64,
    "infty": np.inf,
    "msort": _msort,
    "product": np.prod,
    "round_": np.round,
    "sometrue": np.any,
    # Dropped since.
    "in1d": _in1d,
    "row_stack": np.vstack,
    "trapz": getattr(np, "trapezoid", None),  # its new name
}


@contextmanager
def dropped_numpy_names() -> Iterator[None]:
    """Give NumPy the names while MXNet or GluonCV is imported; afterwards they alone have them.

    They need most names to be imported, a few when they are called (``np.Inf`` in ``gluon.contrib.estimator``,
    ``np.bool`` in ``mx.np``, ``np.float`` in GluonCV's R-CNN). So what they call ``np`` becomes a NumPy of their own:
    the same objects, and the names.
    """
    missing = {name: value for name, value in _NAMES.items() if name not in vars(np)}
    vars(np).update(missing)
    try:
        yield
    finally:
        own = ModuleType("numpy", np.__doc__)
        vars(own).update(vars(np))
        for name in missing:
            delattr(np, name)
    for module in _modules():
        for name, value in list(vars(module).items()):
            if value is np:
                setattr(module, name, own)


def _modules() -> list[ModuleType]:
    """Return the modules of the two packages that are there."""
    return [module for name, module in list(sys.modules.items()) if name.partition(".")[0] in _PACKAGES]
