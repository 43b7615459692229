"""The size of a picture from the first bytes of its file."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from ..errors import DataError
from ..files import check_regular
from .images import read_bgr

_START = b"\xff\xd8"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # those three are tables and an extension, not frames
_BARE = frozenset(range(0xD0, 0xD8)) | {0x01}  # nothing follows these markers
_LAST = frozenset({0xD9, 0xDA})  # the end, and pixels, which a frame must precede


def stored_size(path: str | Path) -> tuple[int, int]:
    """Return width and height in pixels of a picture as it is stored, before any rotation noted in EXIF.

    Of a JPEG file only the frame header is looked for (ITU-T T.81, annex B); other pictures are decoded.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DataError
        If the file is missing or no picture.
    """
    try:
        check_regular(path)
        with open(path, "rb") as file:
            size = _jpeg_size(file)
    except OSError as error:
        raise DataError(f"{path}: cannot read the image ({error.strerror})") from None
    if size is None:
        height, width = read_bgr(path).shape[:2]
        size = (width, height)
    return size


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    """Step from segment to segment up to the frame header; None if there is none to find."""
    if file.read(2) != _START:
        return None
    while file.read(1) == b"\xff":
        marker = file.read(1)
        while marker == b"\xff":  # fill bytes
            marker = file.read(1)
        if not marker or marker[0] in _LAST:
            return None
        if marker[0] in _BARE:
            continue
        length = int.from_bytes(file.read(2), "big")
        if marker[0] in _FRAMES:
            frame = file.read(5)  # bits per sample, height, width
            width, height = int.from_bytes(frame[3:], "big"), int.from_bytes(frame[1:3], "big")
            return (width, height) if len(frame) == 5 and width and height else None
        if length < 2:
            return None
        file.seek(length - 2, 1)
    return None
