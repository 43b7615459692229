"""The pictures of the embedded data set, each by its number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ConfigError
from .annotate import annotate
from .scene import compose

SPLITS = ("train", "val")
_LEAST_SIDE = 64
_LARGEST_SIDE = 4096


@dataclass(frozen=True)
class SyntheticPeople:
    """An endless collection of pictures of people; a picture depends on nothing but seed, split and index.

    Parameters
    ----------
    seed
        Another seed gives other pictures; 0 or larger.
    size
        Height and width of the pictures in pixels, 64 or more each.

    Raises
    ------
    ConfigError
        If the seed is negative or the size too small or too large.

    Examples
    --------
    >>> image, annotations = SyntheticPeople(seed=0, size=(240, 320)).picture("train", 3)
    >>> image.shape
    (240, 320, 3)
    """

    seed: int = 0
    size: tuple[int, int] = (240, 320)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ConfigError(f"seed: found {self.seed}, expected 0 or larger")
        if len(self.size) != 2 or min(self.size) < _LEAST_SIDE or max(self.size) > _LARGEST_SIDE:
            expected = f"expected height and width of {_LEAST_SIDE} or more pixels, up to {_LARGEST_SIDE}"
            raise ConfigError(f"size: found {'x'.join(map(str, self.size))}, {expected}")

    def picture(self, split: str, index: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
        """Draw one picture.

        Parameters
        ----------
        split
            "train" or "val"; they share no picture.
        index
            Number of the picture, from 0.

        Returns
        -------
        image
            (H, W, 3) uint8 RGB.
        annotations
            One dictionary for each person and each crowd, with the fields of COCO but `id` and `image_id`.
            Keypoints are in pixels, integers being pixel centres, in the order of `COCO_17`.

        Raises
        ------
        ConfigError
            If the split is unknown or the index negative.
        """
        if split not in SPLITS:
            raise ConfigError(f"split: found {split!r}, expected one of {', '.join(SPLITS)}")
        if index < 0:
            raise ConfigError(f"index: found {index}, expected 0 or larger")
        rng = np.random.default_rng((self.seed, SPLITS.index(split), index))
        height, width = self.size
        scene = compose(rng, width, height)
        return scene.image, annotate(scene)
