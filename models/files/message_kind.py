"""Protocol buffers told apart: ONNX, Caffe and others are messages without a mark of their kind."""

from __future__ import annotations

import mmap
from collections.abc import Iterator

_MAX_FIELDS = 100_000
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def recognise_message(content: mmap.mmap) -> tuple[str, str]:
    """Tell the kind of a file by the fields of its outermost message.

    Returns
    -------
    tuple
        "onnx" or "caffe", or "" and what it is instead, as far as that can be told.
    """
    fields: list[tuple[int, int]] = []
    for field in _fields(content):
        if field == (7, _BYTES) and (1, _VARINT) in fields:  # the graph and the version of a ModelProto
            return "onnx", ""
        if field == (100, _BYTES):  # the layer of a NetParameter
            return "caffe", ""
        if field == (1, _BYTES) and field in fields:  # the nodes of a GraphDef; a NetParameter has one name
            return "", "a TensorFlow graph, whose weights are not read"
        fields.append(field)
    named = (1, _VARINT) not in fields
    return ("caffe" if named and (2, _BYTES) in fields else ""), ""


def _fields(content: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Yield number and wire type of the fields of a message, each before its value is passed over."""
    place = 0
    for _ in range(_MAX_FIELDS):
        key, place = _varint(content, place)
        number, wire = key >> 3, key & 7
        if not number or wire not in (_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES):
            return
        yield number, wire
        size, after = _varint(content, place)
        sizes = {_VARINT: 0, _BYTES: size, _EIGHT_BYTES: 8, _FOUR_BYTES: 4}
        place = (after if wire in (_VARINT, _BYTES) else place) + sizes[wire]


def _varint(content: mmap.mmap, place: int) -> tuple[int, int]:
    """Return the integer at a place and the place after it; 0 at the end of the bytes."""
    value = 0
    for count, byte in enumerate(content[place : place + 10]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, place + count + 1
    return 0, len(content)
