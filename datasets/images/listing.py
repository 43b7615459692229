"""Lists of pictures: which files of a folder are meant, and what became of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from ...errors import DataError
from .kinds import FIRST_BYTES, other_picture, readable_kind
from .reading import read_file

logger = logging.getLogger(__name__)

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
_OTHER_SUFFIXES = (".heic", ".heif", ".avif", ".gif", ".jxl", ".jp2", ".dng", ".nef", ".cr2", ".cr3", ".arw")
_SHOWN = 5  # names in a message


def list_images(folder: str | Path) -> list[Path]:
    """Return the pictures of a folder in the order of their names; a single file is itself the list.

    They are the files that begin as pictures, whatever they are called, and those that are called pictures, whatever
    they are: reading says which of them cannot be read, and why. Hidden files are none. Folders in the folder are not
    searched, but a warning names those that hold pictures.

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
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    found = [path for path in entries if not path.is_dir() and _is_picture(path)]
    more = [path for path in entries if path.is_dir() and _holds_pictures(path)]
    if not found:
        where = f", but in its folders {name_some(more)}: name those" if more else f" ({', '.join(SUFFIXES)})"
        raise DataError(f"{folder}: no pictures in it{where}")
    if more:
        logger.warning("%s: %d folders in it with pictures are not searched: %s", folder, len(more), name_some(more))
    return found


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


def _holds_pictures(folder: Path) -> bool:
    try:
        return any(_is_called_picture(path) for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return False
