"""Weights in the format of ``mx.nd.save``; MXNet's own reader trusts the sizes that a file claims.

All numbers are little-endian. A file is a uint64 0x112, a reserved uint64, a uint64 count and as many arrays, then a
uint64 count and as many names, each a uint64 length and UTF-8. An array begins with a uint32 that tells its version:

- 0xF993FAC9 (V2) and 0xF993FACA (V3, whose shape may be ()): int32 storage, 0 for dense, then as V1;
- 0xF993FAC8 (V1): int32 number of dimensions, int64 dimensions;
- any other: itself the number of dimensions, uint32 dimensions;

all followed by an int32 type and int32 number of a device, an int32 data type and the values (MXNet 1.9.1,
``NDArray::Save`` and ``NDArray::LegacyLoad``).
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np

from .reading import MAX_DIMENSIONS, MAX_TENSORS, Tensors, add_tensor, read_tensors

_FILE = 0x112
_V1 = 0xF993FAC8
_V2 = 0xF993FAC9
_V3 = 0xF993FACA
_DTYPES = {0: "<f4", 1: "<f8", 2: "<f2"}


def read_params(path: str | Path) -> Tensors:
    """Read the weights of a ``.params`` file.

    Memory is bounded by twice the size of the file, for float16, and a few MB.

    Parameters
    ----------
    path
        A file of ``mx.nd.save``, ``save_parameters``, ``export`` or ``save_checkpoint``.

    Returns
    -------
    dict
        float32 arrays by their names in the order of the file; names in symbol checkpoints begin with
        ``arg:`` or ``aux:``.

    Raises
    ------
    CheckpointError
        If the file is missing or broken, or holds arrays without names, sparse ones, or others than floats.
    """
    return read_tensors(path, "an MXNet parameter file", _parse)


def _parse(data: memoryview) -> Tensors:
    source = _Source(data)
    magic, _, count = source.unpack("<QQQ")
    if magic != _FILE:
        raise ValueError("it does not begin as one")
    if count > MAX_TENSORS:
        raise ValueError(f"{count} tensors")
    arrays = [source.array() for _ in range(count)]
    (named,) = source.unpack("<Q")
    if named != count:
        raise ValueError(f"{count} tensors with {named} names" if named else "its tensors have no names")
    tensors: Tensors = {}
    for array in arrays:
        (length,) = source.unpack("<Q")
        name = str(source.take(length), "utf-8")
        add_tensor(tensors, name, array)
    if not tensors:
        raise ValueError("it holds no tensors")
    if source.rest:
        raise ValueError(f"{source.rest} bytes follow its end")
    return tensors


class _Source:
    """Bytes, read from first to last."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._place = 0

    @property
    def rest(self) -> int:
        return len(self._data) - self._place

    def take(self, size: int) -> memoryview:
        if size > self.rest:
            raise ValueError(f"{size} bytes expected where {self.rest} are left; was the file cut off?")
        self._place += size
        return self._data[self._place - size : self._place]

    def unpack(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def array(self) -> np.ndarray:
        """Return a view of the next array."""
        shape = self._shape()
        _, _, flag = self.unpack("<iii")
        if flag not in _DTYPES:
            raise ValueError(f"a tensor of data type {flag}, expected float16, float32 or float64")
        dtype = np.dtype(_DTYPES[flag])
        return np.frombuffer(self.take(math.prod(shape) * dtype.itemsize), dtype).reshape(shape)

    def _shape(self) -> tuple[int, ...]:
        (version,) = self.unpack("<I")
        if version in (_V2, _V3):
            (storage,) = self.unpack("<i")
            if storage:
                raise ValueError("a sparse tensor")
        dimensions = version
        letter = "I"
        if version in (_V1, _V2, _V3):
            (dimensions,) = self.unpack("<i")
            letter = "q"
        fewest = 0 if version == _V3 else 1  # before V3 none meant: an array without values
        if not fewest <= dimensions <= MAX_DIMENSIONS:
            raise ValueError(f"a tensor of {dimensions} dimensions")
        shape = self.unpack(f"<{dimensions}{letter}")
        if any(size < 0 for size in shape):
            raise ValueError(f"a tensor of shape {shape}")
        return shape
