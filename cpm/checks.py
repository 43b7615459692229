"""Checks of what users hand in."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import DataError


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
