"""What kind of file holds weights: its content decides, whatever its name ends with.

Nothing in a file is run or unpacked to tell, and a few MB of memory suffice for files of any size.
"""

from __future__ import annotations

import mmap
import stat
import struct
import zipfile
from pathlib import Path

from ...errors import CheckpointError, quote
from .message_kind import recognise_message
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
_TORCH_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
_MXNET_MAGIC = struct.pack("<Q", 0x112)


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
        otherwise = f"too short ({path.stat().st_size} B), expected {expected}"
    elif not otherwise:
        graph = path.with_suffix(".xml")
        belongs = f"; if it belongs to {graph.name}, give that" if graph.is_file() else ""
        otherwise = f"no kind of weights that is known, expected {expected}{belongs}"
    elif ": " not in otherwise:  # it does not say what to do
        otherwise = f"{otherwise}, expected {expected}"
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


_IMPORT = ": cpm import makes a checkpoint of it"
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
    return ("", otherwise) if otherwise else recognise_message(content)


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
