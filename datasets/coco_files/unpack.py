"""Members of a zip file as files, each whole or not at all."""

from __future__ import annotations

import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ...errors import DataError, quote
from ...files import atomic_path

LARGEST = 1 << 30  # bytes of a member; COCO's annotations of train2017 have 0.24 GB
_RATIO = 200  # bytes by those in the archive; that of JSON is about 10, of a bomb 1,000
_SMALL = 1 << 20  # bytes that any member may have
_BLOCK = 1 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others take as much memory as a file asks for
# What zipfile says of broken files, and of passwords.
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OverflowError, RuntimeError, ValueError)


def unpack(path: str | Path, folder: str | Path, wanted: str, progress: bool = False) -> int:
    """Unpack members of a zip file, each whole or not at all; those that are there in the right size are left alone.

    Parameters
    ----------
    path
        The zip file.
    folder
        Where to.
    wanted
        A regular expression for whole names of members, whose last part is the name of the file: whatever else a
        zip file says of where its members belong is not followed.
    progress
        Whether to show a progress bar.

    Returns
    -------
    int
        How many were unpacked.

    Raises
    ------
    DataError
        If the zip file is broken, has no such member, or does not fit on the disk; if members are links, have the
        same name, or are larger than they can be in good faith.
    """
    path = Path(path)
    folder = Path(folder)
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if re.fullmatch(wanted, member.filename)]
            if not members:
                raise DataError(f"{path}: nothing in it is called {wanted}, expected an archive of COCO 2017")
            _check(members, path)
            todo = [member for member in members if not _is_there(folder / _base(member), member.file_size)]
            check_space(folder, sum(member.file_size for member in todo))
            for member in tqdm(todo, desc=f"unpacking {path.name}", unit="file", disable=not progress):
                _extract(archive, member, folder / _base(member), path)
    except OSError as error:
        if error.filename is not None:
            raise  # of a file that was to be written
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except _BROKEN as error:
        raise DataError(f"{path}: not a whole zip file ({error}); delete it and run again") from None
    return len(todo)


def check_space(folder: Path, needed: int) -> None:
    """Make sure that so many bytes are free where a folder is, or will be.

    Raises
    ------
    DataError
        If they are not.
    """
    place = next(each for each in (folder, *folder.absolute().parents) if each.is_dir())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise DataError(
            f"{folder}: {needed / 1e9:.1f} GB are needed there, {free / 1e9:.1f} GB are free; --output names another "
            "folder, --link one that has the files"
        )


def _check(members: Sequence[zipfile.ZipInfo], path: Path) -> None:
    """Make sure, before anything is written, that members are what they should be by the archive's own list."""
    for member in members:
        if stat.S_ISLNK(member.external_attr >> 16):
            raise DataError(f"{path}: {quote(member.filename)} is a link in it, expected a file")
        if member.compress_type not in _METHODS:
            raise DataError(f"{path}: {quote(member.filename)} is not stored or deflated in it; unpack it yourself")
        if member.file_size > min(LARGEST, _SMALL + _RATIO * member.compress_size):
            raise DataError(
                f"{path}: {quote(member.filename)} would have {member.file_size:,} bytes of the "
                f"{member.compress_size:,} in it, which no file of COCO has"
            )
    if len({_base(member) for member in members}) < len(members):
        raise DataError(f"{path}: two files in it have the same name")
    packed = sum(member.compress_size for member in members)
    if packed > path.stat().st_size:
        raise DataError(f"{path}: its files would take {packed:,} bytes of its {path.stat().st_size:,}: they overlap")


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, path: Path) -> None:
    try:
        with (
            atomic_path(target, flush=False) as temporary,
            archive.open(member) as source,
            open(temporary, "wb") as stream,
        ):
            # No more than the list says, and at the end the CRC is compared.
            shutil.copyfileobj(source, stream, _BLOCK)
            if stream.tell() != member.file_size:
                raise EOFError(f"{stream.tell():,} of {member.file_size:,} bytes")
    except OSError as error:
        raise DataError(f"{target}: cannot be unpacked ({error.strerror or error})") from None
    except _BROKEN as error:
        name = quote(member.filename)
        raise DataError(f"{path}: {name} is broken in it ({error}); delete the file and run again") from None


def _base(member: zipfile.ZipInfo) -> str:
    return member.filename.rpartition("/")[2]


def _is_there(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False
