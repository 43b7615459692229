"""Multi-person 2D pose estimation on MXNet Gluon."""

from typing import Any

from ._compat import prepare_mxnet
from .errors import CheckpointError, ConfigError, CpmError, DataError, DeviceError
from .person import Person
from .skeletons import Skeleton

__version__ = "0.1.0"

prepare_mxnet()

__all__ = [
    "CheckpointError",
    "ConfigError",
    "CpmError",
    "DataError",
    "DeviceError",
    "Person",
    "Skeleton",
    "__version__",
    "load_estimator",
]


def __getattr__(name: str) -> Any:
    """Return `load_estimator`, which brings most of the package along and is loaded when it is asked for."""
    if name != "load_estimator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .tasks import load_estimator

    return load_estimator
