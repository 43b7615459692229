"""What the first bytes of a picture say of it, before memory is taken for its pixels."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import DataError
from . import tiff_tags
from .kinds import describe, readable_kind
from .segments import JPEG_END, JPEG_SCAN, jpeg_segments, png_chunks, webp_chunks
from .tiff_tags import EXIF, exif_orientation

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # those are tables and an extension, not frames
_APP1 = 0xE1


@dataclass(frozen=True)
class ImageHeader:
    """What a picture says of itself.

    Attributes
    ----------
    kind
        One of `cpm.datasets.images.kinds.READABLE`.
    width, height
        As it is stored, in pixels.
    orientation
        How EXIF or the tag of TIFF says that it is to be shown: 1 as it is stored, to 8; 5 to 8 exchange the sides.
    tile
        The pixels of a tile of TIFF, else 0.
    """

    kind: str
    width: int
    height: int
    orientation: int = 1
    tile: int = 0

    @property
    def stored(self) -> tuple[int, int]:
        """Height and width as it is stored."""
        return self.height, self.width

    @property
    def shown(self) -> tuple[int, int]:
        """Height and width as it is to be shown."""
        return (self.width, self.height) if self.orientation >= 5 else self.stored


def read_header(data: bytes, path: str | Path) -> ImageHeader:
    """Return what the bytes of a picture, or the first of them, say of it; `path` is what messages call it.

    Raises
    ------
    DataError
        If they begin no picture of a kind that is read.
    """
    kind = readable_kind(data)
    if kind is None:
        raise DataError(f"{path}: {describe(data)}")
    try:
        header = _READERS[kind](data)
    except (KeyError, struct.error):
        raise DataError(f"{path}: a broken {kind} picture, or cut short ({len(data)} bytes)") from None
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    if min(header.stored) < 1:
        raise DataError(f"{path}: a broken {kind} picture of {header.width} x {header.height} pixels")
    return header


def _read_jpeg(data: bytes) -> ImageHeader:
    orientation = None
    for marker, place, length in jpeg_segments(data):
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, place + 3)
            return ImageHeader("JPEG", width, height, orientation or 1)
        if marker in (JPEG_END, JPEG_SCAN):
            break
        if marker == _APP1 and orientation is None and data.startswith(EXIF, place + 2):
            orientation = exif_orientation(data[place + 2 : place + length])
    raise KeyError("frame header")


def _read_png(data: bytes) -> ImageHeader:
    if data[12:16] != b"IHDR":
        raise KeyError("IHDR")
    width, height = struct.unpack_from(">II", data, 16)
    return ImageHeader("PNG", width, height, _first_orientation(data, b"eXIf", png_chunks(data)))


def _read_bmp(data: bytes) -> ImageHeader:
    (length,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if length == 12 else "<ii", data, 18)
    return ImageHeader("BMP", width, abs(height))  # lines from top to bottom have a height below 0


def _read_webp(data: bytes) -> ImageHeader:
    """Read lossy, lossless and extended files (RFC 9649)."""
    name = data[12:16]
    if name == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return ImageHeader("WebP", width & 0x3FFF, height & 0x3FFF)
    if name == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return ImageHeader("WebP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if name != b"VP8X" or len(data) < 30:
        raise KeyError("VP8X")
    width = int.from_bytes(data[24:27], "little") + 1
    height = int.from_bytes(data[27:30], "little") + 1
    return ImageHeader("WebP", width, height, _first_orientation(data, b"EXIF", webp_chunks(data)))


def _read_tiff(data: bytes) -> ImageHeader:
    """Read the first page; of the many kinds those that OpenCV reads right."""
    tags = tiff_tags.read_tags(data)
    tiff_tags.check_readable(tags)
    tile = tags.get(tiff_tags.TILE_WIDTH, 0) * tags.get(tiff_tags.TILE_HEIGHT, 0)
    orientation = tiff_tags.orientation_of(tags)
    return ImageHeader("TIFF", tags[tiff_tags.WIDTH], tags[tiff_tags.HEIGHT], orientation, tile)


_READERS: dict[str, Callable[[bytes], ImageHeader]] = {
    "JPEG": _read_jpeg,
    "PNG": _read_png,
    "BMP": _read_bmp,
    "WebP": _read_webp,
    "TIFF": _read_tiff,
}


def _first_orientation(data: bytes, name: bytes, chunks: Iterator[tuple[bytes, int, int]]) -> int:
    """Return the orientation that the first chunk of a name notes, 1 if there is none."""
    for found, place, length in chunks:
        if found == name:
            return exif_orientation(data[place : place + length])
    return 1
