"""Files that appear whole or not at all, and checks of paths before they are opened."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import re
import stat
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # the disk is full, or the user's share of it, or a limit is reached
_PROBE = 1 << 16  # bytes: more than what a writer that says nothing may have kept back
_RANDOM = "[a-z0-9_]" * 8  # what tempfile puts into a name
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@contextmanager
def atomic_path(path: str | Path, flush: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on leaving, flush it to disk and rename it to `path`.

    If the body raises, the temporary file is removed and `path` stays as it was. Missing parent
    folders are created. The temporary name keeps the suffix, on which some writers decide the format.
    Without `flush` the system writes when it likes, which saves minutes where there are very many small files;
    the renaming is as it was, but a machine that loses power may leave a file short.

    Raises
    ------
    OSError
        If the disk is full, whatever the body made of it; it names `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with full_disk_names(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        with full_disk_names(path):
            try:
                yield temporary
            except Exception as error:
                if getattr(error, "errno", None) not in _FULL:
                    _probe(temporary)
                raise
            if flush:
                with open(temporary, "rb+") as file:
                    os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def full_disk_names(path: str | Path) -> Iterator[None]:
    """Make errors of a full disk name the file that was written, which those of writing do not do by themselves."""
    temporary = os.path.join(os.path.dirname(path), f".{Path(path).stem}-")
    try:
        yield
    except OSError as error:
        if error.errno in _FULL and str(error.filename or temporary).startswith(temporary):
            error.filename = str(path)
        raise


def write_json(path: str | Path, content: Any) -> None:
    """Write `content` as JSON, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content))


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as `numpy.savez` does, whole or not at all; numpy leaves its archive open where the disk is full."""
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read what `write_arrays` wrote; whatever the file claims, no more memory is taken than it is large.

    Raises
    ------
    Exception
        Of any kind, if the file is missing, broken, compressed, or holds other things than plain numbers.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        # Uncompressed members cannot claim more memory than the file is large.
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("its members are compressed")
        if sum(member.file_size for member in members) > path.stat().st_size:
            raise ValueError("its members claim more bytes than the file has")
        return {member.filename.removesuffix(".npy"): _parse_array(archive.read(member)) for member in members}


def _parse_array(data: bytes) -> np.ndarray:
    """Parse a ``.npy`` file, having checked its header against its size before anything is allocated."""
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("unknown version of the .npy format")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    start = stream.tell()
    if dtype.kind not in "biuf" or math.prod(shape) * dtype.itemsize != len(data) - start:
        raise ValueError(f"an array of shape {shape} and type {dtype} in {len(data) - start} bytes")
    array = np.frombuffer(data, dtype, offset=start).reshape(shape, order="F" if fortran else "C")
    return array.copy()


def append_rows(path: str | Path, rows: Iterable[Sequence[str]]) -> None:
    """Append rows to a table of CSV, all of them or none."""
    with full_disk_names(path), open(path, "a", newline="") as file:
        before = file.tell()
        try:
            csv.writer(file).writerows(rows)
            file.flush()
        except OSError:
            with suppress(OSError):
                file.close()  # which tries once more to write
            with suppress(OSError):
                os.truncate(path, before)
            raise


def clear_temporaries(folder: Path, names: Iterable[str]) -> None:
    """Remove what killed writers of these files have left in a folder.

    Parameters
    ----------
    folder
        The folder; nobody else writes there.
    names
        The names that `atomic_path` was given, or patterns of them.
    """
    for name in map(PurePosixPath, names):
        for path in folder.glob(f".{name.stem}-{_RANDOM}{name.suffix}"):
            if path.is_file() and not path.is_symlink():
                path.unlink()


def check_regular(path: str | Path) -> None:
    """Make sure, before a file is opened, that reading it comes to an end.

    Raises
    ------
    OSError
        If it is missing, or a pipe, a device, a socket or a folder; `strerror` says which.
    """
    try:
        status = os.stat(path)
    except ValueError:  # a NUL or half of a character
        raise OSError(errno.EINVAL, "not the name of a file", str(path)) from None
    require_regular(status, path)


def read_regular(path: str | Path) -> bytes:
    """Return the bytes of a file; `OSError` as of `check_regular`, and if it cannot be read."""
    check_regular(path)
    return Path(path).read_bytes()


def require_regular(status: os.stat_result, path: str | Path) -> None:
    """Do what `check_regular` does, where the status is known already."""
    if stat.S_ISREG(status.st_mode):
        return
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
    raise OSError(errno.EINVAL, f"{kind}, expected a file", str(path))


def no_follow(path: str, flags: int) -> int:
    """Open a file for `open(…, opener=no_follow)`, unless the path is a link or no regular file.

    Raises
    ------
    OSError
        If it is one, or cannot be opened.
    """
    if os.path.islink(path):
        raise OSError(errno.ELOOP, "a link, which is not followed; delete it", path)
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    try:
        require_regular(os.fstat(handle), path)
    except OSError:
        os.close(handle)
        raise
    return handle


def is_name_within(name: object) -> bool:
    """Tell whether a name from somebody else's file stays within the folder it is joined to, on every system."""
    if not isinstance(name, str) or re.search(r"[\0-\x1f\x7f\\\ud800-\udfff]", name):
        return False  # control characters, a backslash, or no text
    path = PurePosixPath(name)
    return bool(path.name) and not (path.is_absolute() or ".." in path.parts or PureWindowsPath(name).drive)


def home() -> Path:
    """Return the folder for what is kept between runs: ``CPM_HOME``, by default ``~/.cpm``."""
    return Path(os.environ.get("CPM_HOME") or "~/.cpm").expanduser()


def _probe(path: Path) -> None:
    """Raise the error of a full disk if it is full: writers in C say something else, or notice only when they read."""
    try:
        with open(path, "ab") as file:
            file.write(bytes(_PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno in _FULL:
            raise error from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
