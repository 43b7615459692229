"""Bytes as a file, for parsers of the standard library that would take as much memory as a file asks for."""

from __future__ import annotations


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
