"""Checks of what users hand in."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import ConfigError, DataError


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


def check_number(option: str, value: Any, low: float, high: float) -> None:
    """Check an option that must be a number; a whole one if `low` is.

    Raises
    ------
    ConfigError
        If it is not a number or outside [low, high].
    """
    whole = isinstance(low, int)
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise ConfigError(f"{option}={value!r}, expected {kind} from {low} to {high}")
