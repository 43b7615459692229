"""Heatmaps of the joints of the one person in a crop, the representation of top-down networks.

Xiao et al., "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018, and, without the bias of rounding,
Zhang et al., "Distribution-Aware Coordinate Representation for Human Pose Estimation" (DARK), CVPR 2020.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..errors import DataError
from ..person import Person
from ..skeletons import Skeleton
from .base import Codec, Scale, Targets, check_drawable, check_range, check_whole, scale_of
from .maps import JOINT_HEATMAPS, MapKind, Maps
from .subcell import parabola_steps, quarter_steps

_CUT = 3.0  # sigmas: how far a Gaussian reaches


@dataclass(frozen=True)
class HeatmapCodec(Codec):
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
        Whether `average` moves the maps by the cell that the grid of published networks loses in a mirror.

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
    kinds: ClassVar[tuple[MapKind, ...]] = (JOINT_HEATMAPS,)

    def __post_init__(self) -> None:
        check_whole("stride", self.stride, 1, 2**20)
        check_range(0 < self.sigma < math.inf, "sigma", self.sigma, "above 0")

    def empty(self, size: tuple[int, int], count: int | None = None) -> Targets:
        """Return targets to be drawn into, with the weights of the joints, (K, 1, 1)."""
        maps = super().empty(size, count).maps
        shape = (*maps["heatmaps"].shape[:-2], 1, 1)
        return Targets(maps, {"heatmaps": np.empty(shape, np.float32)})

    def encode(self, keypoints: np.ndarray, size: tuple[int, int], out: Targets | None = None) -> Targets:
        """Draw the targets of one crop; parameters, result and errors as of :meth:`Codec.encode`, with N = 1.

        By default the peak is 1, at the nearest cell, and the Gaussian is cut at a square window of 3 sigma each way;
        where `unbiased`, it is neither rounded nor cut. A joint counts if any cell is within this window: its weight is
        1, that of others, unlabelled or too far outside, is 0.
        """
        points = self._points(keypoints)
        if len(points) != 1:
            raise DataError(f"keypoints of {len(points)} people, a crop has those of one")
        targets = self._targets(size, out)
        heatmaps = targets.maps["heatmaps"]
        rows, columns = heatmaps.shape[1:]
        across, reaches_x = self._gaussians(points[0, :, 0], columns)
        down, reaches_y = self._gaussians(points[0, :, 1], rows)
        counts = (points[0, :, 2] > 0) & reaches_x & reaches_y
        targets.weights["heatmaps"][:, 0, 0] = counts
        down *= counts[:, None]
        np.multiply(down[:, :, None], across[:, None, :], out=heatmaps)
        return targets

    def decode(self, maps: Maps, scale: float | Scale = 1.0) -> list[Person]:
        """Find the person of a crop; parameters, result and errors as of :meth:`Codec.decode`.

        There is always one, whose score is the mean of the scores of the joints, see :meth:`find_joints`.
        """
        keypoints = self.find_joints(self._maps(maps)["heatmaps"]).astype(np.float64)
        found = keypoints[:, 2] > 0
        keypoints[found, :2] = (keypoints[found, :2] + 0.5) / scale_of(scale) - 0.5
        return [Person(keypoints, float(keypoints[:, 2].mean()))]

    def find_joints(self, heatmaps: np.ndarray) -> np.ndarray:
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
        maps = self._heatmaps(heatmaps)
        if not np.isfinite(maps).all():
            raise DataError("heatmaps hold a value that is not finite")
        rows, columns = maps.shape[-2:]
        flat = maps.reshape(-1, rows, columns)
        top = flat.reshape(len(flat), rows * columns).argmax(axis=1)
        y, x = np.divmod(top, columns)
        scores = flat[np.arange(len(flat)), y, x]
        steps = parabola_steps(flat, x, y, self.sigma) if self.unbiased else quarter_steps(flat, x, y)
        joints = np.empty((len(flat), 3), np.float32)
        joints[:, :2] = self.stride * (np.stack([x, y], axis=1) + steps) + self.first_pixel
        joints[:, 2] = scores
        joints[~(scores > 0)] = 0
        return joints.reshape(*maps.shape[:-2], 3)

    def average(self, maps: Maps, mirrored: Maps) -> dict[str, np.ndarray]:
        """Average the maps (..., K, h, w) of a crop with those of its mirror image.

        A grid whose cell g stands for pixel stride * g is not symmetric: its mirror image stands (stride - 1) / stride
        of a cell too far to the left. By default the maps are therefore moved to the right by a cell, of which the
        first keeps its values, as in the published code.
        """
        plain = self._heatmaps(self._own(maps)["heatmaps"])
        back = JOINT_HEATMAPS.unmirror(self._heatmaps(self._own(mirrored)["heatmaps"]), self.skeleton)
        if self.shift_flipped and not self.unbiased:
            back = np.concatenate([back[..., :1], back[..., :-1]], axis=-1)
        return {"heatmaps": (plain + back) / 2}

    def _targets(self, size: tuple[int, int], out: Targets | None) -> Targets:
        """Return arrays for the targets of a crop of `size`, with the weights: `out`, if it fits."""
        targets = super()._targets(size, out)
        check_drawable("weights", targets.weights.get("heatmaps"), (self.skeleton.num_joints, 1, 1))
        return targets

    @property
    def first_pixel(self) -> float:
        """The pixel of the crop that cell 0 stands for, along both axes."""
        return (self.stride - 1) / 2 if self.unbiased else 0.0

    def _gaussians(self, pixels: np.ndarray, cells: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the Gaussians (K, cells) float32 along an axis, and whether each reaches a cell."""
        places = (pixels - self.first_pixel) / self.stride
        if not self.unbiased:
            places = np.trunc(places + 0.5)  # towards 0, also below it, as in the published code
        with np.errstate(over="ignore", under="ignore"):
            far = np.abs(np.arange(cells) - places[:, None]) / self.sigma
            values = np.exp(-0.5 * far**2).astype(np.float32)
        near = far <= _CUT
        if not self.unbiased:
            values *= near
        return values, near.any(axis=1)

    def _heatmaps(self, heatmaps: np.ndarray) -> np.ndarray:
        """Return the maps of one or more crops as float32, if they are those of the skeleton."""
        maps = np.asarray(heatmaps, np.float32)
        joints = self.skeleton.num_joints
        if maps.ndim not in (3, 4) or maps.shape[-3] != joints or 0 in maps.shape[-3:]:
            raise DataError(
                f"heatmaps have the shape {maps.shape}, {self.skeleton.name} expects ({joints}, h, w) or "
                f"(B, {joints}, h, w)"
            )
        return maps
