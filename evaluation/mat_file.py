"""Numbers from MATLAB files, without trust in what these say of themselves."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..files import read_regular

_HEADER = 128
_LEVEL_5 = b"\x00\x01IM"  # version 1.0, little endian: how the header ends
_MATRIX, _COMPRESSED = 14, 15
_DTYPES = {1: "<i1", 2: "<u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8", 12: "<i8", 13: "<u8"}
_NUMERIC = range(6, 16)  # classes of arrays, from double to uint64
_COMPLEX = 0x800
_MOST = 2**26  # bytes of a variable


def read_mat(path: str | Path, names: Collection[str]) -> dict[str, np.ndarray]:
    """Read arrays of real numbers from a MATLAB file ("MAT-File Level 5", which MATLAB writes up to version 7.2).

    A reader of its own, since that of SciPy can crash on damaged files.

    Parameters
    ----------
    path
        The file.
    names
        The variables to read; all others are left out, whatever they are.

    Returns
    -------
    dict
        An array of float64 for every name.

    Raises
    ------
    DataError
        If the file cannot be read, is of another kind or broken, or lacks a variable.
    """
    try:
        data = memoryview(read_regular(path))
        if bytes(data[_HEADER - 4 : _HEADER]) != _LEVEL_5:
            raise ValueError("its header is another")
        found = dict(_variables(data, names))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    except (KeyError, ValueError, struct.error, zlib.error) as error:
        raise DataError(f"{path}: not a MATLAB file up to version 7.2, or broken ({error})") from None
    missing = [name for name in names if name not in found]
    if missing:
        raise DataError(f"{path}: no {missing[0]!r} in it, expected {', '.join(names)}")
    return found


def _variables(data: memoryview, names: Collection[str]) -> Iterator[tuple[str, np.ndarray]]:
    position = _HEADER
    while position < len(data):
        kind, part, position = _element(data, position)
        if kind == _COMPRESSED:
            inflater = zlib.decompressobj()
            part = memoryview(inflater.decompress(part, _MOST))
            if not inflater.eof:
                raise ValueError(f"a variable is cut short, or has more than {_MOST} bytes")
            kind, part, _ = _element(part, 0)
        if kind == _MATRIX:
            yield from _matrix(part, names)


def _element(data: memoryview, position: int) -> tuple[int, memoryview, int]:
    """Return the type and the bytes of an element, and where they end."""
    (kind,) = struct.unpack_from("<I", data, position)
    if kind >> 16:  # up to four bytes in place of their number
        kind, size, position = kind & 0xFFFF, kind >> 16, position + 4
    else:
        (size,) = struct.unpack_from("<I", data, position + 4)
        position += 8
    part = data[position : position + size]
    if len(part) != size:
        raise ValueError(f"{size} bytes expected at {position}, {len(part)} are there")
    return kind, part, position + size


def _matrix(data: memoryview, names: Collection[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and values if the name is asked for."""
    parts, position = [], 0
    for _ in range(3):
        _, part, end = _element(data, position)
        parts.append(part)
        position = -(-end // 8) * 8
    flags, sides, name = parts[0], parts[1], bytes(parts[2]).decode("latin-1")
    if name not in names:
        return
    (kind,) = struct.unpack_from("<I", flags)
    if kind & 0xFF not in _NUMERIC or kind & _COMPLEX:
        raise ValueError(f"{name} is not an array of real numbers")
    shape = np.frombuffer(sides, "<i4").tolist()
    kind, values, _ = _element(data, position)
    dtype = np.dtype(_DTYPES[kind])
    if any(side < 0 for side in shape) or math.prod(shape) * dtype.itemsize != len(values):
        raise ValueError(f"{name} has the shape {shape} and {len(values)} bytes")
    yield name, np.frombuffer(values, dtype).reshape(shape, order="F").astype(float)
