"""Weights of PyTorch checkpoints.

Two containers are known:

- an archive (PyTorch 1.6 and later): a zip file of stored members, ``NAME/data.pkl`` with the pickle,
  ``NAME/data/KEY`` with the bytes of each storage, and in newer ones ``NAME/byteorder``;
- the older file: pickles of a magic number, a version, a description of the system, the content and a list of keys,
  then for each key an int64 number of elements and the elements.

In the pickle, a tensor is a call of ``torch._utils._rebuild_tensor_v2`` with a storage, an offset, a shape and strides.
"""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..files.file_kind import list_archive
from ..files.stream import Stream
from .pickled import Thing, read_pickle
from .reading import MAX_DIMENSIONS, Tensors, add_tensor, is_size, read_tensors, widen_bfloat16
from .state_dict import Search, describe, plain_names

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_MEMBER = b"PK\x03\x04"
_WEIGHTS = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "BFloat16Storage": "<u2"}
_ONE_BYTE = ("BoolStorage", "ByteStorage", "CharStorage", "UntypedStorage", "QInt8Storage", "QUInt8Storage")
_SIZES = {
    **{kind: np.dtype(dtype).itemsize for kind, dtype in _WEIGHTS.items()},
    **dict.fromkeys(_ONE_BYTE, 1),
    "ShortStorage": 2,
    "IntStorage": 4,
    "QInt32Storage": 4,
    "LongStorage": 8,
    "ComplexFloatStorage": 8,
    "ComplexDoubleStorage": 16,
}


def read_torch(path: str | Path, entry: str = "") -> Tensors:
    """Read the weights of a PyTorch checkpoint.

    The state dict may be the whole content or an entry of it such as ``state_dict`` or ``model``, also one within
    another. Whatever else there is, such as the state of an optimizer, is skipped. Memory is bounded by eight times
    the size of the file and 64 MB; a sound file takes the size of its weights.

    Parameters
    ----------
    path
        A file of ``torch.save``.
    entry
        Which entry to take, where several hold weights.

    Returns
    -------
    dict
        float32 arrays in the order of the file, by names without ``module.``, ``_orig_mod.`` and the like, which
        parallel training and compiling put there. Tensors that are not floats, such as ``num_batches_tracked``, are
        no weights and left out.

    Raises
    ------
    CheckpointError
        If the file is missing, broken, big-endian, has no state dict of plain tensors, or several of them.
    """
    return read_tensors(path, "a PyTorch checkpoint", partial(_parse, entry=entry))


@dataclass(frozen=True)
class _Storage:
    kind: str
    key: str
    length: int


@dataclass(frozen=True)
class _Part:
    """The elements `first`, `first` + 1, ... of a storage, all of them but in old files."""

    storage: _Storage
    first: int
    length: int


@dataclass(frozen=True)
class _Tensor:
    """What a pickle says of a tensor, unchecked but for the part."""

    part: _Part
    offset: Any
    shape: Any
    strides: Any
    plain: bool


def _parse(data: memoryview, entry: str) -> Tensors:
    container: _Archive | _OldFile = _Archive(data) if bytes(data[:4]) == _MEMBER else _OldFile(data)
    state = _find_tensors(container.content, entry)
    tensors: Tensors = {}
    room = 4 * len(data)  # twice what float16 needs; tensors may share a storage, but not to multiply a file
    for plain, name in plain_names(state).items():
        tensor = state[name]
        storage = tensor.part.storage
        if storage.kind not in _WEIGHTS:
            continue
        values = _view(tensor, container.fetch(storage))
        room -= 4 * values.size
        if room < 0:
            raise ValueError("its tensors are several times as large as the file")
        add_tensor(tensors, plain, values)
    if not tensors:
        raise ValueError("none of its tensors is of floats")
    return tensors


class _Objects:
    """Make of a pickle's calls what a state dict consists of."""

    def __init__(self) -> None:
        self.storages: dict[str, _Storage] = {}

    def call(self, name: str, arguments: tuple) -> Any:
        """Return a dictionary, tensor or placeholder for the result of a function."""
        if name == "collections.OrderedDict":
            return arguments[0] if arguments else {}  # Python 2 gives a list of pairs, see `_as_dict`
        if name in ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"):
            part, offset, shape, strides, *more = arguments
            if not isinstance(part, _Part):
                raise TypeError
            return _Tensor(part, offset, shape, strides, plain=not (len(more) > 2 and more[2]))
        if name == "torch._tensor._rebuild_from_type_v2":  # a tensor with attributes
            function, _, inner, _ = arguments
            return self.call(function.name, inner)
        if name in ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"):
            return arguments[0]
        return Thing(name)

    def load(self, identifier: tuple) -> Any:
        """Return the part of a storage, or the class of a module, that an identifier means."""
        if identifier[0] == "module":
            return identifier[1]
        sort, kind, key, _, length, *view = identifier
        if sort != "storage" or not (isinstance(key, str) and is_size(length)):
            raise ValueError("a storage without a key and a length")
        storage = _Storage(kind.name.rpartition(".")[2], key, length)
        if self.storages.setdefault(key, storage) != storage:
            raise ValueError(f"storage {key!r} is described in two ways")
        first, length = view[0][1:] if view and view[0] else (0, length)
        if not (is_size(first) and is_size(length) and first + length <= storage.length):
            raise ValueError(f"a view beyond the end of storage {key!r}")
        return _Part(storage, first, length)


