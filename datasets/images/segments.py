"""The segments and chunks that picture files are made of."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from ...errors import DataError

JPEG_END = 0xD9
JPEG_SCAN = 0xDA

_MARKER = re.compile(rb"\xff(?=[^\0\xff])", re.DOTALL)  # decoders skip what is between segments, and fill bytes
_AFTER_PIXELS = re.compile(rb"\xff(?=[^\0\xd0-\xd7\xff])", re.DOTALL)  # zeros and restarts belong to the pixels
_BARE = frozenset(range(0xD0, 0xDA)) | {0x01}  # nothing follows these markers
_PNG_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, place and length of each segment, as decoders find them (ITU-T T.81, annex B)."""
    pattern = _MARKER
    place = 2
    while found := pattern.search(data, place):
        marker = data[found.end()]
        place = found.end() + 1
        length = 0 if marker in _BARE else int.from_bytes(data[place : place + 2], "big")
        yield marker, place, length
        place += length
        pattern = _AFTER_PIXELS if marker == JPEG_SCAN else _MARKER


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, place and length of the content of each chunk."""
    place = 8
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        yield name, place + 8, length
        place += 12 + length  # a checksum follows


def webp_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, place and length of the content of each chunk."""
    place = 12
    while place + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, place)
        yield name, place + 8, length
        place += 8 + length + length % 2


def is_whole_jpeg(data: bytes) -> bool:
    """Return whether a JPEG picture goes on to its end; other things may follow, such as the video of a phone."""
    return any(marker == JPEG_END for marker, _, _ in jpeg_segments(data))


def still_png(data: bytes, path: str | Path) -> bytes:
    """Return a PNG file without what its pixels do not need, above all animation, on which OpenCV 4.11 has crashed.

    Raises
    ------
    DataError
        If it is cut short; `path` is what the message calls it.
    """
    parts = [data[:8]]
    for name, place, length in png_chunks(data):
        if name in _PNG_PIXELS:
            parts.append(data[place - 8 : place + length + 4])
        if name == b"IEND":
            return b"".join(parts)
    raise DataError(f"{path}: the PNG file is cut short after {len(data)} bytes")
