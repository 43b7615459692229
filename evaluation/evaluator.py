"""What a metric is to the evaluation: something that takes people image by image and gives figures in the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from ..person import Person
from .scenes import Scene


class Evaluator(ABC):
    """Scores the people that one run over images finds.

    Attributes
    ----------
    results
        What goes into ``results.json``, so far: numbers that JSON has.
    """

    def __init__(self) -> None:
        self.results: list[dict[str, Any]] = []

    @abstractmethod
    def process(self, scene: Scene, people: Sequence[Person]) -> None:
        """Take the people found in an image: none if it cannot be read, else one for each box if it has boxes."""

    @abstractmethod
    def evaluate(self) -> dict[str, Any]:
        """Return the figures of all images so far."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return what decides about the figures, fit for JSON."""

    @abstractmethod
    def table(self, figures: Mapping[str, Any]) -> str:
        """Return the figures as text for the screen."""
