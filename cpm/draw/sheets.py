"""Pictures beside pictures, captions, and files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..checks import check_image
from ..errors import ConfigError, DataError
from ..files import atomic_path
from ..opencv import cv2

_SUFFIXES = {".jpg": [cv2.IMWRITE_JPEG_QUALITY, 92], ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 92], ".png": []}
_INK = (45, 45, 52)
_WIDEST = 16  # times its height an image on a sheet is wide at most
_LARGEST_SIDE = 65_500  # pixels; libjpeg writes no larger ones


def contact_sheet(
    images: Sequence[np.ndarray], columns: int = 3, height: int | None = None, gap: int = 4
) -> np.ndarray:
    """Arrange images in rows on white, all scaled to one height; slivers become less high, so as to stay readable.

    Parameters
    ----------
    images
        (H, W, 3) RGB uint8 each, of any sizes.
    columns
        Images per row.
    height
        Height of every image in pixels; by default that of the highest.
    gap
        Pixels between images.

    Returns
    -------
    ndarray
        (H, W, 3) RGB uint8.
    """
    if not images:
        raise DataError("a contact sheet of no images; expected at least one")
    if columns < 1:
        raise ConfigError(f"columns={columns}, expected 1 or more")
    for image in images:
        check_image(image)
    height = height or max(len(image) for image in images)
    resized = [_with_height(image, height) for image in images]
    rows = [resized[first : first + columns] for first in range(0, len(resized), columns)]
    width = max(sum(image.shape[1] for image in row) + gap * (len(row) - 1) for row in rows)
    sheet = np.full((len(rows) * (height + gap) - gap, width, 3), 255, np.uint8)
    for number, row in enumerate(rows):
        top = number * (height + gap)
        left = 0
        for image in row:
            sheet[top : top + len(image), left : left + image.shape[1]] = image
            left += image.shape[1] + gap
    return sheet


def captioned(image: np.ndarray, text: str, bold: bool = False) -> np.ndarray:
    """Return a picture with a line of ASCII text above it, as large as fits, on white."""
    check_image(image)
    font, size = (cv2.FONT_HERSHEY_DUPLEX, 0.66) if bold else (cv2.FONT_HERSHEY_SIMPLEX, 0.56)
    (width, _), _ = cv2.getTextSize(text, font, size, 1)
    size *= min(1.0, (image.shape[1] - 8) / width)
    strip = np.full((34 if bold else 28, image.shape[1], 3), 255, np.uint8)
    cv2.putText(strip, text, (3, len(strip) - 9), font, size, _INK, 1, cv2.LINE_AA)
    return np.concatenate([strip, image])


def enlarge(image: np.ndarray, height: int) -> tuple[np.ndarray, float]:
    """Return an image scaled to a height in pixels, and by what factor it was."""
    check_image(image)
    factor = height / len(image)
    return _resize(image, factor), factor


def save_image(path: str | Path, rgb: np.ndarray) -> None:
    """Write an (H, W, 3) RGB uint8 image as JPEG or PNG, by the suffix; whole or not at all.

    What is longer than a JPEG file can be, 65,500 pixels, becomes smaller.

    Raises
    ------
    ConfigError
        If the suffix is none of .jpg, .jpeg and .png.
    """
    path = Path(path)
    check_image(rgb)
    if path.suffix.lower() not in _SUFFIXES:
        raise ConfigError(
            f"{path}: cannot write {path.suffix or 'no suffix'!r}, expected one of {', '.join(_SUFFIXES)}"
        )
    longest = max(rgb.shape[:2])
    if longest > _LARGEST_SIDE:
        rgb = _resize(rgb, _LARGEST_SIDE / longest)
    _, encoded = cv2.imencode(path.suffix.lower(), rgb[..., ::-1], _SUFFIXES[path.suffix.lower()])
    with atomic_path(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def _with_height(image: np.ndarray, height: int) -> np.ndarray:
    """Resize an image to a height, or to less where it would be more than `_WIDEST` times as wide."""
    factor = min(height / len(image), _WIDEST * height / image.shape[1])
    return image if factor == 1 else _resize(image, factor)


def _resize(image: np.ndarray, factor: float) -> np.ndarray:
    size = (max(1, round(image.shape[1] * factor)), max(1, round(len(image) * factor)))
    resized: np.ndarray = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    return resized
