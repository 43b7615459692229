"""The thresholds of the greedy decoder."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .base import check_range, check_whole


@dataclass(frozen=True)
class DecodeRules:
    """What counts as a joint, a limb and a person when maps are decoded.

    Attributes
    ----------
    peak_threshold
        Heatmaps must be higher than this at a joint; not negative.
    max_peaks
        Of each joint, at most this many candidates are kept, the highest. It bounds time and memory on noise.
    samples
        Points on the line between two candidates at which the PAF is read, its ends included; 2 to 10,000.
    min_sample
        The PAF along the line must be above this at a point that counts as part of the limb.
    min_ratio
        At least this share of the points must count.
    long_limb
        A limb longer than this share of the height of the map loses score: long_limb * height / length - 1
        is added to the mean of the PAF, and the sum must be positive.
    min_joints
        A person has at least this many joints. A single one costs little: who has few joints has a low score.
    min_score
        The mean score of a person's joints and limbs is at least this.
    max_gap
        Two people of enough score and without a joint in common are one, whose connecting joint was not found, if
        their closest joints are within this share of the diagonal of the larger one's box. 0 joins along limbs only.
    limb_by_limb
        Whether the limbs are joined in the order of the skeleton, each with its surest pairs first, instead of the
        surest of the whole image first.

    Raises
    ------
    ConfigError
        If a value is out of its range.
    """

    peak_threshold: float = 0.05
    max_peaks: int = 256
    samples: int = 10
    min_sample: float = 0.05
    min_ratio: float = 0.8
    long_limb: float = 0.5
    min_joints: int = 1
    min_score: float = 0.2
    max_gap: float = 0.5
    limb_by_limb: bool = False

    def __post_init__(self) -> None:
        check_range(0 <= self.peak_threshold < math.inf, "peak_threshold", self.peak_threshold, "at least 0 and finite")
        check_whole("max_peaks", self.max_peaks, 1, 2**20)
        check_whole("samples", self.samples, 2, 10_000)
        check_range(0 <= self.min_ratio <= 1, "min_ratio", self.min_ratio, "0 to 1")
        check_range(self.long_limb > 0, "long_limb", self.long_limb, "above 0")
        check_whole("min_joints", self.min_joints, 1, 2**20)
        check_range(self.max_gap >= 0, "max_gap", self.max_gap, "at least 0")


# "usual" are the thresholds and the order of the decoder that was published with the network.
RULES = {
    "default": DecodeRules(),
    "usual": DecodeRules(peak_threshold=0.1, min_joints=3, max_gap=0.0, limb_by_limb=True),
}
