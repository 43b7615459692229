"""How the learning rate changes over a run."""

from __future__ import annotations

import math
from collections.abc import Callable
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
        (Loshchilov & Hutter 2017, equation 5); ``polynomial``: (1 - iteration / total) ** `power`; ``one_cycle``: half
        a cosine up from a 25th in the first 30 % of the run, and another down to a 250,000th at its end (Smith & Topin
        2019; the numbers are those in common use).
    warmup, warmup_factor
        During so many iterations the rate rises linearly from `warmup_factor` times its value.
    steps, gamma, power
        See ``step`` and ``polynomial``.
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
    power: float = 0.9
    unit: str = "iterations"
    epoch: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"schedule.kind={quote(self.kind)}: expected one of {', '.join(KINDS)}")
        if self.unit not in ("iterations", "epochs"):
            raise ConfigError(f"schedule.unit={quote(self.unit)}: expected iterations or epochs")
        if not all(type(step) in (int, float) for step in self.steps):
            raise ConfigError(f"schedule.steps={quote(self.steps)}: expected numbers of {self.unit}")

    def __call__(self, iteration: int) -> float:
        """Return the learning rate of an iteration, counted from 0."""
        rate = self.lr * KINDS[self.kind](self, iteration)
        if iteration < self.warmup:
            rate *= self.warmup_factor + (1 - self.warmup_factor) * iteration / self.warmup
        return rate

    def _share(self, iteration: int) -> float:
        """Return how much of the run is over."""
        return min(iteration / max(self.total, 1), 1.0)


def _step(schedule: Schedule, iteration: int) -> float:
    place = iteration if schedule.unit == "iterations" else iteration / schedule.epoch
    return schedule.gamma ** sum(place >= step for step in schedule.steps)


def _cosine(schedule: Schedule, iteration: int) -> float:
    return _half_cosine(1.0, 0.0, schedule._share(iteration))


def _polynomial(schedule: Schedule, iteration: int) -> float:
    return (1 - schedule._share(iteration)) ** schedule.power


def _one_cycle(schedule: Schedule, iteration: int) -> float:
    share = schedule._share(iteration)
    if share < _RISE:
        return _half_cosine(_START, 1.0, share / _RISE)
    return _half_cosine(1.0, _END, (share - _RISE) / (1 - _RISE))


def _half_cosine(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


_RISE = 0.3  # of a run of one cycle
_START = 1 / 25
_END = 1 / 250_000
KINDS: dict[str, Callable[[Schedule, int], float]] = {
    "step": _step,
    "cosine": _cosine,
    "polynomial": _polynomial,
    "one_cycle": _one_cycle,
}


def schedule_of(config: EasyDict, epoch_batches: int) -> Schedule:
    """Return the schedule of a recipe, given the batches of an epoch."""
    total = config.train.epochs * epoch_batches
    return Schedule(config.optimizer.lr, total, epoch=epoch_batches, **config.schedule)
