"""Weights of Caffe models, which are protocol buffers.

A ``.caffemodel`` is a NetParameter. Its ``layer`` (field 100; in files up to 2014 ``layers``, field 2) are messages
with a name and blobs, and a blob has a shape and values (``caffe.proto``). Other fields are skipped unread.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..files.wire import BYTES, EIGHT_BYTES, FOUR_BYTES, VARINT, Field, read_key, read_varint
from .reading import MAX_DIMENSIONS, Tensors, add_tensor, read_tensors

# Fields as (number, wire type).
_V0_LAYER = (1, BYTES)
_LEGACY_SHAPE = {(number, VARINT): number - 1 for number in (1, 2, 3, 4)}  # num, channels, height, width
_FLOATS = ((5, BYTES), (5, FOUR_BYTES))
_DOUBLES = ((8, BYTES), (8, EIGHT_BYTES))
_SHAPE = (7, BYTES)
_MAX_BLOBS = 100
_SUFFIXES = ("weight", "bias")


class _LayerFields(NamedTuple):
    name: Field
    blobs: Field


_LAYERS = {
    (100, BYTES): _LayerFields((1, BYTES), (7, BYTES)),
    (2, BYTES): _LayerFields((4, BYTES), (6, BYTES)),
}


def read_caffemodel(path: str | Path) -> Tensors:
    """Read the weights of a ``.caffemodel``.

    Memory is bounded by twice the size of the file and a few MB; a sound file takes the size of its weights.

    Parameters
    ----------
    path
        The file, with ``layer`` or V1 ``layers``.

    Returns
    -------
    dict
        float32 arrays in the order of the file, ``LAYER.weight`` for the first blob of a layer, ``LAYER.bias`` for
        the second and ``LAYER.2`` and so on for more. Older files give every blob four dimensions: from the second
        blob of a layer on, (1, 1, 1, N) becomes (N,).

    Raises
    ------
    CheckpointError
        If the file is missing or broken, or no layer has weights.
    """
    return read_tensors(path, "a Caffe model", _parse)


def _parse(data: memoryview) -> Tensors:
    tensors: Tensors = {}
    for field, value in _read_fields(data):
        if field in _LAYERS:
            _add_layer(tensors, value, _LAYERS[field])
    if not tensors:
        raise ValueError("no layer has weights")
    return tensors


def _add_layer(tensors: Tensors, data: memoryview, fields: _LayerFields) -> None:
    name = ""
    blobs = []
    for field, value in _read_fields(data):
        if field == fields.name:
            name = str(value, "utf-8")
        elif field == fields.blobs:
            blobs.append(value)
            if len(blobs) > _MAX_BLOBS:
                raise ValueError(f"a layer of more than {_MAX_BLOBS} blobs")
        elif field == _V0_LAYER:  # field 1 of the V1 layers; the newer ones have their name there
            raise ValueError("layers of before 2014, let Caffe's upgrade_net_proto_binary convert them")
    if blobs and not name:
        raise ValueError("a layer with weights has no name")
    for number, blob in enumerate(blobs):
        suffix = _SUFFIXES[number] if number < len(_SUFFIXES) else str(number)
        add_tensor(tensors, f"{name}.{suffix}", _read_blob(blob, f"{name}.{suffix}", squeeze=number > 0))


def _read_blob(data: memoryview, name: str, squeeze: bool) -> np.ndarray:
    """Return a view of the values of a blob."""
    legacy = [0, 0, 0, 0]
    shape: list[int] = []
    floats = _Values("<f4")
    doubles = _Values("<f8")
    for field, value in _read_fields(data):
        if field in _LEGACY_SHAPE:
            legacy[_LEGACY_SHAPE[field]] = value
        elif field == _SHAPE:
            shape += _read_shape(value)
        elif field in _FLOATS:
            floats.add(value)
        elif field in _DOUBLES:
            doubles.add(value)
    if floats and doubles:
        raise ValueError(f"{name} has values of two types")
    values = (doubles or floats).array()
    if any(legacy):  # as Caffe decides
        shape = legacy[3:] if squeeze and legacy[:3] == [1, 1, 1] else legacy
    if len(shape) > MAX_DIMENSIONS or math.prod(shape) != len(values) or not len(values):
        raise ValueError(f"{name} has {len(values)} values for the shape {tuple(shape)}")
    return values.reshape(shape)


def _read_shape(data: memoryview) -> list[int]:
    """Return the dimensions of a BlobShape, packed or not."""
    shape: list[int] = []
    for field, value in _read_fields(data):
        if field == (1, VARINT):
            shape.append(value)
        elif field == (1, BYTES):
            place = 0
            while place < len(value):
                size, place = read_varint(value, place)
                shape.append(size)
        if len(shape) > MAX_DIMENSIONS:
            raise ValueError(f"a blob of more than {MAX_DIMENSIONS} dimensions")
    return shape


class _Values:
    """The values of a repeated field: usually one packed piece, which is not copied then."""

    def __init__(self, dtype: str) -> None:
        self._dtype = np.dtype(dtype)
        self._data: memoryview | bytearray = bytearray()

    def add(self, piece: memoryview) -> None:
        if not self._data:
            self._data = piece
            return
        if not isinstance(self._data, bytearray):
            self._data = bytearray(self._data)
        self._data += piece

    def __bool__(self) -> bool:
        return bool(self._data)

    def array(self) -> np.ndarray:
        return np.frombuffer(self._data, self._dtype)


def _read_fields(data: memoryview) -> Iterator[tuple[Field, Any]]:
    """Yield the fields of a message in turn, each with the integer or the bytes of its value."""
    place = 0
    while place < len(data):
        field, place = read_key(data, place)
        wire = field[1]
        if wire == VARINT:
            value, place = read_varint(data, place)
            yield field, value
            continue
        if wire == BYTES:
            size, place = read_varint(data, place)
        elif wire in (FOUR_BYTES, EIGHT_BYTES):
            size = 4 if wire == FOUR_BYTES else 8
        else:
            raise ValueError(f"a field of the unknown wire type {wire}")
        if size > len(data) - place:
            raise ValueError(f"a field of {size} bytes where {len(data) - place} are left; was the file cut off?")
        yield field, data[place : place + size]
        place += size