class _Archive:
    """A checkpoint that is a zip file."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._sound: set[str] = set()
        for member in list_archive(data):
            if self._members.setdefault(member.filename, member) is not member:
                raise ValueError(f"two members are named {member.filename!r}")
        pickles = [name for name in self._members if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(pickles) != 1:
            raise ValueError("an archive without data.pkl")
        self._folder = pickles[0][: -len("data.pkl")]
        if self._folder + "byteorder" in self._members and bytes(self._bytes("byteorder")[:6]) != b"little":
            raise ValueError("it is big-endian")
        objects = _Objects()
        stream = Stream(self._bytes("data.pkl"), len(data))
        self.content = read_pickle(stream, _operations(data), objects.call, objects.load)

    def fetch(self, storage: _Storage) -> memoryview:
        """Return the bytes of a storage."""
        data = self._bytes(f"data/{storage.key}")
        if len(data) != storage.length * _SIZES[storage.kind]:
            raise ValueError(f"storage {storage.key!r} of {storage.length} elements has {len(data)} bytes")
        return data

    def _bytes(self, name: str) -> memoryview:
        if self._folder + name not in self._members:
            raise ValueError(f"an archive without {name!r}")
        member = self._members[self._folder + name]
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise ValueError(f"its member {name!r} is compressed or encrypted, expected plain bytes")
        # Of the header before the bytes only the length matters; it need not be that of the directory's entry.
        place = member.header_offset
        header = bytes(self._data[place : place + 30])
        if place < 0 or header[:4] != _MEMBER:
            raise ValueError(f"its member {name!r} is not where it should be")
        start = place + 30 + sum(struct.unpack("<HH", header[26:]))
        part = self._data[start : start + member.file_size]
        if len(part) != member.file_size:
            raise ValueError(f"its member {name!r} ends behind the file")
        if name not in self._sound and zlib.crc32(part) != member.CRC:
            raise ValueError(f"its member {name!r} has another checksum")
        self._sound.add(name)
        return part


class _OldFile:
    """A checkpoint in the format of before PyTorch 1.6."""

    def __init__(self, data: memoryview) -> None:
        if _MAGIC.to_bytes(10, "little") not in bytes(data[:16]):
            raise ValueError("it begins as neither of the two formats")
        objects = _Objects()
        stream = Stream(data, len(data))
        limit = _operations(data)
        magic, version, system = (read_pickle(stream, limit, objects.call) for _ in range(3))
        if (magic, version) != (_MAGIC, _VERSION):
            raise ValueError(f"version {version} of the format, expected {_VERSION}")
        if not (isinstance(system, dict) and system.get("little_endian") is True):
            raise ValueError("it is not little-endian")
        self.content = read_pickle(stream, limit, objects.call, objects.load)
        keys = read_pickle(stream, limit, objects.call)
        self._parts: dict[str, memoryview] = {}
        place = stream.tell()
        for key in keys:
            storage = objects.storages.get(key)
            if storage is None or storage.kind not in _SIZES:
                raise ValueError(f"a storage {str(key)[:40]!r} that the content does not describe")
            end = place + 8 + storage.length * _SIZES[storage.kind]
            if end > len(data) or struct.unpack("<q", data[place : place + 8])[0] != storage.length:
                raise ValueError(f"{storage.length} elements expected in storage {key!r}; was the file cut off?")
            self._parts[key] = data[place + 8 : end]
            place = end
        if place != len(data):
            raise ValueError(f"{len(data) - place} bytes follow its end")

    def fetch(self, storage: _Storage) -> memoryview:
        """Return the bytes of a storage."""
        if storage.key not in self._parts:
            raise ValueError(f"storage {storage.key!r} is missing")
        return self._parts[storage.key]


def _operations(data: memoryview) -> int:
    """Return how long a pickle may be: a tensor takes some fifty operations, and weights are most of a file."""
    return 200_000 + len(data) // 64


def _find_tensors(content: Any, entry: str) -> dict[str, _Tensor]:
    """Return the tensors of the state dict in the content of a checkpoint."""
    state = Search(lambda value: isinstance(value, _Tensor), entry).find(content)
    for name, value in state.items():
        if isinstance(value, Thing) and value.name.startswith("torch."):
            raise ValueError(f"{name} is {describe(value)}, expected a plain tensor")
    return {name: value for name, value in state.items() if isinstance(value, _Tensor)}


def _view(tensor: _Tensor, data: memoryview) -> np.ndarray:
    """Return the values of a tensor, if they lie within its part of the storage and are not more than that has."""
    part = tensor.part
    shape = tensor.shape
    strides = tensor.strides
    sizes = (tensor.offset, *shape, *strides)
    if len(shape) != len(strides) or len(shape) > MAX_DIMENSIONS or not all(map(is_size, sizes)):
        raise ValueError("a tensor of an impossible shape")
    if not tensor.plain:
        raise ValueError("a conjugated or negated tensor")
    count = math.prod(shape)
    steps = [stride if size > 1 else 0 for size, stride in zip(shape, strides)]
    last = tensor.offset + sum((size - 1) * step for size, step in zip(shape, steps))
    if count > part.length or (count and last >= part.length):
        raise ValueError(f"a tensor of shape {tuple(shape)} in a storage of {part.length} elements")
    if not count:
        return np.zeros(shape, np.float32)
    elements = np.frombuffer(data, _WEIGHTS[part.storage.kind])[part.first + tensor.offset :]
    strided = np.lib.stride_tricks.as_strided(elements, shape, [step * elements.itemsize for step in steps])
    if part.storage.kind == "BFloat16Storage":
        return widen_bfloat16(strided)
    return strided
