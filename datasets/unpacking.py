"""Members of a zip file as files, each whole or not at all."""

from __future__ import annotations

import re
import shutil
import zipfile
import zlib
from pathlib import Path

from tqdm import tqdm

from ..errors import DataError
from ..files import atomic_path


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
        If the zip file is broken, has no such member, or does not fit on the disk.
    """
    path, folder = Path(path), Path(folder)
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if re.fullmatch(wanted, member.filename)]
            if not members:
                raise DataError(f"{path}: nothing in it is called {wanted}, expected an archive of COCO 2017")
            todo = [member for member in members if not _is_there(folder / _base(member), member.file_size)]
            check_space(folder, sum(member.file_size for member in todo))
            for member in tqdm(todo, desc=f"unpacking {path.name}", unit="file", disable=not progress):
                _extract(archive, member, folder / _base(member), path)
    except (zipfile.BadZipFile, NotImplementedError) as error:
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


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, path: Path) -> None:
    try:
        with (
            atomic_path(target, flush=False) as temporary,
            archive.open(member) as source,
            open(temporary, "wb") as stream,
        ):
            shutil.copyfileobj(source, stream, 1 << 20)  # which compares the CRC at the end
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: {member.filename} is broken in it ({error}); delete the file and run again") from None
    except OSError as error:
        raise DataError(f"{target}: cannot be unpacked ({error.strerror or error})") from None


def _base(member: zipfile.ZipInfo) -> str:
    return member.filename.rpartition("/")[2]


def _is_there(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False
