"""What the readers of foreign files share: bytes on loan from the disk, errors in one line, and checks of tensors.

The files are untrusted. Their bytes are mapped, not read; a reader copies the tensors it returns and checks every
size against the bytes there are before it takes memory. What is not a tensor is limited in number.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Callable

import numpy as np

from ...errors import CheckpointError

MAX_TENSORS = 10_000
MAX_NAME = 500
MAX_DIMENSIONS = 32

Tensors = dict[str, np.ndarray]


def read_tensors(path: str | Path, kind: str, parse: Callable[[memoryview], Tensors]) -> Tensors:
    """Return what `parse` makes of the bytes of a file.

    Parameters
    ----------
    path
        The file.
    kind
        What it should be, for messages: "a Caffe model".
    parse
        Called with all bytes of the file, which are read when they are looked at. It must not keep them.

    Raises
    ------
    CheckpointError
        If the file is missing or `parse` fails.
    """
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no such file"
        raise CheckpointError(f"{path}: {found}, expected {kind}")
    if not path.stat().st_size:
        raise CheckpointError(f"{path}: an empty file, expected {kind}")
    try:
        with open(path, "rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        return parse(memoryview(content))
    except Exception as error:  # foreign bytes fail in every way there is
        reason = _describe(error)
    # Raised outside of the handler: the first exception would keep the file mapped.
    raise CheckpointError(f"{path}: not {kind}, or a broken one ({reason})")


def add_tensor(tensors: Tensors, name: str, values: np.ndarray) -> None:
    """Add a float32 copy of `values`, in C order, under a name that is new.

    Raises
    ------
    ValueError
        If the name is taken, empty, too long or not printable, a value is not finite, or there are too many tensors.
    """
    if not (0 < len(name) <= MAX_NAME and name.isprintable()):
        raise ValueError(f"it names a tensor {name[:40]!r}")
    if name in tensors:
        raise ValueError(f"two of its tensors are named {name}")
    if len(tensors) == MAX_TENSORS:
        raise ValueError(f"more than {MAX_TENSORS} tensors")
    with np.errstate(all="ignore"):
        array = np.array(values, np.float32, order="C")
        # Extremes show what is not finite without a mask as large as a quarter of the array.
        finite = not array.size or bool(np.isfinite(array.min()) and np.isfinite(array.max()))
    if not finite:
        raise ValueError(f"{name} has values that are not finite")
    tensors[name] = array


class Stream:
    """A view of bytes as a file, for the parsers of the standard library.

    Parameters
    ----------
    data
        The bytes.
    limit
        How many bytes may be copied at once.
    """

    _LINE = 4096

    def __init__(self, data: memoryview, limit: int) -> None:
        self._data = data
        self._limit = limit
        self._place = 0

    def read(self, size: int | None = -1) -> bytes:
        """Return the next `size` bytes, or as many as there are."""
        rest = len(self._data) - self._place
        size = rest if size is None or size < 0 else min(size, rest)
        if size > self._limit:
            raise ValueError(f"a part of {size} bytes where at most {self._limit} are expected")
        part = bytes(self._data[self._place : self._place + size])
        self._place += size
        return part

    def readline(self) -> bytes:
        """Return the bytes up to the next line feed, which is near in a sound file."""
        line = bytes(self._data[self._place : self._place + self._LINE])
        line = line[: line.find(b"\n") + 1] or line
        self._place += len(line)
        return line

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move as `io.IOBase.seek` does, within the bytes."""
        place = offset + (0, self._place, len(self._data))[whence]
        if not 0 <= place <= len(self._data):
            raise OSError("a place outside of the file")
        self._place = place
        return place

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._place

    def seekable(self) -> bool:
        """Return True."""
        return True


def _describe(error: Exception) -> str:
    """Return the message in one line of at most 200 printable characters."""
    text = str(error)[:200] or type(error).__name__
    return "".join(character if character.isprintable() else " " for character in text)
