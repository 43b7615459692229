"""Heatmaps of joints and part affinity fields (PAFs) of limbs, the representation of OpenPose.

Cao et al., "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields", CVPR 2017. Unlike the
original system, heatmaps and PAFs share one grid: cell g has its centre at pixel stride * g + (stride - 1) / 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ..errors import ConfigError, DataError
from ..ops import draw_heatmaps, draw_pafs, find_peaks, gather_people, join_peaks
from ..person import Person
from ..skeletons import Skeleton


@dataclass(frozen=True)
class Targets:
    """What the network is to say about one image of H x W pixels, on a grid of h x w cells.

    Attributes
    ----------
    heatmaps
        (K + 1, h, w) float32: one map per joint, the last is the background, 1 - the largest of the others.
    pafs
        (2L, h, w) float32: the unit vector from A to B on limb k, x and y in the channels 2k and 2k + 1.
    """

    heatmaps: np.ndarray
    pafs: np.ndarray


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
        _check(0 <= self.peak_threshold < math.inf, "peak_threshold", self.peak_threshold, "at least 0 and finite")
        _check(_is_whole(self.max_peaks, 1, 2**20), "max_peaks", self.max_peaks, "a whole number from 1 to 1048576")
        _check(_is_whole(self.samples, 2, 10_000), "samples", self.samples, "a whole number from 2 to 10000")
        _check(0 <= self.min_ratio <= 1, "min_ratio", self.min_ratio, "0 to 1")
        _check(self.long_limb > 0, "long_limb", self.long_limb, "above 0")
        _check(_is_whole(self.min_joints, 1, 2**20), "min_joints", self.min_joints, "a whole number from 1 to 1048576")
        _check(self.max_gap >= 0, "max_gap", self.max_gap, "at least 0")


@dataclass(frozen=True)
class PafCodec:
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

    def __post_init__(self) -> None:
        _check(_is_whole(self.stride, 1, 2**20), "stride", self.stride, "a whole number above 0")
        _check(0 < self.sigma < math.inf, "sigma", self.sigma, "above 0")
        _check(0 < self.paf_width < math.inf, "paf_width", self.paf_width, "above 0")

    def encode(self, keypoints: np.ndarray, size: tuple[int, int], out: Targets | None = None) -> Targets:
        """Draw the targets of one image.

        Heatmaps of several people combine by their maximum; PAFs are averaged over the people that overlap on
        a limb. Joints outside the image contribute what reaches inside; limbs shorter than 1e-6 cells draw nothing.

        Parameters
        ----------
        keypoints
            (N, K, 3) x, y in pixels of the network input and visibility; only joints with v > 0 are drawn.
        size
            H and W in pixels, multiples of the stride.
        out
            Targets of the right shape to overwrite; by default new ones are made.

        Returns
        -------
        Targets
            `out`, if given.

        Raises
        ------
        DataError
            If a shape or the size does not fit, or a coordinate is not finite.
        """
        joints = self.skeleton.num_joints
        points = np.ascontiguousarray(keypoints, np.float64)
        if points.size == 0:
            points = points.reshape(0, joints, 3)
        if points.ndim != 3 or points.shape[1:] != (joints, 3):
            raise DataError(f"keypoints have the shape {points.shape}, {self.skeleton.name} expects (N, {joints}, 3)")
        if not np.isfinite(points).all():
            raise DataError("keypoints hold a coordinate or visibility that is not finite")
        targets = self._targets(size, out)
        draw_heatmaps(points, self.stride, self.sigma, targets.heatmaps)
        draw_pafs(points, self.skeleton.limb_joints, self.stride, self.paf_width, targets.pafs)
        return targets

    def decode_targets(self, targets: Targets, scale: float | tuple[float, float] = 1.0) -> list[Person]:
        """Find the people in the targets of one image; see :meth:`decode`."""
        return self.decode(targets.heatmaps, targets.pafs, scale)

    def decode(self, heatmaps: np.ndarray, pafs: np.ndarray, scale: float | tuple[float, float] = 1.0) -> list[Person]:
        """Find the people in the maps of one image, on the grid of the network.

        Joints are local maxima, placed between the cells (see :func:`cpm.ops.find_peaks`). Limbs join them, the
        surest of the whole image first (see :func:`cpm.ops.join_peaks`).

        Parameters
        ----------
        heatmaps
            (K + 1, h, w) float32.
        pafs
            (2L, h, w) float32.
        scale
            Pixels of the network input per pixel of the image, one number or one for x and one for y.

        Returns
        -------
        list of Person
            Surest first. Keypoints (K, 3) are in image pixels, x_image = (x_network + 0.5) / scale - 0.5; the
            score of a joint is the height of its peak. The score of a person is the sum of the scores of their joints
            and limbs as a share of all K + L, so that it grows with what was found and how surely.

        Raises
        ------
        DataError
            If the shapes are not those of the codec or each other's, or the scale is not positive.
        """
        scale_xy = np.asarray(scale, np.float64)
        if scale_xy.shape not in ((), (2,)) or not (np.isfinite(scale_xy).all() and (scale_xy > 0).all()):
            raise DataError(f"scale is {scale}, expected one or two numbers above 0")
        heatmaps, pafs = self._maps(heatmaps, pafs)
        rules, joints = self.rules, self.skeleton.num_joints
        peaks = np.empty((joints, rules.max_peaks, 3), np.float32)
        counts = np.empty(joints, np.int32)
        find_peaks(heatmaps[:joints], rules.peak_threshold, self.sigma / self.stride, peaks, counts)
        total = int(counts.sum())
        if total == 0:
            return []
        people, totals = np.empty((total, joints), np.int32), np.empty((total, 2))
        reach = rules.long_limb * heatmaps.shape[1]
        limbs = self.skeleton.limb_joints
        line = (rules.samples, rules.min_sample, rules.min_ratio, reach)
        joining = (rules.min_score, rules.max_gap, rules.limb_by_limb)
        join_peaks(pafs, limbs, peaks, counts, *line, *joining, people, totals)
        keypoints, scores = np.empty((total, joints, 3), np.float32), np.empty(total)
        # cell -> centre in pixels of the network input -> pixel of the image
        place = np.empty((2, 2))
        place[:, 0], place[:, 1] = self.stride / scale_xy, self.stride / 2 / scale_xy - 0.5
        count = gather_people(peaks, people, totals, rules.min_joints, rules.min_score, place, keypoints, scores)
        shares = (scores[:count] / (joints + len(limbs))).tolist()
        return [Person(keypoints[row].copy(), share) for row, share in enumerate(shares)]

    def _targets(self, size: tuple[int, int], out: Targets | None) -> Targets:
        """Return arrays for the targets of an image of `size`: `out`, if it fits."""
        height, width = size
        if height <= 0 or width <= 0 or height % self.stride or width % self.stride:
            raise DataError(
                f"size is {height} x {width} pixels, expected positive multiples of the stride {self.stride}"
            )
        cells = (int(height) // self.stride, int(width) // self.stride)
        shapes = (self.skeleton.num_joints + 1, *cells), (2 * self.skeleton.num_limbs, *cells)
        if out is None:
            return Targets(np.empty(shapes[0], np.float32), np.empty(shapes[1], np.float32))
        for array, shape in zip((out.heatmaps, out.pafs), shapes):
            if array.shape != shape or array.dtype != np.float32 or not array.flags.carray:
                raise DataError(f"out holds {array.dtype} {array.shape}, expected a contiguous float32 {shape}")
        return out

    def _maps(self, heatmaps: np.ndarray, pafs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the maps as contiguous float32, if they are those of the skeleton."""
        heatmaps = np.ascontiguousarray(heatmaps, np.float32)
        pafs = np.ascontiguousarray(pafs, np.float32)
        channels = (self.skeleton.num_joints + 1, 2 * self.skeleton.num_limbs)
        if (
            (heatmaps.ndim, pafs.ndim) != (3, 3)
            or (len(heatmaps), len(pafs)) != channels
            or heatmaps.shape[1:] != pafs.shape[1:]
        ):
            raise DataError(
                f"heatmaps {heatmaps.shape} and pafs {pafs.shape} do not fit, {self.skeleton.name} expects "
                f"({channels[0]}, h, w) and ({channels[1]}, h, w)"
            )
        return heatmaps, pafs


def _is_whole(value: int, least: int, most: int) -> bool:
    return least <= value <= most and value == int(value)


def _check(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise ConfigError(f"{name} is {value}, expected {expected}")


# "usual" are the thresholds and the order of the decoder that was published with the network.
RULES = {
    "default": DecodeRules(),
    "usual": DecodeRules(peak_threshold=0.1, min_joints=3, max_gap=0.0, limb_by_limb=True),
}
