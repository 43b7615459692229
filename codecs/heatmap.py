"""Heatmaps of the joints of the one person in a crop, the representation of top-down networks.

Xiao et al., "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018, and, without the bias of rounding,
Zhang et al., "Distribution-Aware Coordinate Representation for Human Pose Estimation" (DARK), CVPR 2020.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError, DataError
from ..skeletons import Skeleton

_CUT = 3.0  # sigmas: how far a Gaussian reaches
_SMOOTHING_REACH = 2.5  # sigmas
_QUARTER = 0.25  # cells towards the higher neighbour
_FARTHEST_STEP = 2.0  # cells from the highest cell, in noise


@dataclass(frozen=True)
class HeatmapTargets:
    """What the network is to say about one crop of H x W pixels, on a grid of h x w cells.

    Attributes
    ----------
    heatmaps
        (K, h, w) float32: one map per joint.
    weights
        (K,) float32: 1 where the loss counts, 0 for joints that are unlabelled or too far outside.
    """

    heatmaps: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class HeatmapCodec:
    """The joints of one person as heatmaps, and back.

    Published networks were trained on a grid of which cell g stands for pixel stride * g, with Gaussians drawn about
    whole cells; so it is by default. Where `unbiased`, cell g has its centre at pixel stride * g + (stride - 1) / 2,
    as everywhere else in this package, Gaussians are drawn at the very place and found again between the cells.

    Attributes
    ----------
    skeleton
        Names the K joints.
    stride
        Pixels per cell.
    sigma
        Standard deviation of the Gaussians in cells; published networks have 2 for crops of 256 rows and 3 for 384.
    unbiased
        See above.
    shift_flipped
        Whether `unmirror` moves the maps by the cell that the grid of published networks loses in a mirror.

    Raises
    ------
    ConfigError
        If the stride is not whole and positive or sigma not positive.
    """

    skeleton: Skeleton
    stride: int = 4
    sigma: float = 2.0
    unbiased: bool = False
    shift_flipped: bool = True

    def __post_init__(self) -> None:
        whole = 1 <= self.stride < math.inf and self.stride == int(self.stride)
        _check(whole, "stride", self.stride, "a whole number above 0")
        _check(0 < self.sigma < math.inf, "sigma", self.sigma, "above 0")

    def encode(self, keypoints: np.ndarray, size: tuple[int, int], out: HeatmapTargets | None = None) -> HeatmapTargets:
        """Draw the targets of one crop.

        By default the peak is 1, at the nearest cell, and the Gaussian is cut at a square window of 3 sigma each way;
        where `unbiased`, it is neither rounded nor cut. A joint counts if any cell is within this window.

        Parameters
        ----------
        keypoints
            (K, 3) x, y in pixels of the crop and visibility; only joints with v > 0 are drawn.
        size
            H and W in pixels, multiples of the stride.
        out
            Targets of the right shape to overwrite; by default new ones are made.

        Returns
        -------
        HeatmapTargets
            `out`, if given.

        Raises
        ------
        DataError
            If a shape or the size does not fit, or a coordinate is not finite.
        """
        joints = self.skeleton.num_joints
        points = np.asarray(keypoints, np.float64)
        if points.shape != (joints, 3):
            raise DataError(f"keypoints have the shape {points.shape}, {self.skeleton.name} expects ({joints}, 3)")
        if not np.isfinite(points).all():
            raise DataError("keypoints hold a coordinate or visibility that is not finite")
        targets = self._targets(size, out)
        rows, columns = targets.heatmaps.shape[1:]
        across, reaches_x = self._gaussians(points[:, 0], columns)
        down, reaches_y = self._gaussians(points[:, 1], rows)
        targets.weights[:] = (points[:, 2] > 0) & reaches_x & reaches_y
        down *= targets.weights[:, None]
        np.multiply(down[:, :, None], across[:, None, :], out=targets.heatmaps)
        return targets

    def decode(self, heatmaps: np.ndarray) -> np.ndarray:
        """Find the joints in the maps of one or more crops.

        By default a joint is a quarter of a cell from the highest cell towards the higher of its neighbours along each
        axis, unless the cell is among the two at an edge on the left or above, or the last on the right or below.
        Where `unbiased`, the maps are smoothed by the Gaussian of the training targets and the step goes to the top of
        the parabola that their logarithm has there (DARK, section 3.2). Near an edge they are smoothed by as much as
        fits, and no joint lies outside of the outermost cells.

        Parameters
        ----------
        heatmaps
            (K, h, w) or (B, K, h, w).

        Returns
        -------
        ndarray
            (K, 3) or (B, K, 3) float32: x and y in pixels of the crop, and the height of the highest cell as a score.
            Joints whose score is not above 0 are zeros.

        Raises
        ------
        DataError
            If the shape is not that of the skeleton or a value is not finite.
        """
        maps = self._maps(heatmaps)
        if not np.isfinite(maps).all():
            raise DataError("heatmaps hold a value that is not finite")
        rows, columns = maps.shape[-2:]
        flat = maps.reshape(-1, rows, columns)
        top = flat.reshape(len(flat), rows * columns).argmax(axis=1)
        y, x = np.divmod(top, columns)
        scores = flat[np.arange(len(flat)), y, x]
        steps = self._top_of_parabola(flat, x, y) if self.unbiased else _quarter_steps(flat, x, y)
        joints = np.empty((len(flat), 3), np.float32)
        joints[:, :2] = self.stride * (np.stack([x, y], axis=1) + steps) + self._offset
        joints[:, 2] = scores
        joints[~(scores > 0)] = 0
        return joints.reshape(*maps.shape[:-2], 3)

    def unmirror(self, heatmaps: np.ndarray) -> np.ndarray:
        """Turn the maps of a mirrored crop into those of the crop itself.

        The columns are reversed and left and right joints exchanged. A grid whose cell g stands for pixel stride * g
        is not symmetric: its mirror image stands (stride - 1) / stride of a cell too far to the left. By default the
        maps are therefore moved to the right by a cell, of which the first keeps its values, as in the published code.

        Parameters
        ----------
        heatmaps
            (K, h, w) or (B, K, h, w).

        Returns
        -------
        ndarray
            Of the same shape, float32.

        Raises
        ------
        DataError
            If the shape is not that of the skeleton.
        """
        mirrored = self._maps(heatmaps)[..., self.skeleton.flip_joints, :, ::-1]
        maps = np.ascontiguousarray(mirrored)
        if self.shift_flipped and not self.unbiased:
            maps[..., 1:] = mirrored[..., :-1]
        return maps

    @property
    def _offset(self) -> float:
        """The pixel that cell 0 stands for."""
        return (self.stride - 1) / 2 if self.unbiased else 0.0

    def _gaussians(self, pixels: np.ndarray, cells: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the Gaussians (K, cells) float32 along an axis, and whether each reaches a cell."""
        places = (pixels - self._offset) / self.stride
        if not self.unbiased:
            places = np.trunc(places + 0.5)  # towards 0, also below it, as in the published code
        with np.errstate(over="ignore", under="ignore"):
            far = np.abs(np.arange(cells) - places[:, None]) / self.sigma
            values = np.exp(-0.5 * far**2).astype(np.float32)
        near = far <= _CUT
        if not self.unbiased:
            values *= near
        return values, near.any(axis=1)

    def _top_of_parabola(self, maps: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the steps (N, 2) from the highest cells of maps (N, h, w) to the tops between the cells.

        A parabola through the logarithm of 3 x 3 cells of the smoothed map has its top at -H⁻¹ g from their middle,
        with its gradient g and Hessian H there. At an edge the middle is the second cell.
        """
        rows, columns = maps.shape[1:]
        if min(rows, columns) < 3:
            return np.zeros((len(maps), 2))
        middle_x, middle_y = np.clip(x, 1, columns - 2), np.clip(y, 1, rows - 2)
        across, down = self._smoothing(middle_x, columns), self._smoothing(middle_y, rows)
        patch = np.log(np.maximum(down @ maps @ across.transpose(0, 2, 1), 1e-10))
        above, center, below = patch[:, 0], patch[:, 1], patch[:, 2]
        dx, dy = (center[:, 2] - center[:, 0]) / 2, (below[:, 1] - above[:, 1]) / 2
        dxx = center[:, 2] - 2 * center[:, 1] + center[:, 0]
        dyy = below[:, 1] - 2 * center[:, 1] + above[:, 1]
        dxy = (below[:, 2] - below[:, 0] - above[:, 2] + above[:, 0]) / 4
        determinant = dxx * dyy - dxy**2
        is_top = (determinant > 1e-12) & (dxx < 0)
        divisor = np.where(is_top, determinant, 1.0)
        places = np.stack([(dxy * dy - dyy * dx) / divisor, (dxy * dx - dxx * dy) / divisor], axis=1)
        peaks = np.stack([x, y], axis=1)
        places += np.stack([middle_x, middle_y], axis=1)
        places = np.clip(places, np.maximum(peaks - _FARTHEST_STEP, -0.5), peaks + _FARTHEST_STEP)
        places = np.minimum(places, np.array([columns, rows]) - 0.5)
        return np.where(is_top[:, None], places - peaks, 0.0)

    def _smoothing(self, middle: np.ndarray, cells: int) -> np.ndarray:
        """Return the weights (N, 3, cells) of the cells in the smoothed values about each middle.

        The window gets narrower towards an edge: padding would push peaks away from it.
        """
        widest = math.ceil(_SMOOTHING_REACH * self.sigma)
        reach = np.minimum(widest, np.minimum(middle - 1, cells - 2 - middle))[:, None, None]
        places = middle[:, None, None] + np.arange(-1, 2)[:, None]
        far = np.abs(np.arange(cells) - places)
        weights = np.where(far <= reach, np.exp(-0.5 * (far / self.sigma) ** 2), 0.0)
        return (weights / weights.sum(axis=2, keepdims=True)).astype(np.float32)

    def _targets(self, size: tuple[int, int], out: HeatmapTargets | None) -> HeatmapTargets:
        """Return arrays for the targets of a crop of `size`: `out`, if it fits."""
        height, width = size
        if height <= 0 or width <= 0 or height % self.stride or width % self.stride:
            raise DataError(
                f"size is {height} x {width} pixels, expected positive multiples of the stride {self.stride}"
            )
        joints = self.skeleton.num_joints
        shapes = (joints, int(height) // self.stride, int(width) // self.stride), (joints,)
        if out is None:
            return HeatmapTargets(np.empty(shapes[0], np.float32), np.empty(shapes[1], np.float32))
        for array, shape in zip((out.heatmaps, out.weights), shapes):
            if array.shape != shape or array.dtype != np.float32:
                raise DataError(f"out holds {array.dtype} {array.shape}, expected float32 {shape}")
        return out

    def _maps(self, heatmaps: np.ndarray) -> np.ndarray:
        """Return the maps as float32, if they are those of the skeleton."""
        maps = np.asarray(heatmaps, np.float32)
        joints = self.skeleton.num_joints
        if maps.ndim not in (3, 4) or maps.shape[-3] != joints or 0 in maps.shape[-3:]:
            raise DataError(
                f"heatmaps have the shape {maps.shape}, {self.skeleton.name} expects ({joints}, h, w) or "
                f"(B, {joints}, h, w)"
            )
        return maps


def _quarter_steps(maps: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the steps (N, 2) of a quarter of a cell towards the higher neighbours of cells of maps (N, h, w)."""
    rows, columns = maps.shape[1:]
    steps = np.zeros((len(maps), 2))
    inner = np.flatnonzero((x > 1) & (x < columns - 1) & (y > 1) & (y < rows - 1))
    x, y = x[inner], y[inner]
    steps[inner, 0] = _QUARTER * np.sign(maps[inner, y, x + 1] - maps[inner, y, x - 1])
    steps[inner, 1] = _QUARTER * np.sign(maps[inner, y + 1, x] - maps[inner, y - 1, x])
    return steps


def _check(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise ConfigError(f"{name} is {value}, expected {expected}")
