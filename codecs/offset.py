"""Heatmaps and PAFs with offsets: where within its cell a joint lies, so that coarse grids lose no accuracy.

The offsets follow the "resolution irrelevant encoding" of PyTorch pose framework, whose authors published labels and
loss, but no decoder. As in all of this package, maps are indexed [channel, row, column].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..checks import check_image
from ..draw import Scale as DrawnScale
from ..draw import draw_dot, joint_colours
from ..errors import ConfigError
from ..opencv import cv2
from ..person import Person
from ..skeletons import Skeleton
from .base import Scale, Targets, scale_of
from .maps import HEATMAPS, PAFS, LossOption, MapKind, Maps
from .paf import PafCodec

# The peak's own cell, then those around it, as steps in x and y.
_AROUND = np.array([(0, 0), *((x, y) for y in (-1, 0, 1) for x in (-1, 0, 1) if (x, y) != (0, 0))])
_WRITTEN = 0.1  # a cell whose offsets are both below this seems unwritten
_AGREED = 0.25  # cells: offsets of such a cell are taken all the same, if they are that near to the peak
_NEAR = 0.5  # cells: how far from the peak a place in a neighbouring cell may be


@dataclass(frozen=True)
class Offsets(MapKind):
    """Where in its cell a joint lies: for joint k the channels 2k (x) and 2k + 1 (y).

    In the cell in which a joint lies each is above 0, up to 1, and 0.5 is the centre of the cell; it is 0 in all
    others.
    """

    name = "offsets"
    is_resampled = False
    is_dense = False
    loss_options: ClassVar[Mapping[str, LossOption]] = {
        "offset_epoch": LossOption(0),  # the first, from 0, in which offsets count
        # They count where they are drawn, or as much as the predicted heatmaps say that a joint is there.
        "offset_weights": LossOption("target", ("target", "predicted")),
    }

    def channel_names(self, skeleton: Skeleton) -> list[str]:
        """Return the joints, each with x and with y."""
        return [f"{joint} {axis}" for joint in skeleton.joints for axis in "xy"]

    def unmirror(self, maps: np.ndarray, skeleton: Skeleton) -> np.ndarray:
        """Reverse the columns, exchange left and right joints and, where there is a place, measure it from the left."""
        swapped = self._swap(maps, skeleton)
        turned = swapped.copy()
        turned[..., 0::2, :, :] = 1 - turned[..., 0::2, :, :]
        unmirrored: np.ndarray = np.where(_is_written_pairwise(swapped), turned, swapped)
        return unmirrored

    def average(self, maps: np.ndarray, mirrored: np.ndarray, skeleton: Skeleton) -> np.ndarray:
        """Average the offsets of an image and its mirror image; where only one of them says a place, it is that one."""
        back = self.unmirror(mirrored, skeleton)
        of_image = _is_written_pairwise(maps)
        of_mirror = _is_written_pairwise(self._swap(mirrored, skeleton))
        total = np.where(of_image, maps, 0) + np.where(of_mirror, back, 0)
        averaged: np.ndarray = total / np.maximum(of_image.astype(np.float32) + of_mirror, 1)
        return averaged

    def known_channels(self, joints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
        """Return those of the known joints."""
        return np.repeat(joints, 2)

    def counting(
        self, F: Any, targets: Mapping[str, Any], predicted: Mapping[str, Any], options: Any, epoch: float
    ) -> Any:
        """Count where a joint is: by the targets, or as much as the predicted heatmaps say so; at first nowhere."""
        if options.offset_weights == "predicted":
            weights = _joint_weights(F, predicted["heatmaps"])
        else:
            weights = _joint_weights(F, targets["heatmaps"]) * (targets["offsets"] > 0)
        return F.zeros_like(weights) if epoch < options.offset_epoch else weights

    def check_loss(self, options: Any, epochs: int) -> None:
        """Make sure that offsets count at some time."""
        if options.offset_epoch >= epochs:
            raise ConfigError(f"loss.offset_epoch={options.offset_epoch}: offsets would never count in {epochs} epochs")

    def picture(
        self, image: np.ndarray, maps: np.ndarray, skeleton: Skeleton, scale: DrawnScale, stride: int
    ) -> np.ndarray:
        """Frame the cells that have an offset over a darkened image, and dot the place that it gives."""
        check_image(image)
        cell = stride / float(np.mean(scale))
        picture = np.ascontiguousarray((0.5 * image).astype(np.uint8))
        pairs = maps.reshape(-1, 2, *maps.shape[1:])
        colours = joint_colours(skeleton)
        for joint, row, column in np.argwhere((pairs > 0).any(axis=1)).tolist():
            start, end = ((round(cell * x), round(cell * y)) for x, y in ((column, row), (column + 1, row + 1)))
            cv2.rectangle(picture, start, end, colours[joint], 1)
            x, y = cell * (np.array([column, row]) + 1 - pairs[joint, :, row, column]) - 0.5
            draw_dot(picture, x, y, max(cell / 8, 1.5), colours[joint])
        return picture

    def _swap(self, maps: np.ndarray, skeleton: Skeleton) -> np.ndarray:
        """Reverse the columns and exchange left and right joints."""
        joints = np.repeat(2 * np.asarray(skeleton.flip_joints), 2) + np.tile([0, 1], skeleton.num_joints)
        swapped: np.ndarray = maps[..., joints, :, ::-1]
        return swapped


OFFSETS = Offsets()


@dataclass(frozen=True)
class OffsetCodec(PafCodec):
    """People as heatmaps, PAFs and the places of their joints within the cells, and back; attributes as of `PafCodec`.

    For a joint at x in a cell whose centre is at gx, the offset is (gx - x) / stride + 0.5, and back it is
    x = gx - stride * (offset - 0.5). The original adds a pair of channels for the background, 1 - the largest offset;
    it says nothing of places and is left out.
    """

    kinds: ClassVar[tuple[MapKind, ...]] = (PAFS, HEATMAPS, OFFSETS)

    def encode(self, keypoints: np.ndarray, size: tuple[int, int], out: Targets | None = None) -> Targets:
        """Draw the targets of one image; parameters, result and errors as of :meth:`Codec.encode`.

        Of every joint with v > 0 the one cell that it lies in is written, a joint on an edge belonging to the cell at
        its right or below. Where a joint of several people lies in a cell, it is the one nearest to the centre, which
        the heatmap is highest for; of equally near ones the first. Joints outside of the image write none.
        """
        targets = super().encode(keypoints, size, out)
        self._write_offsets(self._points(keypoints), targets.maps["offsets"])
        return targets

    def _write_offsets(self, points: np.ndarray, offsets: np.ndarray) -> None:
        """Write the offsets (2K, h, w) of keypoints (N, K, 3)."""
        offsets[:] = 0
        people, joints = np.nonzero(points[..., 2] > 0)
        places = (points[people, joints, :2] + 0.5) / self.stride - 0.5
        cells = np.floor(places + 0.5)
        written = ((cells >= 0) & (cells < offsets.shape[:0:-1])).all(axis=1)
        # Of an index that is there twice, the last value stays.
        gaps = np.hypot(*(places - cells).T)
        order = [k for k in np.argsort(gaps, kind="stable")[::-1] if written[k]]
        columns, rows = cells[order].astype(int).T
        values = np.maximum(0.5 - (places - cells)[order], np.finfo(np.float32).tiny)
        offsets[2 * joints[order], rows, columns] = values[:, 0]
        offsets[2 * joints[order] + 1, rows, columns] = values[:, 1]

    def decode(self, maps: Maps, scale: float | Scale = 1.0) -> list[Person]:
        """Find the people in the maps of one image; parameters, result and errors as of :meth:`Codec.decode`.

        Peaks and people are those of :meth:`PafCodec.decode`. The place of a joint is read in the cell of its peak,
        never beyond the edges of the cell. Only if that cell seems to be unwritten (both offsets are below 0.1, and
        not because the peak is there), a cell next to it is read that seems written and whose place is within half a
        cell of the peak, the nearest one; if there is none, the joint is where the heatmap alone puts it. Offsets
        that are not finite are unwritten.
        """
        offsets = self._maps(maps)["offsets"]
        people = super().decode(maps, scale)
        if not people:
            return []
        keypoints = np.stack([person.keypoints for person in people])
        rows, joints = np.nonzero(keypoints[..., 2] > 0)
        to_cells = scale_of(scale) / self.stride
        peaks = (keypoints[rows, joints, :2] + 0.5) * to_cells - 0.5
        keypoints[rows, joints, :2] = (_read(offsets, joints, peaks) + 0.5) / to_cells - 0.5
        return [Person(places, person.score) for places, person in zip(keypoints, people)]


def _joint_weights(F: Any, heatmaps: Any) -> Any:
    """Return (B, 2K, h, w): as much as their cell is a joint by the heatmaps (B, K + 1, h, w).

    No gradient reaches the heatmaps through them.
    """
    joints = F.slice_axis(F.BlockGrad(heatmaps), axis=1, begin=0, end=-1)
    return F.repeat(F.relu(joints), repeats=2, axis=1)


def _is_written_pairwise(offsets: np.ndarray) -> np.ndarray:
    """Return (..., 2K, h, w) bool: which of predicted offsets say where a joint is."""
    pairs = offsets.reshape(*offsets.shape[:-3], -1, 2, *offsets.shape[-2:])
    written = _is_written(np.moveaxis(pairs, -3, -1))
    return np.repeat(written, 2, axis=-3)


def _is_written(pairs: np.ndarray) -> np.ndarray:
    """Return of which pairs (..., 2) of x and y at least one is a number that is not nearly 0."""
    written: np.ndarray = np.isfinite(pairs).all(axis=-1) & (pairs.max(axis=-1) >= _WRITTEN)
    return written


def _read(offsets: np.ndarray, joints: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Return where (M, 2) the offsets (2K, h, w) put the joints (M,) whose peaks (M, 2) are given, all in cells."""
    last = np.array(offsets.shape[:0:-1]) - 1
    cells = np.floor(peaks + 0.5).astype(int)[:, None] + _AROUND
    on_map = ((cells >= 0) & (cells <= last)).all(axis=-1)
    columns, rows = np.moveaxis(np.clip(cells, 0, last), -1, 0)
    found = np.stack([offsets[2 * joints[:, None] + axis, rows, columns] for axis in (0, 1)], axis=-1)
    known = on_map & np.isfinite(found).all(axis=-1)
    found = np.clip(np.where(known[..., None], found, 0), 0, 1)
    places = cells + 0.5 - found
    gaps = np.abs(places - peaks[:, None]).max(axis=-1)
    written = known & _is_written(found)
    usable = written & (gaps <= _NEAR)
    usable[:, 0] = known[:, 0] & (written[:, 0] | (gaps[:, 0] <= _AGREED))
    gaps[usable[:, 0], 0] = -1  # before any other
    best = np.where(usable, gaps, np.inf).argmin(axis=1)
    chosen = places[np.arange(len(peaks)), best]
    return np.where(usable.any(axis=1)[:, None], chosen, peaks)
