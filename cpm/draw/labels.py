"""What counts in the loss of a training sample: masks over the crop, and the weights of joints."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..checks import check_image
from ..opencv import cv2
from .people import draw_dot

_MOST_LINES = 20  # of a column
_INK = (45, 45, 52)
_FAINT = (200, 200, 206)
_PALE = (150, 150, 156)
_IGNORED = (235, 45, 60)


def draw_ignored(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Tint the cells of an image in which the loss does not count, the more the less it does, and outline them.

    Parameters
    ----------
    image
        (H, W, 3) RGB uint8.
    mask
        (h, w) float: 1 where the loss counts, 0 where it does not.

    Returns
    -------
    ndarray
        (H, W, 3) RGB uint8.
    """
    check_image(image)
    size = (image.shape[1], image.shape[0])
    ignored = cv2.resize(1 - mask.astype(np.float32), size, interpolation=cv2.INTER_NEAREST)
    cover = 0.55 * np.clip(ignored, 0, 1)[..., None]
    picture = np.ascontiguousarray((image * (1 - cover) + np.array(_IGNORED) * cover).round().astype(np.uint8))
    outlines, _ = cv2.findContours((ignored > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(picture, outlines, -1, (255, 255, 255), 1, cv2.LINE_AA)
    return picture


def draw_weights(height: int, weights: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """List maps with how much each counts, those that do not in grey; long lists have several columns.

    Parameters
    ----------
    height
        Of the list in pixels.
    weights
        (C,) of the maps in the loss.
    names
        Of the C maps, in ASCII.

    Returns
    -------
    ndarray
        (height, W, 3) RGB uint8.
    """
    words = [f"{name.replace('_', ' ')}: {weight:g}" for name, weight in zip(names, weights)]
    columns = math.ceil(len(words) / _MOST_LINES)
    lines = math.ceil(len(words) / columns)
    size = min(height / lines / 34, 1.0) * 0.62
    longest = max(cv2.getTextSize(each, cv2.FONT_HERSHEY_SIMPLEX, size, 1)[0][0] for each in words)
    width = max(longest + round(66 * size), round(560 * size) // columns, 150 // columns)
    picture = np.full((height, columns * width, 3), 255, np.uint8)
    for number, (each, weight) in enumerate(zip(words, weights)):
        column, row = divmod(number, lines)
        _draw_line(picture, column * width, height / lines * (row + 0.5), size, each, weight > 0)
    return picture


def _draw_line(picture: np.ndarray, x: float, y: float, size: float, words: str, counts: bool) -> None:
    """Write a line of a list from x on, with its middle at y: a dot, hollow if it does not count, and words."""
    draw_dot(picture, x + 22 * size, y, 11 * size, _INK if counts else _FAINT)
    if not counts:
        draw_dot(picture, x + 22 * size, y, 7.5 * size, (255, 255, 255))
    place = (round(x + 44 * size), round(y + 8 * size))
    ink = _INK if counts else _PALE
    cv2.putText(picture, words, place, cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1, cv2.LINE_AA)
