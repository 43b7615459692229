"""Bring the maps of resized images onto one grid."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


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
