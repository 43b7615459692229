"""Reading of indexed record files (RecordIO), as `mxnet.recordio.MXIndexedRecordIO` writes them, by many threads."""

from __future__ import annotations

import os
import struct
import weakref
from bisect import bisect_right
from pathlib import Path

from ...errors import DataError
from ...files import check_regular, read_regular

LARGEST = (1 << 29) - 1  # bytes of a record: its length has 29 bits

_MAGIC = 0xCED7230A
_MAGIC_BYTES = struct.pack("<I", _MAGIC)
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)  # which part of a record follows


class RecordFile:
    """The records of ``NAME.rec``, whose places are in ``NAME.idx``, by their keys 0, 1, 2, ...

    Threads may read at the same time: every reading says where it begins, so there is no place that they share.
    MXNet's own reader has one, and stops the process where a file is broken; here every length is checked.

    Parameters
    ----------
    path
        ``NAME.rec``.

    Raises
    ------
    DataError
        If a file is missing, or the index is not one of this file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        places = _read_index(self.path.with_suffix(".idx"))
        try:
            check_regular(self.path)
            self._file = os.open(self.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError as error:
            raise DataError(f"{self.path}: {_problem(error, 'record file')}") from None
        weakref.finalize(self, os.close, self._file)
        size = os.fstat(self._file).st_size
        if places and max(places) >= size:
            raise DataError(
                f"{self.path}: {size} bytes, but {self.path.stem}.idx has a record at byte {max(places)}; cut short?"
            )
        self._places = places
        self._ends = [*sorted(places), size]

    def __len__(self) -> int:
        return len(self._places)

    def read(self, key: int) -> bytes:
        """Return a record.

        Raises
        ------
        DataError
            If the bytes there are not a record.
        IndexError
            If there is no such key.
        """
        start = self._places[key]
        end = self._ends[bisect_right(self._ends, start)]  # no record takes more memory than the file has
        try:
            parts = []
            place = start
            while place < end:
                part = os.pread(self._file, end - place, place)
                if not part:
                    break
                parts.append(part)
                place += len(part)
            return _unframe(parts[0] if len(parts) == 1 else b"".join(parts))
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror})") from None
        except ValueError as error:
            raise DataError(f"{self.path}: record {key} at byte {start} is broken: {error}") from None


def framed_size(data: bytes) -> int:
    """Return how many bytes of a file a record takes, if the magic number is not in it."""
    return 8 + (len(data) + 3) // 4 * 4


def _read_index(path: Path) -> list[int]:
    """Return the places of the records by their keys."""
    try:
        lines = read_regular(path).splitlines()
    except OSError as error:
        raise DataError(f"{path}: {_problem(error, 'index')}; it belongs beside {path.stem}.rec") from None
    places: dict[int, int] = {}
    for number, line in enumerate(lines, start=1):
        key, tab, place = line.partition(b"\t")
        if not (tab and key.isdigit() and place.isdigit() and len(key) < 19 and len(place) < 19):
            raise DataError(f"{path}, line {number}: expected a key, a tab and a place, found {line[:40]!r}")
        places[int(key)] = int(place)
    if set(places) != set(range(len(lines))) or len(set(places.values())) != len(lines):
        raise DataError(f"{path}: the keys of its {len(lines)} records are not 0 to {len(lines) - 1}, each elsewhere")
    return [places[key] for key in range(len(places))]


def _problem(error: OSError, what: str) -> str:
    return f"no such {what}" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"


def _unframe(data: bytes) -> bytes:
    """Return the content of exactly one record.

    A part is a magic number, three bits of its kind and 29 of its length, and that many bytes, filled up to a multiple
    of four. Where the magic number itself is in the content, the writer cuts the content there and leaves it out.
    """
    parts: list[bytes] = []
    place = 0
    kind = _WHOLE
    while kind in (_WHOLE, _FIRST, _MIDDLE) and not (kind == _WHOLE and parts):
        if len(data) - place < 8:
            raise ValueError(f"{len(data) - place} bytes left, too few for the head of a part")
        magic, word = struct.unpack_from("<II", data, place)
        kind = word >> 29
        length = word & LARGEST
        if magic != _MAGIC or kind not in ((_MIDDLE, _LAST) if parts else (_WHOLE, _FIRST)):
            raise ValueError(f"no part of a record that belongs there begins with {magic:08x} {word:08x}")
        start = place + 8
        place = start + (length + 3) // 4 * 4
        if place > len(data):
            raise ValueError(f"a part of {length} bytes, but only {len(data) - start} are left")
        parts.append(data[start : start + length])
    if place != len(data):
        raise ValueError(f"{len(data) - place} bytes follow it that are no record")
    return parts[0] if len(parts) == 1 else _MAGIC_BYTES.join(parts)
