"""Files that a run appends to as it goes, and whose errors it is told of: TensorBoard's events and the log."""

from __future__ import annotations

import itertools
import logging
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from tensorboardX import summary
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.record_writer import RecordWriter

from ..files import full_disk_names

_NUMBERS = itertools.count()  # two files of one second are two files


class EventFile:
    """A file of events for TensorBoard.

    tensorboardX's own writer hands events to a thread; if the disk is full the thread dies, and the run hangs as soon
    as their queue is full.

    Parameters
    ----------
    folder
        Where to; it is made if it is missing.
    purge_step
        The step from which on TensorBoard forgets what earlier files of the folder say.
    """

    def __init__(self, folder: str | Path, purge_step: int | None = None) -> None:
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}.{next(_NUMBERS)}"
        self._path = folder / name
        self._writer = RecordWriter(str(self._path))
        self._write(file_version="brain.Event:2")
        if purge_step is not None:
            self._write(step=purge_step, session_log=SessionLog(status=SessionLog.START))

    def scalar(self, name: str, value: float, step: int) -> None:
        """Record a figure."""
        self._write(step=step, summary=summary.scalar(name, value))

    def image(self, name: str, image: np.ndarray, step: int) -> None:
        """Record a picture (H, W, 3) uint8 RGB."""
        self._write(step=step, summary=summary.image(name, image, dataformats="HWC"))

    def flush(self) -> None:
        """Write what is recorded to the disk."""
        with full_disk_names(self._path):
            self._writer.flush()

    def close(self) -> None:
        """Close the file, without a further word where the disk is full."""
        with suppress(OSError):
            self._writer.close()

    def _write(self, **fields: Any) -> None:
        with full_disk_names(self._path):
            self._writer.write(Event(wall_time=time.time(), **fields).SerializeToString())


class LogFile(logging.FileHandler):
    """A log that raises errors of its file; Python's writes a traceback to the terminal for every line and goes on."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Raise the error that a line has met with."""
        with full_disk_names(self.baseFilename):
            raise

    def close(self) -> None:
        """Close the file; what it says of a full disk it has said already."""
        with suppress(OSError):
            super().close()
