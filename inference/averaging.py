"""Bring the maps of resized images onto one grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..codecs import MapKind


@dataclass(frozen=True)
class ScaledMaps:
    """The averaged output of the network for one image, on the grid of the largest scale.

    Attributes
    ----------
    maps
        (C, h, w) float32 by the names of their kinds.
    scale
        Pixels of the network's input per image pixel in x and y.
    """

    maps: Mapping[str, np.ndarray]
    scale: tuple[float, float]


def average_scales(of_scales: Sequence[ScaledMaps], kinds: Iterable[MapKind]) -> ScaledMaps:
    """Return the maps of an image at several scales, averaged on the grid of the largest.

    Kinds that cannot be resampled are those of the largest scale alone.
    """
    largest = max(of_scales, key=lambda maps: maps.scale)
    averaged = {
        kind.name: _average(kind.name, of_scales, largest) if kind.is_resampled else largest.maps[kind.name]
        for kind in kinds
    }
    return ScaledMaps(averaged, largest.scale)


def resample(maps: np.ndarray, size: tuple[int, ...], ratio: tuple[float, float]) -> np.ndarray:
    """Resample maps to the grid of a larger image, bicubically.

    Cell g of the result has its centre at cell (g + 0.5) * ratio - 0.5 of `maps`, whatever the padding
    of both; beyond the outermost centres the border cells go on. Places are those of float32,
    whereas ``cv2.warpAffine`` rounds them to 1/32 cell.

    Parameters
    ----------
    maps
        (C, h, w) float32.
    size
        Rows and columns of the result.
    ratio
        Cells of `maps` per cell of the result in x and y.

    Returns
    -------
    ndarray
        (C, *size) float32.
    """
    rows = _weights(maps.shape[1], size[0], ratio[1])
    columns = _weights(maps.shape[2], size[1], ratio[0])
    resampled: np.ndarray = np.matmul(np.matmul(rows, maps), columns.T)
    return resampled


def _average(name: str, of_scales: Sequence[ScaledMaps], largest: ScaledMaps) -> np.ndarray:
    """Return the mean of one kind of maps of several scales on the grid of the largest.

    All grids start at the top left corner of the image, so no shift is left.
    """
    size = largest.maps[name].shape[1:]
    aligned = []
    for each in of_scales:
        maps = each.maps[name]
        if each is not largest:
            ratio = (each.scale[0] / largest.scale[0], each.scale[1] / largest.scale[1])
            maps = resample(maps, size, ratio)
        aligned.append(maps)
    averaged: np.ndarray = np.mean(aligned, axis=0)
    return averaged


@lru_cache(maxsize=64)
def _weights(source: int, target: int, ratio: float) -> np.ndarray:
    """(target, source) float32: how much every cell of the source counts (Keys 1981, a = -0.5)."""
    places = (np.arange(target) + 0.5) * ratio - 0.5
    first = np.floor(places).astype(int) - 1
    weights = np.zeros((target, source))
    for tap in range(4):
        cells = first + tap
        np.add.at(weights, (np.arange(target), cells.clip(0, source - 1)), _keys(places - cells))
    return weights.astype(np.float32)


def _keys(distance: np.ndarray) -> np.ndarray:
    x = np.abs(distance)
    near = (1.5 * x - 2.5) * x**2 + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0))
