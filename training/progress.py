"""How far a run has come, and what else of it a checkpoint keeps beside the arrays."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import CheckpointError, quote
from ..models import Checkpoint

_MOST = 2**31 - 1  # MXNet counts updates in 32 bits


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Attributes
    ----------
    epoch, batch
        The epoch under way and its batches that are done. Once all are, what is left of the epoch is its validation.
    iteration
        All batches so far.
    best
        The lowest validation loss so far, or what the highest score lacks where there are scores; infinite before the
        first.
    stale
        The epochs since then.
    """

    epoch: int = 0
    batch: int = 0
    iteration: int = 0
    best: float = float("inf")
    stale: int = 0


@dataclass(frozen=True)
class RunState:
    """What a run needs to go on, beside the arrays; kept in the description of a checkpoint.

    Attributes
    ----------
    progress
        How far it has come.
    updates
        How often the parameters were updated: less than the iterations where the loss scale has left out steps.
    loss_scale
        See :func:`cpm.training.amp.scaling_state`.
    meter
        See :meth:`cpm.training.meter.LossMeter.state`; empty in old files.
    people
        The checksum of the people that are trained on; None in old files.
    devices
        How many there were; None in old files.
    """

    progress: Progress
    updates: int
    loss_scale: Any
    meter: dict[str, Any] = field(default_factory=dict)
    people: int | None = None
    devices: int | None = None


def read_state(checkpoint: Checkpoint) -> RunState:
    """Return the state of a run from its checkpoint.

    Raises
    ------
    CheckpointError
        If the file holds no training state, or one that no run can have.
    """
    if not checkpoint.meta.get("resumable"):
        raise CheckpointError(f"{checkpoint.path}: holds a network but no training state; expected a last.npz")
    try:
        return _parse(checkpoint.meta)
    except ValueError as error:
        raise CheckpointError(f"{checkpoint.path}: its training state is broken ({error})") from None


def _parse(meta: Mapping[str, Any]) -> RunState:
    progress = _progress(meta.get("progress"))
    return RunState(
        progress,
        updates=_whole("updates", meta.get("updates", progress.iteration), progress.iteration),
        loss_scale=meta.get("loss_scale", {}),
        meter=_meter(meta["meter"]) if "meter" in meta else {},
        people=_whole("people", meta["people"], 2**32 - 1) if "people" in meta else None,
        devices=_whole("devices", meta["devices"]) if "devices" in meta else None,
    )


def _progress(content: Any) -> Progress:
    names = list(asdict(Progress()))
    if isinstance(content, dict):
        content = {"stale": 0, **content}  # which old files lack
    if not isinstance(content, dict) or sorted(content) != sorted(names):
        raise ValueError(f"progress={quote(content)}, expected {', '.join(names)}")
    epoch, batch, iteration = (_whole(name, content[name]) for name in names[:3])
    if iteration < epoch + batch:
        raise ValueError(f"{iteration} iterations in {epoch} epochs and {batch} batches")
    best = content["best"]
    stale = _whole("stale", content["stale"], epoch)
    if best == math.inf and stale != epoch:  # as long as there is no best, no epoch was better
        raise ValueError(f"best={quote(best)} after {stale} of {epoch} epochs that were no better")
    if best != math.inf and not epoch:
        raise ValueError(f"best={quote(best)} before the first validation")
    if best != math.inf:
        best = _number("best", best)
    return Progress(epoch, batch, iteration, best, stale)


def _meter(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict) or not isinstance(content.get("sums"), list):
        raise ValueError(f"meter={quote(content)}")
    sums = [_number("a sum of losses", value, least=-math.inf) for value in content["sums"]]
    return {"sums": sums, "samples": _whole("samples", content.get("samples"))}


def _whole(name: str, value: Any, most: int = _MOST) -> int:
    # A bool is an int to Python.
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{name}={quote(value)}, expected a whole number from 0 to {most}")
    return value


def _number(name: str, value: Any, least: float = 0.0) -> float:
    if type(value) not in (int, float) or not abs(value) <= sys.float_info.max or value < least:
        raise ValueError(f"{name}={quote(value)}, expected a finite number" + (" from 0 on" if least == 0 else ""))
    return float(value)
