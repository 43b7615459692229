"""How good a network is while it learns: the figure that it is going to be judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..models import PoseNet


@dataclass(frozen=True)
class Score:
    """A figure of a network.

    Attributes
    ----------
    name
        What it is called, such as AP.
    value
        How high it is.
    top
        The highest that it can be.
    """

    name: str
    value: float
    top: float

    @property
    def missing(self) -> float:
        """How far it is from the top: what a training makes small."""
        return self.top - self.value


Scorer = Callable[[PoseNet], Score]
SCORES = ("AP", "PCKh")  # the names that are drawn beside the loss
