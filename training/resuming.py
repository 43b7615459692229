"""What a checkpoint says of the run that goes on, and what it means for that run to go on by another recipe."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from easydict import EasyDict

from ..configs import from_json, to_json
from ..errors import CheckpointError, ConfigError, quote
from ..models import Checkpoint, read_checkpoint, skeleton_from_meta
from .folder import FORMER
from .progress import Progress, read_state
from .schedule import schedule_of

logger = logging.getLogger(__name__)

Changes = dict[str, tuple[Any, Any]]

# What makes the samples of an epoch and puts them in batches, beside `data`, of which the people themselves tell.
_SECTIONS = ("labels", "people", "augment")
_KEYS = ("train.batch_size", "train.seed", "train.max_iterations")
_SCHEDULED = ("schedule", "optimizer.lr", "train.epochs", "train.batch_size", "train.max_iterations")


def recipe_of(checkpoint: Checkpoint) -> EasyDict:
    """Return the recipe of the run that has written a checkpoint.

    Raises
    ------
    CheckpointError
        If it has no training state, or a broken one.
    """
    progress = read_state(checkpoint).progress
    try:
        config = from_json(checkpoint.meta["config"], skeleton_from_meta(checkpoint.meta))
    except (AttributeError, ArithmeticError, ConfigError, KeyError, RecursionError, TypeError, ValueError) as error:
        reason = quote(str(error), 200)
        raise CheckpointError(f"{checkpoint.path}: its training state is broken (the recipe: {reason})") from None
    if config.model.name != checkpoint.meta["model"]:
        raise CheckpointError(
            f"{checkpoint.path}: its training state is broken "
            f"(the recipe of a {quote(config.model.name)}, the network is a {quote(checkpoint.meta['model'])})"
        )
    epochs = config.train.epochs
    if progress.epoch > epochs or (progress.epoch == epochs and progress.batch):
        raise CheckpointError(
            f"{checkpoint.path}: its training state is broken "
            f"(batch {progress.batch} after {progress.epoch} epochs, of {epochs} in all)"
        )
    return config


def is_finished(checkpoint: Checkpoint, config: EasyDict) -> bool:
    """Return whether a run has come to the end of the recipe that it is to go on by."""
    return is_over(read_state(checkpoint).progress, config)


def why_finished(checkpoint: Checkpoint, config: EasyDict) -> str:
    """Return why a run has come to an end, and what lets it go on."""
    progress = read_state(checkpoint).progress
    options = config.train
    if progress.epoch < options.epochs:
        return f"{progress.stale} epochs were no better; --set train.patience=N with a higher number trains on"
    return f"all {options.epochs} epochs are trained; --epochs=N trains on"


def is_over(progress: Progress, config: EasyDict) -> bool:
    """Return whether a run has come to its last epoch, or to the end of its patience."""
    options = config.train
    impatient = 0 < options.patience <= progress.stale and not progress.batch
    return progress.epoch >= options.epochs or impatient


def find_checkpoint(folder: Path) -> Checkpoint | None:
    """Return the newest whole checkpoint that a run in a folder can go on from; None if there is none.

    Raises
    ------
    CheckpointError
        If there are some and all are damaged.
    """
    problem: CheckpointError | None = None
    for path in (folder / "last.npz", folder / FORMER):
        if not path.exists():
            continue
        try:
            checkpoint = read_checkpoint(path)
            recipe_of(checkpoint)
        except CheckpointError as error:
            problem = error
            logger.warning("%s; the one before is tried", error)
            continue
        logger.info("--resume=auto: goes on from %s", path)
        return checkpoint
    if problem is not None:
        raise problem
    return None


def changes_of(old: EasyDict, new: EasyDict) -> Changes:
    """Return the values of two recipes that differ, by their keys."""
    before = _flat(old)
    after = _flat(new)
    keys = [*before, *(key for key in after if key not in before)]
    return {key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}


def check_changes(checkpoint: Checkpoint, old: EasyDict, new: EasyDict) -> None:
    """Make sure that a run that goes on by another recipe can.

    Raises
    ------
    ConfigError
        If the network is another, the run is past the end, or it is within an epoch of which samples or batches would
        be others.
    """
    progress = read_state(checkpoint).progress
    changes = changes_of(old, new)
    if "train.score_every" in changes and 0 in changes["train.score_every"]:
        raise ConfigError(f"{checkpoint.path}: train.score_every: what is best cannot change its meaning within a run")
    if any(key.startswith("model.") or key == "labels.skeleton" for key in changes):
        raise ConfigError(f"{checkpoint.path}: brings its own network; model.* and labels.skeleton cannot be changed")
    epochs = new.train.epochs
    if progress.epoch > epochs or (progress.epoch == epochs and progress.batch):
        done = f"{progress.epoch} epochs" + (f" and {progress.batch} batches" if progress.batch else "")
        raise ConfigError(f"train.epochs={epochs}: {checkpoint.path} has done {done} already")
    refused = [key for key in changes if key.partition(".")[0] in _SECTIONS or key in _KEYS]
    if progress.batch and refused:
        raise ConfigError(
            f"{checkpoint.path}: is in the middle of epoch {progress.epoch + 1}, whose samples or batches would change "
            f"with {', '.join(_describe(key, changes) for key in refused)}; change that between epochs"
        )


def check_people(checkpoint: Checkpoint, people: int, epoch_batches: int) -> None:
    """Make sure that an epoch that has begun goes on with the same people.

    Parameters
    ----------
    checkpoint
        Where the run goes on from.
    people
        The checksum of those of the data, see :meth:`cpm.datasets.BatchLoader.checksum`.
    epoch_batches
        The batches of an epoch of them.

    Raises
    ------
    ConfigError
        If they are others.
    """
    state = read_state(checkpoint)
    progress = state.progress
    if progress.batch and (state.people not in (None, people) or progress.batch > epoch_batches):
        raise ConfigError(
            f"{checkpoint.path}: is at batch {progress.batch} of epoch {progress.epoch + 1}, and the people of the "
            f"data (now {epoch_batches} batches) are others than those of that epoch; go on with its annotations"
        )


def notes_of(checkpoint: Checkpoint, new: EasyDict, epoch_batches: int, people: int, devices: int) -> list[str]:
    """Return what there is to say of a run that goes on otherwise than it was, a line each.

    Parameters
    ----------
    checkpoint
        Where it goes on from.
    new
        The recipe that it goes on by.
    epoch_batches, people, devices
        The batches of an epoch, the checksum of the people and the number of devices from now on.
    """
    state = read_state(checkpoint)
    old = recipe_of(checkpoint)
    changes = changes_of(old, new)
    notes = [f"changed: {_describe(key, changes)}" for key in changes]
    if state.people not in (None, people):
        notes.append("changed: the people to train on")
    if state.devices != devices and max(state.devices or 1, devices) > 1:
        notes.append(
            f"changed: devices: {state.devices or 'unknown'} -> {devices}; batch normalisation goes on with the mean "
            "of their statistics, and the figures are not to the digit those of a run without the change"
        )
    if any(key.startswith(_SCHEDULED) for key in changes):
        notes.append(_schedule_note(state.progress, old, new, epoch_batches))
    return notes


def _schedule_note(progress: Progress, old: EasyDict, new: EasyDict, epoch_batches: int) -> str:
    """Say how the learning rate goes on."""
    # Between epochs the batches may be others than before.
    before = epoch_batches if progress.batch or not progress.epoch else progress.iteration // progress.epoch
    schedule = schedule_of(new, epoch_batches)
    last = schedule_of(old, before)(max(progress.iteration - 1, 0))
    rates = last, schedule(progress.iteration), schedule(schedule.total - 1)
    return (
        f"learning rate ({schedule.kind}, {schedule.total} iterations in all): "
        "{:.3g} in the last iteration, {:.3g} in the next, {:.3g} at the end".format(*rates)
    )


def _describe(key: str, changes: Changes) -> str:
    old, new = changes[key]
    return f"{key}: {quote(old)} -> {quote(new)}"


def _flat(config: EasyDict) -> dict[str, Any]:
    """Return the values of a recipe by their keys, as they are in a checkpoint; the options of a network are one."""
    content = json.loads(to_json(config))
    sections = {name: section for name, section in content.items() if isinstance(section, dict)}
    return {f"{name}.{key}": value for name, section in sections.items() for key, value in section.items()}
