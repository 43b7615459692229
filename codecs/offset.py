"""Heatmaps and PAFs with offsets: where within its cell a joint lies, so that coarse grids lose no accuracy.

The offsets follow the "resolution irrelevant encoding" of PyTorch pose framework, whose authors published labels and
loss, but no decoder. As in all of this package, maps are indexed [channel, row, column].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, Union

import numpy as np

from ..errors import ConfigError, DataError
from ..person import Person
from ..skeletons import Skeleton
from .paf import DecodeRules, PafCodec, Targets

# The peak's own cell, then those around it, as steps in x and y.
_AROUND = np.array([(0, 0), *((x, y) for y in (-1, 0, 1) for x in (-1, 0, 1) if (x, y) != (0, 0))])
_WRITTEN = 0.1  # a cell whose offsets are both below this seems unwritten
_AGREED = 0.25  # cells: offsets of such a cell are taken all the same, if they are that near to the peak
_NEAR = 0.5  # cells: how far from the peak a place in a neighbouring cell may be


@dataclass(frozen=True)
class OffsetTargets(Targets):
    """What the network is to say about one image of H x W pixels, on a grid of h x w cells.

    Attributes
    ----------
    heatmaps, pafs
        See `Targets`.
    offsets
        (2K, h, w) float32: for joint k the channels 2k (x) and 2k + 1 (y). In the cell in which a joint lies each is
        above 0, up to 1, and 0.5 is the centre of the cell; it is 0 in all others.
    """

    offsets: np.ndarray


@dataclass(frozen=True)
class OffsetCodec:
    """People as heatmaps, PAFs and the places of their joints within the cells, and back.

    For a joint at x in a cell whose centre is at gx, the offset is (gx - x) / stride + 0.5, and back it is
    x = gx - stride * (offset - 0.5). The original adds a pair of channels for the background, 1 - the largest offset;
    it says nothing of places and is left out.

    Attributes
    ----------
    maps
        Draws and reads the heatmaps and PAFs.
    """

    maps: PafCodec

    @property
    def skeleton(self) -> Skeleton:
        """The K joints and L limbs."""
        return self.maps.skeleton

    @property
    def stride(self) -> int:
        """Pixels per cell."""
        return self.maps.stride

    @property
    def sigma(self) -> float:
        """Of the Gaussians, in pixels of the network input."""
        return self.maps.sigma

    @property
    def paf_width(self) -> float:
        """Half the width of a limb in cells."""
        return self.maps.paf_width

    def encode(self, keypoints: np.ndarray, size: tuple[int, int], out: OffsetTargets | None = None) -> OffsetTargets:
        """Draw the targets of one image.

        Of every joint with v > 0 the one cell that it lies in is written, a joint on an edge belonging to the cell at
        its right or below. Where a joint of several people lies in a cell, it is the one nearest to the centre, which
        the heatmap is highest for; of equally near ones the first. Joints outside of the image write none.

        Parameters
        ----------
        keypoints, size
            See :meth:`PafCodec.encode`.
        out
            Targets of the right shape to overwrite; by default new ones are made.

        Returns
        -------
        OffsetTargets
            `out`, if given.

        Raises
        ------
        DataError
            As :meth:`PafCodec.encode` does.
        """
        maps = self.maps.encode(keypoints, size, out)
        shape = (2 * self.skeleton.num_joints, *maps.heatmaps.shape[1:])
        offsets = np.empty(shape, np.float32) if out is None else out.offsets
        if offsets.shape != shape or offsets.dtype != np.float32:
            raise DataError(f"out holds offsets {offsets.dtype} {offsets.shape}, expected float32 {shape}")
        offsets[:] = 0
        points = np.asarray(keypoints, np.float64).reshape(-1, self.skeleton.num_joints, 3)
        people, joints = np.nonzero(points[..., 2] > 0)
        places = (points[people, joints, :2] + 0.5) / self.stride - 0.5
        cells = np.floor(places + 0.5)
        written = ((cells >= 0) & (cells < shape[:0:-1])).all(axis=1)
        # Of an index that is there twice, the last value stays.
        gaps = np.hypot(*(places - cells).T)
        order = [k for k in np.argsort(gaps, kind="stable")[::-1] if written[k]]
        columns, rows = cells[order].astype(int).T
        values = np.maximum(0.5 - (places - cells)[order], np.finfo(np.float32).tiny)
        offsets[2 * joints[order], rows, columns] = values[:, 0]
        offsets[2 * joints[order] + 1, rows, columns] = values[:, 1]
        return OffsetTargets(maps.heatmaps, maps.pafs, offsets) if out is None else out

    def decode_targets(self, targets: Any, scale: float | tuple[float, float] = 1.0) -> list[Person]:
        """Find the people in the targets of one image; see :meth:`decode`."""
        return self.decode(targets.heatmaps, targets.pafs, targets.offsets, scale)

    def decode(
        self, heatmaps: np.ndarray, pafs: np.ndarray, offsets: np.ndarray, scale: float | tuple[float, float] = 1.0
    ) -> list[Person]:
        """Find the people in the maps of one image; the offsets say where in its cell a joint is.

        Peaks and people are those of :meth:`PafCodec.decode`. The place of a joint is read in the cell of its peak,
        never beyond the edges of the cell. Only if that cell seems to be unwritten (both offsets are below 0.1, and
        not because the peak is there), a cell next to it is read that seems written and whose place is within half a
        cell of the peak, the nearest one; if there is none, the joint is where the heatmap alone puts it. Offsets
        that are not finite are unwritten.

        Parameters
        ----------
        heatmaps, pafs, scale
            See :meth:`PafCodec.decode`.
        offsets
            (2K, h, w) float32.

        Returns
        -------
        list of Person
            As from :meth:`PafCodec.decode`, with other places of the joints.

        Raises
        ------
        DataError
            If the shapes are not those of the codec or each other's, or the scale is not positive.
        """
        offsets = np.asarray(offsets, np.float32)
        expected = (2 * self.skeleton.num_joints, *np.shape(heatmaps)[1:])
        if offsets.shape != expected:
            raise DataError(f"offsets have the shape {offsets.shape}, {self.skeleton.name} expects {expected}")
        people = self.maps.decode(heatmaps, pafs, scale)
        if not people:
            return []
        keypoints = np.stack([person.keypoints for person in people])
        rows, joints = np.nonzero(keypoints[..., 2] > 0)
        to_cells = np.asarray(scale, np.float64) / self.stride
        peaks = (keypoints[rows, joints, :2] + 0.5) * to_cells - 0.5
        keypoints[rows, joints, :2] = (_read(offsets, joints, peaks) + 0.5) / to_cells - 0.5
        return [Person(places, person.score) for places, person in zip(keypoints, people)]


Codec = Union[PafCodec, OffsetCodec]


class _Network(Protocol):
    """What a codec must know of a network."""

    skeleton: Skeleton
    stride: int
    kinds: tuple[tuple[str, ...], ...]


def crowd_codec(
    net: _Network,
    sigma: float = 7.0,
    paf_width: float = 1.0,
    rules: DecodeRules | None = None,
    offsets: bool = True,
) -> Codec:
    """Return the codec for the maps of a network that finds everybody in an image, with offsets if it has them.

    Parameters
    ----------
    net
        The network, of Gluon or exported.
    sigma, paf_width, rules
        See `PafCodec`.
    offsets
        False leaves the offsets of a network unread.

    Raises
    ------
    ConfigError
        If offsets are to be left unread that the network does not have.
    """
    codec = PafCodec(net.skeleton, net.stride, sigma, paf_width, rules or DecodeRules())
    there = "offsets" in net.kinds[-1]
    if not there and not offsets:
        raise ConfigError("no offsets: the network has none, its joints are read from the heatmaps anyway")
    return OffsetCodec(codec) if there and offsets else codec


def written_cells(offsets: np.ndarray) -> np.ndarray:
    """Return (K, h, w) bool: which cells of predicted offsets (2K, h, w) say where a joint is."""
    return _is_written(np.moveaxis(offsets.reshape(-1, 2, *offsets.shape[1:]), 1, -1))


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
