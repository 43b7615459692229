"""Checks of what users hand in."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._compat import available_cores
from .errors import ConfigError, DataError

# The most workers that may be asked for, by core, and on any machine.
_WORKERS_PER_CORE = 8
_WORKERS = 32


def check_image(image: Any) -> None:
    """Make sure that something is an (H, W, 3) uint8 array with pixels in it.

    Raises
    ------
    DataError
        If it is not; the message says what it is.
    """
    if not isinstance(image, np.ndarray):
        raise DataError(f"an image is {type(image).__name__}, expected a NumPy array, uint8 (H, W, 3) RGB")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise DataError(f"an image is {image.dtype} {image.shape}, expected uint8 (H, W, 3) RGB")


def check_workers(key: str, number: int) -> None:
    """Make sure that no more threads or processes are asked for than a machine like this could use.

    Raises
    ------
    ConfigError
        If there are; the message names them as `key` does.
    """
    cores = available_cores()
    most = max(_WORKERS_PER_CORE * cores, _WORKERS)
    if not 0 <= number <= most:
        raise ConfigError(f"{key}={number}: expected 0 to {most}, this process may use {cores} cores")
