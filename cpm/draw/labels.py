"""What counts in the loss of a training sample: masks over the crop, and the weights of joints."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..checks import check_image
from .people import draw_dot

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
    """List maps with how much each counts; those that do not are grey.

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
    line = height / len(names)
    size = min(line / 34, 1.0) * 0.62
    picture = np.full((height, max(round(560 * size), 150), 3), 255, np.uint8)
    for number, (name, weight) in enumerate(zip(names, weights)):
        y = line * (number + 0.5)
        draw_dot(picture, 22 * size, y, 11 * size, _INK if weight > 0 else _FAINT)
        if not weight > 0:
            draw_dot(picture, 22 * size, y, 7.5 * size, (255, 255, 255))
        place = (round(44 * size), round(y + 8 * size))
        words = f"{name.replace('_', ' ')}: {weight:g}"
        ink = _INK if weight > 0 else _PALE
        cv2.putText(picture, words, place, cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1, cv2.LINE_AA)
    return picture
