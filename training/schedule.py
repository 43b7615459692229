"""How the learning rate changes over a run."""

from __future__ import annotations

import math
from dataclasses import dataclass

from easydict import EasyDict

from ..errors import ConfigError, quote


@dataclass(frozen=True)
class Schedule:
    """The learning rate as a function of the iteration.

    Attributes
    ----------
    lr
        The learning rate after the warm-up.
    total
        The iterations of the whole run.
    epoch
        The iterations of an epoch.
    kind
        ``step``: multiplied by `gamma` at each of `steps`; ``cosine``: half a cosine down to 0 at `total`
        (Loshchilov & Hutter 2017, equation 5).
    warmup, warmup_factor
        During so many iterations the rate rises linearly from `warmup_factor` times its value.
    steps, gamma
        See ``step``.
    unit
        Of the steps: ``iterations`` or ``epochs``.

    Raises
    ------
    ConfigError
        If the kind or the unit is unknown, or a step is no number.
    """

    lr: float
    total: int
    kind: str = "step"
    warmup: int = 0
    warmup_factor: float = 0.1
    steps: tuple[int, ...] = ()
    gamma: float = 1 / 3
    unit: str = "iterations"
    epoch: int = 1

    def __post_init__(self) -> None:
        if self.kind not in ("step", "cosine"):
            raise ConfigError(f"schedule.kind={quote(self.kind)}: expected step or cosine")
        if self.unit not in ("iterations", "epochs"):
            raise ConfigError(f"schedule.unit={quote(self.unit)}: expected iterations or epochs")
        if not all(type(step) in (int, float) for step in self.steps):
            raise ConfigError(f"schedule.steps={quote(self.steps)}: expected numbers of {self.unit}")

    def __call__(self, iteration: int) -> float:
        """Return the learning rate of an iteration, counted from 0."""
        if self.kind == "cosine":
            rate = self.lr * (1 + math.cos(math.pi * min(iteration / max(self.total, 1), 1.0))) / 2
        else:
            place = iteration if self.unit == "iterations" else iteration / self.epoch
            rate = self.lr * self.gamma ** sum(place >= step for step in self.steps)
        if iteration < self.warmup:
            rate *= self.warmup_factor + (1 - self.warmup_factor) * iteration / self.warmup
        return rate


def schedule_of(config: EasyDict, epoch_batches: int) -> Schedule:
    """Return the schedule of a recipe, given the batches of an epoch."""
    total = config.train.epochs * epoch_batches
    return Schedule(config.optimizer.lr, total, epoch=epoch_batches, **config.schedule)
