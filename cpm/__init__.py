"""Multi-person 2D pose estimation on MXNet Gluon."""

from . import _compat

_compat.load_mxnet()

from .errors import CheckpointError, ConfigError, CpmError, DataError, DeviceError  # noqa: E402
from .person import Person  # noqa: E402
from .skeletons import Skeleton  # noqa: E402

__version__ = "0.1.0"

__all__ = [
    "CheckpointError",
    "ConfigError",
    "CpmError",
    "DataError",
    "DeviceError",
    "Person",
    "Skeleton",
    "__version__",
]
