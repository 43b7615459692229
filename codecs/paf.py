"""Heatmaps of joints and part affinity fields (PAFs) of limbs, the representation of OpenPose.

Cao et al., "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields", CVPR 2017. Unlike the
original system, heatmaps and PAFs share one grid: cell g has its centre at pixel stride * g + (stride - 1) / 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ..ops import draw_heatmaps, draw_pafs, find_peaks, gather_people, join_peaks
from ..person import Person
from ..skeletons import Skeleton
from .base import Codec, Scale, Targets, check_range, check_whole, scale_of
from .maps import HEATMAPS, PAFS, MapKind, Maps
from .rules import DecodeRules


@dataclass(frozen=True)
class PafCodec(Codec):
    """People as heatmaps and PAFs, and back.

    Attributes
    ----------
    skeleton
        Names the K joints and L limbs; any skeleton works: trees, loops and several parts.
    stride
        Pixels per cell.
    sigma
        Standard deviation of the Gaussian at a joint in pixels of the network input. It is cut below 1 %.
    paf_width
        Half the width of a limb in cells.
    rules
        The thresholds of decoding.

    Raises
    ------
    ConfigError
        If a number is not positive or the stride not whole.
    """

    skeleton: Skeleton
    stride: int = 8
    sigma: float = 7.0
    paf_width: float = 1.0
    rules: DecodeRules = field(default_factory=DecodeRules)
    kinds: ClassVar[tuple[MapKind, ...]] = (PAFS, HEATMAPS)

    def __post_init__(self) -> None:
        check_whole("stride", self.stride, 1, 2**20)
        check_range(0 < self.sigma < math.inf, "sigma", self.sigma, "above 0")
        check_range(0 < self.paf_width < math.inf, "paf_width", self.paf_width, "above 0")

    def encode(self, keypoints: np.ndarray, size: tuple[int, int], out: Targets | None = None) -> Targets:
        """Draw the targets of one image; parameters, result and errors as of :meth:`Codec.encode`.

        Heatmaps of several people combine by their maximum; PAFs are averaged over the people that overlap on
        a limb. Joints outside the image contribute what reaches inside; limbs shorter than 1e-6 cells draw nothing.
        """
        points = self._points(keypoints)
        targets = self._targets(size, out)
        draw_heatmaps(points, self.stride, self.sigma, targets.maps["heatmaps"])
        draw_pafs(points, self.skeleton.limb_joints, self.stride, self.paf_width, targets.maps["pafs"])
        return targets

    def decode(self, maps: Maps, scale: float | Scale = 1.0) -> list[Person]:
        """Find the people in the maps of one image; parameters, result and errors as of :meth:`Codec.decode`.

        Joints are local maxima, placed between the cells (see :func:`cpm.ops.find_peaks`). Limbs join them, the
        surest of the whole image first (see :func:`cpm.ops.join_peaks`). The score of a joint is the height of its
        peak. The score of a person is the sum of the scores of their joints and limbs as a share of all K + L, so that
        it grows with what was found and how surely.
        """
        scale_xy = scale_of(scale)
        arrays = self._maps(maps)
        peaks, counts = self._find_peaks(arrays["heatmaps"])
        total = int(counts.sum())
        if total == 0:
            return []
        people = np.empty((total, self.skeleton.num_joints), np.int32)
        totals = np.empty((total, 2))
        self._join_peaks(arrays["pafs"], peaks, counts, people, totals)
        return self._gather_people(peaks, people, totals, scale_xy)

    def _find_peaks(self, heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the peaks (K, M, 3) of the joints as x, y in cells and height, and how many each joint has (K,)."""
        joints = self.skeleton.num_joints
        peaks = np.empty((joints, self.rules.max_peaks, 3), np.float32)
        counts = np.empty(joints, np.int32)
        find_peaks(heatmaps[:joints], self.rules.peak_threshold, self.sigma / self.stride, peaks, counts)
        return peaks, counts

    def _join_peaks(
        self, pafs: np.ndarray, peaks: np.ndarray, counts: np.ndarray, people: np.ndarray, totals: np.ndarray
    ) -> None:
        """Write which peaks each person has, and their sums of scores."""
        rules = self.rules
        join_peaks(
            pafs,
            self.skeleton.limb_joints,
            peaks,
            counts,
            rules.samples,
            rules.min_sample,
            rules.min_ratio,
            rules.long_limb * pafs.shape[1],
            rules.min_score,
            rules.max_gap,
            rules.limb_by_limb,
            people,
            totals,
        )

    def _gather_people(
        self, peaks: np.ndarray, people: np.ndarray, totals: np.ndarray, scale: np.ndarray
    ) -> list[Person]:
        """Return those who have joints and scores enough, surest first, in pixels of the image."""
        keypoints = np.empty((*people.shape, 3), np.float32)
        scores = np.empty(len(people))
        # cell -> centre in pixels of the network input -> pixel of the image
        place = np.empty((2, 2))
        place[:, 0] = self.stride / scale
        place[:, 1] = self.stride / 2 / scale - 0.5
        rules = self.rules
        count = gather_people(peaks, people, totals, rules.min_joints, rules.min_score, place, keypoints, scores)
        shares = scores[:count] / (self.skeleton.num_joints + self.skeleton.num_limbs)
        return [Person(keypoints[row].copy(), share) for row, share in enumerate(shares.tolist())]
