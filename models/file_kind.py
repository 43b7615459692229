"""What kind of file holds weights: its content decides, whatever its name ends with.

Nothing in a file is run or unpacked to tell, and a few MB of memory suffice for files of any size.
"""

from __future__ import annotations

import mmap
import stat
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ..errors import CheckpointError, quote
from .not_weights import describe_archive, describe_bytes, describe_text
from .stream import Stream

KINDS = {
    "checkpoint": "a checkpoint of this package",
    "onnx": "an ONNX network",
    "caffe": "a Caffe model",
    "torch": "a PyTorch checkpoint",
    "safetensors": "a safetensors file",
    "mxnet": "an MXNet parameter file",
    "openvino": "an OpenVINO IR",
}
DIRECTORY_LIMIT = 2 << 20  # bytes of the directory of an archive, enough for twenty thousand arrays
_HEAD = 4096
_LEAST = 8  # bytes, of which nothing can be told
_MAX_FIELDS = 100_000
_TORCH_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
_MXNET_MAGIC = struct.pack("<Q", 0x112)
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def find_kind(path: str | Path, expected: str = "a file of weights") -> str:
    """Tell what kind of weights a file holds.

    Parameters
    ----------
    path
        The file.
    expected
        What it should be, for messages.

    Returns
    -------
    str
        One of `KINDS`. The rest of the file may still be broken.

    Raises
    ------
    CheckpointError
        If it is missing or no file, or something else than weights; the message says what.
    """
    path = Path(path)
    check_file_of_weights(path, expected)
    try:
        kind, otherwise = _recognise(map_file(path))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from None
    if kind:
        return kind
    if path.stat().st_size < _LEAST:
        otherwise = f"only {path.stat().st_size} bytes, expected {expected}"
    elif not otherwise:
        graph = path.with_suffix(".xml")
        belongs = f"; if it belongs to {graph.name}, give that" if graph.is_file() else ""
        otherwise = f"no kind of weights that is known, expected {expected}{belongs}"
    raise CheckpointError(f"{path}: {otherwise}")


def map_file(path: Path) -> mmap.mmap:
    """Return the bytes of a file, which are read when they are looked at, and let go of with the last view of them."""
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def expect_kind(path: str | Path, kind: str) -> None:
    """Make sure that a file is of one of the `KINDS`.

    Raises
    ------
    CheckpointError
        If it is not; the message says what it is.
    """
    found = find_kind(path, KINDS[kind])
    if found != kind:
        raise CheckpointError(f"{path}: {KINDS[found]}, expected {KINDS[kind]}{_ADVICE.get((found, kind), '')}")


def check_file_of_weights(path: str | Path, expected: str = "a file of weights") -> None:
    """Make sure that there is something to read: a file of bytes, and not a pipe that would keep its reader waiting.

    Raises
    ------
    CheckpointError
        If it is missing, empty, or a folder, pipe or device.
    """
    path = Path(path)
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # of a name with a zero byte
        raise CheckpointError(f"{quote(str(path))[1:-1]}: no such file, expected {expected}") from None
    except OSError as error:
        raise CheckpointError(f"{quote(str(path))[1:-1]}: cannot be read ({error.strerror})") from None
    if stat.S_ISDIR(status.st_mode):
        raise CheckpointError(f"{path}: a folder, expected {expected}")
    if not stat.S_ISREG(status.st_mode):
        raise CheckpointError(f"{path}: a pipe or device, expected {expected}")
    if not status.st_size:
        raise CheckpointError(f"{path}: an empty file, expected {expected}")


def list_archive(content: mmap.mmap | memoryview) -> list[zipfile.ZipInfo]:
    """Return the members of a zip file.

    Raises
    ------
    ValueError
        If its directory is missing, broken or larger than `DIRECTORY_LIMIT`.
    """
    view = memoryview(content)
    try:
        return zipfile.ZipFile(Stream(view, DIRECTORY_LIMIT)).infolist()
    except (zipfile.BadZipFile, OSError, struct.error, NotImplementedError) as error:
        raise ValueError(f"its end is missing or damaged: {error}; was it cut off, or not downloaded whole?") from None


_IMPORT = ": scripts/import_weights.py makes a checkpoint of it"
_ADVICE = {
    **{(kind, "checkpoint"): _IMPORT for kind in ("caffe", "torch", "safetensors", "mxnet", "openvino")},
    ("onnx", "checkpoint"): ": it can be run, but neither trained nor changed",
}


def _recognise(content: mmap.mmap) -> tuple[str, str]:
    """Return the kind of weights, or "" and what the content is instead, or "" for both."""
    head = content[:_HEAD]
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return _recognise_archive(content)
    if _TORCH_MAGIC in head[:16]:
        return "torch", ""
    if head.startswith(_MXNET_MAGIC):
        return "mxnet", ""
    if head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] < 1 << 40:
        return "safetensors", ""
    otherwise = describe_bytes(head) or describe_text(head, len(content))
    if otherwise == KINDS["openvino"]:
        return "openvino", ""
    return ("", otherwise) if otherwise else _recognise_message(content)


def _recognise_archive(content: mmap.mmap) -> tuple[str, str]:
    try:
        names = [member.filename for member in list_archive(content)]
    except ValueError as error:
        return "", f"an archive, as checkpoints and PyTorch's files are, but broken ({error})"
    if "meta.npy" in names:
        return "checkpoint", ""
    if any(name.endswith("/data.pkl") and name.count("/") == 1 for name in names):
        return "torch", ""
    return "", describe_archive(names)


def _recognise_message(content: mmap.mmap) -> tuple[str, str]:
    """Tell protocol buffers apart by the fields of their outermost message."""
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
