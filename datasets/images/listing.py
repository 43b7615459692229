"""Lists of pictures: which files of a folder are meant, and what became of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import DataError
from .kinds import FIRST_BYTES, other_picture, readable_kind
from .reading import read_file

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
_OTHER_SUFFIXES = (".heic", ".heif", ".avif", ".gif", ".jxl", ".jp2", ".dng", ".nef", ".cr2", ".cr3", ".arw")
_SHOWN = 5  # names in a message


def list_images(folder: str | Path, without: Path | None = None) -> list[Path]:
    """Return the pictures of a folder and of the folders in it, by their names; a single file is itself the list.

    They are the files that begin as pictures, whatever they are called, and those that are called pictures, whatever
    they are: reading says which of them cannot be read, and why. Hidden files and folders are none, and links to
    folders are not followed.

    Parameters
    ----------
    folder
        The folder, or a file.
    without
        A folder that is not searched, such as one that drawings of the pictures are written to.

    Raises
    ------
    DataError
        If there is no such folder or file, or no picture in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        if not folder.exists():
            raise DataError(f"{folder}: no such file or folder, expected pictures")
        return [folder]
    found = [path for path in _files(folder, without) if _is_picture(path)]
    if not found:
        raise DataError(f"{folder}: no pictures in it ({', '.join(SUFFIXES)})")
    return found


def _files(folder: Path, without: Path | None) -> Iterator[Path]:
    """Yield the files of a folder, those in it first and in order of their names."""
    left_out = None if without is None else without.resolve()
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and Path(place, name).resolve() != left_out
        )
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def name_some(paths: Sequence[Path]) -> str:
    """Return the names of files for a message, the first few of many."""
    names = ", ".join(path.name if path.name.isprintable() else repr(path.name) for path in paths[:_SHOWN])
    return f"{names} and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else names


def _is_picture(path: Path) -> bool:
    if _is_called_picture(path):
        return True
    try:
        first = read_file(path, FIRST_BYTES)
    except DataError:
        return False
    return readable_kind(first) is not None or other_picture(first) is not None


def _is_called_picture(path: Path) -> bool:
    return path.suffix.lower() in (*SUFFIXES, *_OTHER_SUFFIXES)
