"""What all estimators have in common, whether they take whole images or boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable, Protocol

import numpy as np

from ..codecs import Codec
from ..datasets import PersonBox
from ..person import Person


@dataclass(frozen=True)
class Look:
    """What a look at an image has found.

    Attributes
    ----------
    people
        With boxes one for each, in their order.
    panels
        Draws pictures (H, W, 3) RGB uint8: the people first, then what the network saw.
    """

    people: list[Person]
    panels: Callable[[], list[np.ndarray]]


class Estimator(Protocol):
    """Finds people in images."""

    @property
    def codec(self) -> Codec:
        """Decodes the maps; its skeleton is that of the people."""

    @property
    def aspect(self) -> float | None:
        """Width by height of the boxes to look into; None if whole images are looked at."""

    @property
    def enlarge(self) -> float:
        """By how much boxes of people grow before they are looked into."""

    def find_all(self, images: Sequence[np.ndarray], boxes: Sequence[Sequence[PersonBox]] = ()) -> list[list[Person]]:
        """Return the people in each image, or in the boxes of each."""

    def look(self, image: np.ndarray, boxes: Sequence[PersonBox] = ()) -> Look:
        """Return the people in an image (H, W, 3) RGB uint8, or in its boxes."""

    def at_one_scale(self) -> Estimator:
        """Return the one that looks at images in one size only, where recipes average several for their scores."""

    def settings(self) -> dict[str, Any]:
        """Return what decides about the people, fit for JSON."""

    def describe(self) -> str:
        """Return the same in words, for captions."""
