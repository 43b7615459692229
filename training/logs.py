"""What a run leaves behind to look at: a log, a table of its figures, TensorBoard events and the loss curve."""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import numpy as np
from easydict import EasyDict
from matplotlib.figure import Figure

from ..draw import save_image
from ..files import append_rows, atomic_path
from .folder import carry_best, clear_run, is_same
from .log_files import EventFile, LogFile
from .loggers import Logger, Service
from .progress import Progress
from .scoring import SPLIT

logger = logging.getLogger(__name__)


class RunLog:
    """The records of a training run in its output folder; a run that goes on appends to them.

    Writes ``train.log``, ``losses.csv`` (iteration, split, name, value), ``losses.png``, TensorBoard events in
    ``tensorboard/`` and pictures in ``pictures/``, and tells a service of figures and pictures, if one is asked for.
    The table is what a run that goes on reads. What an earlier run has left in the folder goes.

    Parameters
    ----------
    output
        The folder.
    source
        The folder of the run that goes on, whose table does too; None for a new run.
    progress
        How far that run had come: what it recorded later is dropped.
    config
        The recipe, which says which service is told too.
    """

    def __init__(self, output: Path, source: Path | None, progress: Progress, config: EasyDict) -> None:
        self._output = output
        self._table = output / "losses.csv"
        output.mkdir(parents=True, exist_ok=True)
        self._rows = [] if source is None else _rows_until(source / "losses.csv", progress)
        if not is_same(output, source):
            clear_run(output)
        with atomic_path(self._table) as temporary, open(temporary, "w", newline="") as file:
            csv.writer(file).writerows(self._rows)
        self._loggers: list[Logger] = [self._open_events(progress), Service(config.train.log, output, config)]
        self._handler = LogFile(output / "train.log")
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logging.getLogger("cpm").addHandler(self._handler)
        if source is not None:
            carry_best(source, output, progress)

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
        for each in self._loggers:
            each.close()

    def scalars(self, iteration: int, split: str, values: Mapping[str, float]) -> None:
        """Record figures of a split (``train``, ``val`` or ``score``) at an iteration."""
        rows = [[str(iteration), split, name, repr(float(value))] for name, value in values.items()]
        self._rows += rows
        append_rows(self._table, rows)
        for each in self._loggers:
            for name, value in values.items():
                each.scalar(f"{split}/{name}", value, iteration)
            each.flush()

    def picture(self, iteration: int, name: str, image: np.ndarray) -> None:
        """Keep a picture (H, W, 3) uint8 RGB as a file, and tell the loggers of it."""
        save_image(self._output / "pictures" / f"{name}-{iteration:06d}.jpg", image)
        for each in self._loggers:
            each.image(name, image, iteration)
            each.flush()

    def draw_curve(self) -> None:
        """Draw the total losses of training and validation over the iterations to ``losses.png``, and scores."""
        figure = Figure(figsize=(8, 5))
        axes = figure.subplots()
        for split, style in (("train", ".-"), ("val", "o-")):
            rows = [row for row in self._rows if row[1:3] == [split, "loss"]]
            points = [(int(row[0]), float(row[3])) for row in rows]
            if points:
                axes.plot(*zip(*points), style, label=split)
        scores = [row for row in self._rows if row[1] == SPLIT]
        if scores:
            other = axes.twinx()
            points = [(int(row[0]), float(row[3])) for row in scores]
            other.plot(*zip(*points), "s--", color="tab:green")
            other.set_ylabel(f"{scores[0][2]} of the validation")
        axes.set(xlabel="iteration", ylabel="loss per sample, all stages", yscale="log")
        axes.grid(alpha=0.3)
        axes.legend()
        with atomic_path(self._output / "losses.png") as temporary:
            figure.savefig(temporary, dpi=100, bbox_inches="tight")

    def _open_events(self, progress: Progress) -> EventFile:
        """Open TensorBoard's events, in which the points from some iteration on are forgotten or written again."""
        purge = progress.iteration + (progress.batch == 0)
        events = EventFile(self._output / "tensorboard", purge_step=purge if progress.iteration else None)
        for iteration, split, name, value in self._rows:
            if int(iteration) >= purge:
                events.scalar(f"{split}/{name}", float(value), int(iteration))
        return events


def _rows_until(path: Path, progress: Progress) -> list[list[str]]:
    """Return the rows of a table that a run had written when it had come so far.

    Others, such as one cut short by a crash, are passed over.
    """
    if not path.exists():
        return []
    rows = [line.split(",") for line in path.read_text(errors="replace").splitlines()]
    return [row for row in rows if _is_row(row) and _is_written(row, progress)]


def _is_row(row: list[str]) -> bool:
    """Return whether a row is an iteration, a split, a name and a value."""
    try:
        return len(row) == 4 and row[0].isdecimal() and int(row[0]) >= 0 and math.isfinite(float(row[3]))
    except ValueError:
        return False


def _is_written(row: list[str], progress: Progress) -> bool:
    iteration = int(row[0])
    if iteration == progress.iteration:
        # Within an epoch, or at its end, its validation is still to come.
        return row[1] == "train" or progress.batch == 0
    return iteration < progress.iteration
