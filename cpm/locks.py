"""Locks of files and folders, which the system releases even where a process is killed."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .errors import ConfigError, quote
from .files import no_follow

logger = logging.getLogger(__name__)

_LOCK = ".lock"
_OWNER = 200  # bytes that are read of who holds a lock


@contextmanager
def lock_folder(folder: str | Path) -> Iterator[None]:
    """Keep others from writing to a folder as long as the body runs.

    The lock is that of ``FOLDER/.lock``, which names the process and goes when the body ends. A killed process leaves
    the file but not the lock. Folders that are made for it go too if they are still empty then.

    Raises
    ------
    ConfigError
        If another process holds the lock, or the folder cannot be written to.
    """
    folder = Path(folder)
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = _take(folder)
    except OSError as error:
        raise ConfigError(f"{error.filename or folder}: cannot be written ({error.strerror})") from None
    try:
        yield
    finally:
        with suppress(OSError):
            (folder / _LOCK).unlink()  # before the lock goes: afterwards it may be that of another process
        file.close()
        with suppress(OSError):
            for each in made:
                each.rmdir()


def lock_file(path: Path) -> IO[str]:
    """Open a file for a lock, where it is no link, and make it if it is missing; closing it gives up the lock."""
    return open(path, "a+", errors="replace", opener=no_follow)


def _take(folder: Path) -> IO[str]:
    """Return the open lock file of a folder, locked and with the name of this process in it."""
    while True:
        file = lock_file(folder / _LOCK)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"{folder}: {_owner(file)} writes to it; wait until it has ended, or choose another --output"
            ) from None
        except OSError as error:
            logger.debug("%s: not locked, its file system has no locks (%s)", folder, error.strerror)
        if _is_still_there(file, folder / _LOCK):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
            return file
        file.close()  # its owner has just ended and removed it


def _owner(file: IO[str]) -> str:
    with file:
        file.seek(0)
        text = file.read(_OWNER)
    return text if text.isprintable() and text.startswith("process ") else f"another process ({quote(text)})"


def _is_still_there(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.lstat(path))
    except FileNotFoundError:
        return False
