"""Bring an image to a size that a network takes."""

from __future__ import annotations

import logging

import numpy as np

from ..opencv import cv2

logger = logging.getLogger(__name__)

LONGEST = 16  # times as long as its reference is the longer side of a network's input at most


def fit_image(
    image: np.ndarray, height: float, multiple: int, pad_value: int = 128, longest: float | None = None
) -> tuple[np.ndarray, tuple[float, float]]:
    """Resize an image, keeping its proportions, and pad it on the right and at the bottom.

    Parameters
    ----------
    image
        (H, W, 3) uint8.
    height
        Pixels that H becomes.
    multiple
        Both sides of the result are multiples of it.
    pad_value
        Grey level of the padding.
    longest
        Most pixels of a side, by default `LONGEST` times the height. An image that would have more becomes smaller in
        all, with a warning.

    Returns
    -------
    tuple
        The padded image, and how many of its pixels a pixel of the image became in x and y.
    """
    factor = _factor(image, height, longest or LONGEST * height)
    size = tuple(max(1, round(factor * length)) for length in image.shape[:2])
    resized = image
    if size != image.shape[:2]:
        interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        resized = cv2.resize(image, size[::-1], interpolation=interpolation)
    bottom, right = (-length % multiple for length in size)
    padded = np.pad(resized, ((0, bottom), (0, right), (0, 0)), constant_values=pad_value)
    return padded, (size[1] / image.shape[1], size[0] / image.shape[0])


def _factor(image: np.ndarray, height: float, longest: float) -> float:
    """Return how many pixels a pixel becomes; a sliver is held to the longest side, with a warning."""
    factor = height / len(image)
    longer = max(image.shape[:2])
    if factor * longer <= longest:
        return factor
    sides = f"{image.shape[1]} x {image.shape[0]}"
    logger.warning("a sliver of %s pixels: the network sees its longer side at %.0f", sides, longest)
    return longest / longer
