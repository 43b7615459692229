"""The tags of TIFF files and of EXIF, which is one inside other files."""

from __future__ import annotations

import struct

PREVIEW = 254
WIDTH = 256
HEIGHT = 257
BITS = 258
COLOURS = 262
ORIENTATION = 274
TILE_WIDTH = 322
TILE_HEIGHT = 323
NUMBERS = 339
RAW = 50706

EXIF = b"Exif\0\0"
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_LAYOUTS = {1: "B", 3: "H", 4: "I"}  # by the type of a tag
_PALETTE = 3
_READABLE_COLOURS = frozenset({0, 1, 2, _PALETTE, 5, 6})  # 0 and 1 are grey, 2 RGB, 5 CMYK, 6 YCbCr
_READABLE_NUMBERS = frozenset({1, 4})  # whole ones, and unknown
_CONVERT = "which cannot be read; convert it to JPEG or PNG"


def read_tags(data: bytes) -> dict[int, int]:
    """Return the first number of each tag of the first directory; of a repeated tag the first counts.

    Raises
    ------
    KeyError, struct.error
        If it is no TIFF, or its directory is cut short.
    """
    order = _ORDERS[data[:4]]
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, start)
    tags: dict[int, int] = {}
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", data, place)
        if kind not in _LAYOUTS or number == 0:
            continue
        layout = order + _LAYOUTS[kind]
        content = place + 8
        if number * struct.calcsize(layout) > 4:  # it is elsewhere
            (content,) = struct.unpack_from(f"{order}I", data, content)
        tags.setdefault(tag, struct.unpack_from(layout, data, content)[0])
    return tags


def orientation_of(tags: dict[int, int]) -> int:
    """Return how a picture is to be shown, 1 to 8; numbers that mean nothing count as 1, as it is stored."""
    found = tags.get(ORIENTATION, 1)
    return found if 1 <= found <= 8 else 1


def exif_orientation(content: bytes) -> int:
    """Return the orientation that EXIF notes, 1 if it is broken or notes none."""
    tiff = content[len(EXIF) :] if content.startswith(EXIF) else content
    try:
        return orientation_of(read_tags(tiff))
    except (KeyError, struct.error):
        return 1


def check_readable(tags: dict[int, int]) -> None:
    """Make sure that OpenCV reads pictures with such tags, and reads them right.

    Raises
    ------
    ValueError
        If it does not; the message says what the picture is.
    """
    if RAW in tags or tags.get(PREVIEW, 0) & 1:  # its first page is only a preview
        raise ValueError(f"a camera's raw picture, {_CONVERT}")
    bits = tags.get(BITS, 1)
    colours = tags[COLOURS]
    numbers = tags.get(NUMBERS, 1)
    depths = (1, 4, 8) if colours == _PALETTE else (1, 8, 16)
    if bits not in depths or colours not in _READABLE_COLOURS or numbers not in _READABLE_NUMBERS:
        what = f"{bits} bits, format of numbers {numbers} and of colours {colours}"
        raise ValueError(f"a TIFF picture with {what}, {_CONVERT}")
