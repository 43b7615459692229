"""Protocol buffers told apart: ONNX, Caffe and others are messages without a mark of their kind."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import suppress

from .wire import BYTES, EIGHT_BYTES, FOUR_BYTES, VARINT, Field, read_key, read_varint

_MAX_FIELDS = 100_000


def recognise_message(content: mmap.mmap) -> tuple[str, str]:
    """Tell the kind of a file by the fields of its outermost message.

    Returns
    -------
    tuple
        "onnx" or "caffe", or "" and what it is instead, as far as that can be told.
    """
    fields: list[Field] = []
    for field in _fields(content):
        if field == (7, BYTES) and (1, VARINT) in fields:  # the graph and the version of a ModelProto
            return "onnx", ""
        if field == (100, BYTES):  # the layer of a NetParameter
            return "caffe", ""
        if field == (1, BYTES) and field in fields:  # the nodes of a GraphDef; a NetParameter has one name
            return "", "a TensorFlow graph, whose weights are not read"
        fields.append(field)
    named = (1, VARINT) not in fields
    return ("caffe" if named and (2, BYTES) in fields else ""), ""


def _fields(content: mmap.mmap) -> Iterator[Field]:
    """Yield the fields of a message, each before its value is passed over, as far as they make sense."""
    place = 0
    with suppress(ValueError):  # the end, perhaps before that of a field
        for _ in range(_MAX_FIELDS):
            (number, wire), place = read_key(content, place)
            if not number or wire not in (VARINT, BYTES, EIGHT_BYTES, FOUR_BYTES):
                return
            yield number, wire
            size = 8 if wire == EIGHT_BYTES else 4
            if wire in (VARINT, BYTES):
                size, place = read_varint(content, place)
            if wire != VARINT:
                place += size
