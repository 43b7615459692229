"""What a run leaves behind to look at: a log, a table of its figures, TensorBoard events and the loss curve."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import numpy as np
from matplotlib.figure import Figure

from ..draw import save_image
from ..files import append_rows, atomic_path
from .log_files import EventFile, LogFile

logger = logging.getLogger(__name__)


class RunLog:
    """The records of a training run in its output folder; a run that goes on appends to them.

    Writes ``train.log``, ``losses.csv`` (iteration, split, name, value), ``losses.png``, TensorBoard events in
    ``tensorboard/`` and pictures in ``pictures/``.

    Parameters
    ----------
    output
        The folder.
    iteration
        The iteration that the run starts at; later figures of an interrupted run are dropped, and at 0 all
        that an earlier run has left.
    """

    def __init__(self, output: Path, iteration: int = 0) -> None:
        self._output = output
        self._table = output / "losses.csv"
        output.mkdir(parents=True, exist_ok=True)
        if iteration == 0:
            _clear(output)
        self._rows = [row for row in _read_rows(self._table) if int(row[0]) <= iteration]
        with atomic_path(self._table) as temporary, open(temporary, "w", newline="") as file:
            csv.writer(file).writerows(self._rows)
        self._events = EventFile(output / "tensorboard", purge_step=iteration or None)
        self._handler = LogFile(output / "train.log")
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logging.getLogger("cpm").addHandler(self._handler)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, KeyboardInterrupt):
            with suppress(OSError):  # of the log's own file
                logger.error("the run stops: %s", error)
        logging.getLogger("cpm").removeHandler(self._handler)
        self._handler.close()
        self._events.close()

    def scalars(self, iteration: int, split: str, values: Mapping[str, float]) -> None:
        """Record figures of a split (``train`` or ``val``) at an iteration."""
        rows = [[str(iteration), split, name, repr(float(value))] for name, value in values.items()]
        self._rows += rows
        append_rows(self._table, rows)
        for name, value in values.items():
            self._events.add_scalar(f"{split}/{name}", value, iteration)
        self._events.flush()

    def picture(self, iteration: int, name: str, image: np.ndarray) -> None:
        """Keep a picture (H, W, 3) uint8 RGB as a file and as a TensorBoard event."""
        save_image(self._output / "pictures" / f"{name}-{iteration:06d}.jpg", image)
        self._events.add_image(name, image, iteration)
        self._events.flush()

    def draw_curve(self) -> None:
        """Draw the total losses of training and validation over the iterations to ``losses.png``."""
        figure = Figure(figsize=(8, 5))
        axes = figure.subplots()
        for split, style in (("train", "-"), ("val", "o-")):
            points = [(int(row[0]), float(row[3])) for row in self._rows if row[1] == split and row[2] == "loss"]
            if points:
                axes.plot(*zip(*points), style, label=split)
        axes.set(xlabel="iteration", ylabel="loss per sample, all stages", yscale="log")
        axes.grid(alpha=0.3)
        axes.legend()
        with atomic_path(self._output / "losses.png") as temporary:
            figure.savefig(temporary, dpi=100, bbox_inches="tight")


def _clear(output: Path) -> None:
    """Remove what an earlier run has written, and nothing else."""
    names = ("last.npz", "best.npz", "epoch-[0-9]*.npz", "losses.csv", "losses.png", "train.log")
    for pattern in (*names, "tensorboard/events.out.tfevents.*", "pictures/validation-[0-9]*.jpg"):
        for path in output.glob(pattern):
            path.unlink()


def _read_rows(path: Path) -> list[list[str]]:
    """Return the rows iteration, split, name, value; others, such as one cut short by a crash, are passed over."""
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return [row for row in csv.reader(file) if len(row) == 4 and row[0].isdigit()]
