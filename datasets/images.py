"""Reading pictures as they come from the field: rotated, grey, CMYK, or broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from ..errors import DataError
from ..files import read_regular

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")

_JPEG_START, _JPEG_SCAN, _JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"


def read_image(
    path: str | Path, size: tuple[int, int] | None = None, load: Callable[[], bytes] | None = None
) -> np.ndarray:
    """Read a picture as RGB.

    Grey and CMYK files are converted. A rotation noted in EXIF is applied, unless `size` shows that the
    annotations were made on the picture as stored.

    Parameters
    ----------
    path
        The file.
    size
        Width and height in pixels that the annotations give, if any.
    load
        Returns the bytes of the picture where it is no file of its own; `path` is then only what messages call it.

    Returns
    -------
    ndarray
        (H, W, 3) uint8.

    Raises
    ------
    DataError
        If the file is missing, broken or cut short, or not of the given size.
    """
    return cv2.cvtColor(read_bgr(path, size, load), cv2.COLOR_BGR2RGB)


def read_bgr(
    path: str | Path, size: tuple[int, int] | None = None, load: Callable[[], bytes] | None = None
) -> np.ndarray:
    """Read a picture as :func:`read_image` does, but as BGR, which is what OpenCV decodes to."""
    return decode_bgr(read_file(path) if load is None else load(), path, size)


def read_file(path: str | Path) -> bytes:
    """Return the bytes of a picture.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    try:
        return read_regular(path)
    except OSError as error:
        raise DataError(f"{path}: cannot read the image ({error.strerror})") from None


def decode_bgr(data: bytes, path: str | Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """Decode the bytes of a picture as :func:`read_bgr` does; `path` is what messages call it."""
    if data.startswith(_JPEG_START) and not data.endswith(_JPEG_END) and data.rfind(_JPEG_END) < data.rfind(_JPEG_SCAN):
        # OpenCV would fill the missing part with grey and say nothing. Most files end with the end: no need to search.
        raise DataError(f"{path}: the JPEG file is cut short after {len(data)} bytes")
    image = _decode(data, cv2.IMREAD_COLOR)
    if image is None:
        raise DataError(f"{path}: not an image that OpenCV can read ({len(data)} bytes)")
    if size is not None and (image.shape[1], image.shape[0]) != tuple(size):
        stored = _decode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if stored is None or (stored.shape[1], stored.shape[0]) != tuple(size):
            found, expected = f"{image.shape[1]}x{image.shape[0]}", f"{size[0]}x{size[1]}"
            raise DataError(f"{path}: the image is {found}, its annotations say {expected}")
        image = stored
    return image


def list_images(folder: str | Path) -> list[Path]:
    """Return the pictures of a folder (by their suffix) in the order of their names; a single file is itself the list.

    Raises
    ------
    DataError
        If there is no such folder or file, or no picture in it.
    """
    folder = Path(folder)
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise DataError(f"{folder}: no such file or folder, expected pictures")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise DataError(f"{folder}: no pictures in it ({', '.join(SUFFIXES)})")
    return found


def _decode(data: bytes, flags: int) -> np.ndarray | None:
    if not data:
        return None
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
