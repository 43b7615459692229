"""What every pose representation does: keypoints to maps, and maps back to people."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ..errors import ConfigError, DataError
from ..person import Person
from ..skeletons import Skeleton
from .maps import MapKind, Maps, named

Scale = tuple[float, float]


@dataclass(frozen=True)
class Targets:
    """What the network is to say about one image of H x W pixels, on a grid of h x w cells.

    Attributes
    ----------
    maps
        (C, h, w) float32 by the names of their kinds, see `cpm.codecs.MapKind`.
    weights
        For some kinds, how much more or less the loss of each channel or cell counts: float32 (C, 1, 1) or (C, h, w).
    """

    maps: Maps
    weights: Maps = field(default_factory=dict)

    def __getitem__(self, name: str) -> np.ndarray:
        """Return the maps of a kind by its name."""
        return self.maps[name]

    def sample(self, place: int) -> Targets:
        """Return the targets of one of a batch of images, which share its arrays."""
        return Targets(
            {name: maps[place] for name, maps in self.maps.items()},
            {name: weights[place] for name, weights in self.weights.items()},
        )


class Codec(ABC):
    """One pose representation: `encode` draws keypoints as maps, `decode` finds them again.

    Attributes
    ----------
    skeleton
        Names the K joints and L limbs.
    stride
        Pixels of the network's input per cell.
    kinds
        The kinds of maps, in the order in which networks return them.
    """

    skeleton: Skeleton
    stride: int
    kinds: ClassVar[tuple[MapKind, ...]]

    @abstractmethod
    def encode(self, keypoints: np.ndarray, size: tuple[int, int], out: Targets | None = None) -> Targets:
        """Draw the targets of one image.

        Parameters
        ----------
        keypoints
            (N, K, 3) x, y in pixels of the network's input and visibility; only joints with v > 0 are drawn.
        size
            H and W in pixels, multiples of the stride.
        out
            Targets to overwrite, as `empty` makes them; by default new ones are made.

        Returns
        -------
        Targets
            `out`, if given.

        Raises
        ------
        DataError
            If a shape or the size does not fit, or a coordinate is not finite.
        """

    @abstractmethod
    def decode(self, maps: Maps, scale: float | Scale = 1.0) -> list[Person]:
        """Find the people in the maps of one image, on the grid of the network.

        Parameters
        ----------
        maps
            (C, h, w) float32 by the names of `kinds`.
        scale
            Pixels of the network's input per pixel of the image, one number or one for x and one for y.

        Returns
        -------
        list of Person
            Surest first. Keypoints (K, 3) are in image pixels, x_image = (x_network + 0.5) / scale - 0.5.

        Raises
        ------
        DataError
            If the shapes are not those of the codec or each other's, or the scale is not positive.
        """

    def empty(self, size: tuple[int, int], count: int | None = None) -> Targets:
        """Return targets to be drawn into, of one image of `size` (H, W) or of a batch of `count`."""
        rows, columns = self._grid(size)
        batch = () if count is None else (count,)
        shapes = {name: (*batch, channels, rows, columns) for name, channels in self.channels.items()}
        return Targets({name: np.empty(shape, np.float32) for name, shape in shapes.items()})

    @cached_property
    def channels(self) -> dict[str, int]:
        """C of the maps of each kind, by its name."""
        return {kind.name: kind.channels(self.skeleton) for kind in self.kinds}

    @property
    def first_pixel(self) -> float:
        """The pixel of the network's input that cell 0 stands for, along both axes."""
        return (self.stride - 1) / 2

    def average(self, maps: Maps, mirrored: Maps) -> dict[str, np.ndarray]:
        """Average the maps (..., C, h, w) of an image with those of its mirror image."""
        own = self._own(maps)
        other = self._own(mirrored)
        kinds = {kind.name: kind for kind in self.kinds}
        return {name: kind.average(own[name], other[name], self.skeleton) for name, kind in kinds.items()}

    def _grid(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the rows and columns of cells of an image of `size`."""
        height, width = size
        if height <= 0 or width <= 0 or height % self.stride or width % self.stride:
            raise DataError(
                f"size is {height} x {width} pixels, expected positive multiples of the stride {self.stride}"
            )
        return int(height) // self.stride, int(width) // self.stride

    def _targets(self, size: tuple[int, int], out: Targets | None) -> Targets:
        """Return arrays for the targets of an image of `size`: `out`, if it fits."""
        if out is None:
            return self.empty(size)
        grid = self._grid(size)
        for name, channels in self.channels.items():
            check_drawable(name, out.maps.get(name), (channels, *grid))
        return out

    def _points(self, keypoints: np.ndarray) -> np.ndarray:
        """Return keypoints as contiguous float64 (N, K, 3), if they are those of the skeleton."""
        joints = self.skeleton.num_joints
        points = np.ascontiguousarray(keypoints, np.float64)
        if points.size == 0:
            points = points.reshape(0, joints, 3)
        if points.ndim != 3 or points.shape[1:] != (joints, 3):
            raise DataError(f"keypoints have the shape {points.shape}, {self.skeleton.name} expects (N, {joints}, 3)")
        if not np.isfinite(points).all():
            raise DataError("keypoints hold a coordinate or visibility that is not finite")
        return points

    def _own(self, maps: Maps) -> dict[str, np.ndarray]:
        """Return the maps of the kinds of the codec, if all of them are there."""
        missing = [kind.name for kind in self.kinds if kind.name not in maps]
        if missing:
            raise DataError(
                f"there are {' and '.join(maps) or 'no maps'}, and no {missing[0]}, which the codec decodes"
            )
        return {kind.name: maps[kind.name] for kind in self.kinds}

    def _maps(self, maps: Maps) -> dict[str, np.ndarray]:
        """Return the maps as contiguous float32, if they are those of the codec."""
        arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in self._own(maps).items()}
        grid = arrays[self.kinds[0].name].shape[1:]
        for name, channels in self.channels.items():
            if arrays[name].ndim != 3 or arrays[name].shape != (channels, *grid):
                expected = " and ".join(f"{each} ({count}, h, w)" for each, count in self.channels.items())
                raise DataError(f"{named(arrays)} do not fit, {self.skeleton.name} expects {expected}")
        return arrays


def check_range(holds: bool, name: str, value: object, expected: str) -> None:
    """Raise a `ConfigError` that names a parameter where its value is out of its range."""
    if not holds:
        raise ConfigError(f"{name} is {value}, expected {expected}")


def check_drawable(name: str, array: np.ndarray | None, shape: tuple[int, ...]) -> None:
    """Raise a `DataError` unless an array of `out` is there and can be drawn into."""
    if array is None:
        raise DataError(f"out holds no {name}, expected a contiguous float32 {shape}")
    if array.shape != shape or array.dtype != np.float32 or not array.flags.carray:
        raise DataError(f"out holds {name} {array.dtype} {array.shape}, expected a contiguous float32 {shape}")


def check_whole(name: str, value: Any, least: int, most: int) -> None:
    """Raise a `ConfigError` unless a value is a whole number of a range."""
    holds = least <= value <= most and value == int(value)
    check_range(holds, name, value, f"a whole number from {least} to {most}")


def scale_of(scale: float | Scale) -> np.ndarray:
    """Return a scale as two numbers, for x and y; raise a `DataError` unless they are finite and above 0."""
    numbers = np.asarray(scale, np.float64)
    if numbers.shape not in ((), (2,)) or not (np.isfinite(numbers).all() and (numbers > 0).all()):
        raise DataError(f"scale is {scale}, expected one or two numbers above 0")
    return np.full(2, numbers)
