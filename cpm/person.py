"""The result type: one person found in an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Person:
    """One person found in an image.

    Attributes
    ----------
    keypoints
        (K, 3) float array: x, y in image pixels (integers are pixel centres) and the score of the joint;
        a score of 0 marks a joint that was not found.
    score
        How sure the decoder is of the whole person; higher is better.
    """

    keypoints: np.ndarray
    score: float

    @property
    def found(self) -> np.ndarray:
        """(K,) bool: the joints that were found."""
        return self.keypoints[:, 2] > 0

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """Return x, y, width and height of the tightest box around the found joints; zeros if there are none."""
        points = self.keypoints[self.found, :2]
        if len(points) == 0:
            return (0.0, 0.0, 0.0, 0.0)
        left, top = points.min(axis=0)
        right, bottom = points.max(axis=0)
        return (float(left), float(top), float(right - left), float(bottom - top))
