"""PyTorch's files written by hand, operation by operation, so that they can be wrong wherever a test wants."""

import io
import pickle
import struct
import zipfile

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C


def text(value):
    value = value.encode()
    return b"X" + struct.pack("<I", len(value)) + value


def integer(value):
    return b"J" + struct.pack("<i", value) if value < 1 << 31 else b"\x8a\x08" + struct.pack("<q", value)


def integers(values):
    return b"(" + b"".join(map(integer, values)) + b"t"


def tensor(key, shape, strides=None, offset=0, length=None, storage="FloatStorage"):
    """Return the operations that push a tensor."""
    length = int(np.prod(shape)) if length is None else length
    strides = [int(np.prod(shape[place + 1 :])) for place in range(len(shape))] if strides is None else strides
    identifier = b"(" + text("storage") + f"ctorch\n{storage}\n".encode() + text(key) + text("cpu") + integer(length)
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(("
        + identifier[1:]
        + b"tQ"
        + integer(offset)
        + integers(shape)
        + integers(strides)
        + b"\x89ccollections\nOrderedDict\n)RtR"
    )


def dictionary(entries):
    """Return the operations that push a dictionary of names and operations."""
    return b"}(" + b"".join(text(name) + value for name, value in entries.items()) + b"u"


def archive(operations, storages, compression=zipfile.ZIP_STORED, **members):
    """Return the bytes of an archive of a pickle and {key: array}."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        file.writestr("net/data.pkl", b"\x80\x02" + operations + b".")
        for name, content in members.items():
            file.writestr(f"net/{name}", content)
        for key, array in storages.items():
            file.writestr(f"net/data/{key}", array.tobytes())
    return stream.getvalue()


def old_file(operations, storages, **system):
    """Return the bytes of the same in the older format."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4}, **system}
    begin = [pickle.dumps(part, 2) for part in (MAGIC, 1001, system)]
    arrays = [struct.pack("<q", array.size) + array.tobytes() for array in storages.values()]
    return b"".join([*begin, b"\x80\x02", operations, b".", pickle.dumps(list(storages), 2), *arrays])
