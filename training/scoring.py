"""How good a network is while it learns: the figure that it is going to be judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from easydict import EasyDict

from ..errors import ConfigError
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
SPLIT = "score"  # what the table calls the rows of figures


def check_patience(config: EasyDict) -> None:
    """Make sure that a run is not ended before a network is scored that might be better.

    Raises
    ------
    ConfigError
        If it may be.
    """
    options = config.train
    if 0 < options.patience < options.score_every:
        raise ConfigError(
            f"train.patience={options.patience}: ends a run before train.score_every={options.score_every} scores it"
        )
