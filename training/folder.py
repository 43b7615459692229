"""The folder of a run: what an earlier one has left there, and what one that goes on brings along."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from ..errors import CheckpointError, ConfigError
from ..files import atomic_path
from ..models import read_checkpoint
from .loggers import ID_FILES
from .progress import Progress

logger = logging.getLogger(__name__)

FORMER = "last-1.npz"  # what last.npz was before, in case that is damaged
_CHECKPOINTS = ("last.npz", FORMER, "best.npz", "average.npz", "epoch-[0-9]*.npz")
_RECORDS = (
    ID_FILES,
    "losses.csv",
    "losses.png",
    "train.log",
    "tensorboard/events.out.tfevents.*",
    "pictures/validation-[0-9]*.jpg",
)


def check_output(output: Path, resume: Path | None, overwrite: bool) -> None:
    """Make sure that a run does not take the place of another that the folder holds.

    Parameters
    ----------
    output
        The folder.
    resume
        The checkpoint of the run that goes on; None for a new one.
    overwrite
        Whether it may.

    Raises
    ------
    ConfigError
        If the folder holds checkpoints of another run and overwriting was not asked for.
    """
    if output.exists() and not output.is_dir():
        raise ConfigError(f"--output {output}: a file, expected a folder")
    if overwrite or (resume is not None and is_same(output, resume.parent) and resume.name in ("last.npz", FORMER)):
        return
    held = [path for pattern in _CHECKPOINTS for path in sorted(output.glob(pattern))]
    if held:
        last = output / "last.npz"
        advice = f"go on with --resume={last}, " if last.exists() else ""
        raise ConfigError(
            f"{output} holds a run already ({held[0].name}): {advice}choose another --output, or --overwrite it"
        )


def clear_run(output: Path) -> None:
    """Remove what an earlier run has written, and nothing else."""
    for pattern in _CHECKPOINTS + _RECORDS:
        for path in output.glob(pattern):
            path.unlink()


def carry_best(source: Path, output: Path, progress: Progress) -> None:
    """Bring the best network of a run that goes on along into the folder where it does, if it has one by now."""
    if not progress.epoch:
        return
    path = source / "best.npz"
    if not path.is_file() or not (is_same(output, source) or _is_best(path, progress)):
        logger.warning("%s is not the best network so far: best.npz is written when a better one comes", path)
    elif not is_same(output, source):
        with atomic_path(output / "best.npz") as temporary:
            shutil.copyfile(path, temporary)


def is_same(output: Path, source: Path | None) -> bool:
    """Return whether both are the same folder."""
    return source is not None and output.resolve() == source.resolve()


def _is_best(path: Path, progress: Progress) -> bool:
    try:
        held = read_checkpoint(path).meta.get("progress")
    except CheckpointError:
        return False
    return isinstance(held, dict) and held.get("best") == progress.best


def keep_former(path: Path, former: Path) -> None:
    """Give a file that is about to be replaced a second name, so that it stays; a copy where there are no links."""
    if not path.exists():
        return
    with atomic_path(former) as temporary:
        temporary.unlink(missing_ok=True)
        try:
            os.link(path, temporary)
        except OSError:
            shutil.copyfile(path, temporary)


def drop_older(folder: Path, newest: int) -> None:
    """Delete the checkpoints of epochs but for the newest so many; 0 keeps all."""
    kept = sorted(folder.glob("epoch-[0-9]*.npz"), key=lambda path: int(path.stem.partition("-")[2]))
    for path in kept[:-newest] if newest else []:
        path.unlink(missing_ok=True)
