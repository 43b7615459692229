"""How the learning rate changes over a run."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import ConfigError


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
        If the kind or the unit is unknown.
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
            raise ConfigError(f"schedule.kind={self.kind!r}: expected step or cosine")
        if self.unit not in ("iterations", "epochs"):
            raise ConfigError(f"schedule.unit={self.unit!r}: expected iterations or epochs")

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
