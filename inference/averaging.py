"""Bring the maps of mirrored and resized images onto one grid."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..codecs.offset import written_cells
from ..skeletons import Skeleton


def unmirror(heatmaps: np.ndarray, pafs: np.ndarray, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Turn the maps of a mirrored image into maps of the image itself.

    The columns are reversed, left and right joints and limbs change channels, x components change sign.

    Parameters
    ----------
    heatmaps
        (K + 1, h, w); the last channel is the background.
    pafs
        (2L, h, w).
    skeleton
        The body with K joints and L limbs.

    Returns
    -------
    tuple of ndarray
        Heatmaps and PAFs of the same shapes.
    """
    channels, signs = skeleton.flip_pafs
    joints = np.append(skeleton.flip_joints, skeleton.num_joints)
    return heatmaps[joints, :, ::-1], pafs[channels, :, ::-1] * signs[:, None, None]


def join_offsets(offsets: np.ndarray, mirrored: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Average the offsets of an image and of its mirror image; where only one of them says a place, it is that one.

    Parameters
    ----------
    offsets, mirrored
        (2K, h, w), see :class:`cpm.codecs.OffsetTargets`.
    skeleton
        The body with K joints.

    Returns
    -------
    ndarray
        (2K, h, w) float32, 0 where neither says a place.
    """
    joints = np.repeat(2 * np.asarray(skeleton.flip_joints), 2) + np.tile([0, 1], skeleton.num_joints)
    back = mirrored[joints, :, ::-1]
    counts = [np.repeat(written_cells(maps), 2, axis=0) for maps in (offsets, back)]
    back = back.copy()
    back[0::2] = 1 - back[0::2]
    total = np.where(counts[0], offsets, 0) + np.where(counts[1], back, 0)
    joined: np.ndarray = total / np.maximum(counts[0].astype(np.float32) + counts[1], 1)
    return joined


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
