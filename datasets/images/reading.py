"""Reading pictures as they come from the field: rotated, grey, CMYK, or broken."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...errors import DataError, quote
from ...files import require_regular
from ...opencv import cv2
from .header import ImageHeader, read_header
from .kinds import FIRST_BYTES, other_picture
from .segments import is_whole_jpeg, still_png

LARGEST_IMAGE = 100_000_000  # pixels; larger ones are refused before memory is taken
LARGEST_FILE = 4 * LARGEST_IMAGE  # bytes; so are larger files

_JPEG_END = b"\xff\xd9"
_HEADER_BYTES = 1 << 16  # in which the header of most files is
_FLIPS = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}  # of OpenCV by orientation, after the sides are exchanged from 5 on
_INVERSE = {6: 8, 8: 6}  # the other orientations undo themselves


def read_image(
    path: str | Path, size: tuple[int, int] | None = None, load: Callable[[], bytes] | None = None
) -> np.ndarray:
    """Read a picture as RGB: JPEG, PNG, BMP, WebP or TIFF, which its first bytes say and not its name.

    Grey, palette, 16-bit and CMYK files are converted; what is transparent has the colour that is stored below, or is
    black in TIFF; of several pages or frames the first is read. A rotation noted in EXIF is applied, unless `size`
    shows that the annotations were made on the picture as stored.

    Parameters
    ----------
    path
        The file.
    size
        Height and width in pixels that the annotations give, if any.
    load
        Returns the bytes of the picture where it is no file of its own; `path` is then only what messages call it.

    Returns
    -------
    ndarray
        (H, W, 3) uint8.

    Raises
    ------
    DataError
        If the file is missing, of another kind, broken or cut short, larger than `LARGEST_IMAGE`, or
        not of the given size. What can be known from its header is refused before memory is taken for its pixels.
    """
    return cv2.cvtColor(read_bgr(path, size, load), cv2.COLOR_BGR2RGB)


def read_bgr(
    path: str | Path, size: tuple[int, int] | None = None, load: Callable[[], bytes] | None = None
) -> np.ndarray:
    """Read a picture as :func:`read_image` does, but as BGR, which is what OpenCV decodes to."""
    return decode_bgr(read_file(path) if load is None else load(), path, size)


def read_file(path: str | Path, count: int = -1) -> bytes:
    """Return the bytes of a picture, or the first `count` of them.

    Raises
    ------
    DataError
        If the file cannot be read, is larger than `LARGEST_FILE`, or is a pipe or device, of which reading might never
        end.
    """
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            require_regular(status, path)
            if count < 0 and status.st_size > LARGEST_FILE:
                kind = other_picture(file.read(FIRST_BYTES)) or "a file"
                raise DataError(f"{path}: {kind} of {status.st_size:,} bytes, expected at most {LARGEST_FILE:,}")
            return file.read(count)
    except OSError as error:
        raise DataError(f"{path}: cannot read the image ({error.strerror})") from None
    except ValueError as error:  # of names that no file can have
        raise DataError(f"{quote(str(path))}: cannot read the image ({error})") from None


def stored_size(path: str | Path) -> tuple[int, int]:
    """Return height and width in pixels of a picture as it is stored, before any rotation noted in EXIF.

    Only the beginning of most files is read, and none is decoded.

    Raises
    ------
    DataError
        If the file is missing or no picture.
    """
    try:
        header = read_header(read_file(path, _HEADER_BYTES), path)
    except DataError:
        header = read_header(read_file(path), path)  # some keep it at their end
    return header.stored


def decode_bgr(data: bytes, path: str | Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """Decode the bytes of a picture as :func:`read_bgr` does; `path` is what messages call it."""
    header = read_header(data, path)
    shown = size is None or header.shown == tuple(size)
    expected = header.shown if shown else header.stored
    if size is not None and expected != tuple(size):
        raise DataError(f"{path}: the image is {_sides(header.shown)}, its annotations say {_sides(size)}")
    _check_limits(header, path)
    image = _decode(_whole(data, header, path))
    if image is not None:
        image = _shown_or_stored(image, header, shown)
    if image is None or image.shape != (*expected, 3):
        raise DataError(f"{path}: a broken {header.kind} picture, or one that OpenCV cannot read ({len(data)} bytes)")
    return image


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file; of a pipe into which nobody writes, opening alone would last for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def _sides(size: tuple[int, int]) -> str:
    height, width = size
    return f"{width} pixels wide and {height} high"


def _check_limits(header: ImageHeader, path: str | Path) -> None:
    if max(header.width * header.height, header.tile) > LARGEST_IMAGE:
        expected = f"expected at most {LARGEST_IMAGE:,} pixels; make it smaller"
        raise DataError(f"{path}: the image is {_sides(header.shown)}, {expected}")


def _whole(data: bytes, header: ImageHeader, path: str | Path) -> bytes:
    """Return what is given to OpenCV, some versions of which fill what is missing with grey and say nothing."""
    if header.kind == "PNG":
        return still_png(data, path)
    # Most JPEG files end with the end: no need to search.
    if header.kind == "JPEG" and not data.endswith(_JPEG_END) and not is_whole_jpeg(data):
        raise DataError(f"{path}: the JPEG file is cut short after {len(data)} bytes")
    return data


def _decode(data: bytes) -> np.ndarray | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None


def _shown_or_stored(image: np.ndarray, header: ImageHeader, shown: bool) -> np.ndarray:
    """Turn a decoded picture as it is to be shown, or as it is stored."""
    if header.kind != "TIFF":
        return _turn(image, header.orientation) if shown else image
    if shown:  # OpenCV has turned it, whatever the flags
        return image
    return _turn(image, _INVERSE.get(header.orientation, header.orientation))


def _turn(image: np.ndarray, orientation: int) -> np.ndarray:
    """Turn a picture as EXIF's orientation says."""
    if orientation >= 5:
        image = cv2.transpose(image)
    return cv2.flip(image, _FLIPS[orientation]) if orientation in _FLIPS else image
