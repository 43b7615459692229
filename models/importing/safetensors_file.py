"""Weights in the format of safetensors.

A file is a uint64 length (little-endian), so many bytes of JSON, and values. The JSON gives for each tensor its
``dtype``, ``shape`` and ``data_offsets``, where its values begin and end behind the JSON; ``__metadata__`` are notes.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np

from .reading import MAX_DIMENSIONS, Tensors, add_tensor, is_size, read_tensors, widen_bfloat16
from .state_dict import plain_names

_MAX_HEADER = 4 << 20  # bytes, enough for twenty thousand tensors
_WEIGHTS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_OTHERS = {"BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "U32": 4, "I32": 4, "U64": 8, "I64": 8}
_SIZES = {**{kind: np.dtype(dtype).itemsize for kind, dtype in _WEIGHTS.items()}, **_OTHERS}


def read_safetensors(path: str | Path) -> Tensors:
    """Read the weights of a ``.safetensors`` file.

    Memory is bounded by twice the size of the file, for float16, and some fifty times that of its description, which
    has 4 MB at most.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    dict
        float32 arrays in the order of the file, by their plain names as of `read_torch`. Tensors of integers and
        truth values are no weights and left out.

    Raises
    ------
    CheckpointError
        If the file is missing or broken, its tensors overlap, or one has another type.
    """
    return read_tensors(path, "a safetensors file", _parse)


def _parse(data: memoryview) -> Tensors:
    entries, values = _split(data)
    tensors: Tensors = {}
    end = 0
    for name, (kind, shape, begin, stop) in sorted(entries.items(), key=lambda entry: entry[1][2:]):
        if begin != end:
            raise ValueError(f"{name[:40]!r} begins at byte {begin}, expected {end}")
        end = stop
        if stop > len(values):
            raise ValueError(f"{name[:40]!r} ends at byte {stop} of {len(values)}; was the file cut off?")
        if kind in _WEIGHTS:
            array = np.frombuffer(values[begin:stop], _WEIGHTS[kind]).reshape(shape)
            add_tensor(tensors, name, widen_bfloat16(array) if kind == "BF16" else array)
    if end != len(values):
        raise ValueError(f"{len(values) - end} bytes follow its end")
    if not tensors:
        raise ValueError("none of its tensors is of floats")
    weights = [name for name in entries if name in tensors]
    return {plain: tensors[name] for plain, name in plain_names(weights).items()}


def _split(data: memoryview) -> tuple[dict[str, tuple[str, list[int], int, int]], memoryview]:
    """Return what the description says of the tensors, and the values."""
    (length,) = struct.unpack("<Q", data[:8])
    if length > _MAX_HEADER:
        raise ValueError(f"a description of {length} bytes, expected at most {_MAX_HEADER}")
    if length > len(data) - 8:
        raise ValueError(f"a description of {length} bytes where {len(data) - 8} are left; was the file cut off?")
    header = json.loads(bytes(data[8 : 8 + length]), object_pairs_hook=_refuse_repeated)
    if not isinstance(header, dict):
        raise ValueError("its description is no object")
    header.pop("__metadata__", None)
    return {name: _check(name, entry) for name, entry in header.items()}, data[8 + length :]


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("two entries of its description have the same name")
    return found


def _check(name: str, entry: Any) -> tuple[str, list[int], int, int]:
    """Return type, shape, begin and end of a tensor, which fit each other."""
    try:
        kind, shape, (begin, end) = (entry[key] for key in ("dtype", "shape", "data_offsets"))
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{name[:40]!r} has no type, shape and place") from None
    if not isinstance(kind, str) or kind not in _SIZES:
        raise ValueError(f"{name[:40]!r} is of type {str(kind)[:20]!r}, expected one of {', '.join(_SIZES)}")
    sizes = (*shape, begin, end) if isinstance(shape, list) else (None,)
    if not all(map(is_size, sizes)) or len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"{name[:40]!r} is of an impossible shape or at an impossible place")
    if math.prod(shape) * _SIZES[kind] != end - begin:
        raise ValueError(f"{name[:40]!r} of shape {shape} and type {kind} has {end - begin} bytes")
    return kind, shape, begin, end
