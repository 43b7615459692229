"""Where between the cells of a heatmap its peak lies."""

from __future__ import annotations

import math

import numpy as np

_SMOOTHING_REACH = 2.5  # sigmas
_QUARTER = 0.25  # cells towards the higher neighbour
_FARTHEST_STEP = 2.0  # cells from the highest cell, in noise


def quarter_steps(maps: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the steps (N, 2) of a quarter of a cell towards the higher neighbours of cells of maps (N, h, w)."""
    rows, columns = maps.shape[1:]
    steps = np.zeros((len(maps), 2))
    inner = np.flatnonzero((x > 1) & (x < columns - 1) & (y > 1) & (y < rows - 1))
    x = x[inner]
    y = y[inner]
    steps[inner, 0] = _QUARTER * np.sign(maps[inner, y, x + 1] - maps[inner, y, x - 1])
    steps[inner, 1] = _QUARTER * np.sign(maps[inner, y + 1, x] - maps[inner, y - 1, x])
    return steps


def parabola_steps(maps: np.ndarray, x: np.ndarray, y: np.ndarray, sigma: float) -> np.ndarray:
    """Return the steps (N, 2) from the highest cells of maps (N, h, w) to the tops between the cells.

    The maps are smoothed by a Gaussian of `sigma` cells. A parabola through the logarithm of 3 x 3 cells of the
    smoothed map has its top at -H⁻¹ g from their middle, with its gradient g and Hessian H there (DARK, section 3.2).
    At an edge the middle is the second cell.
    """
    rows, columns = maps.shape[1:]
    if min(rows, columns) < 3:
        return np.zeros((len(maps), 2))
    middle_x = np.clip(x, 1, columns - 2)
    middle_y = np.clip(y, 1, rows - 2)
    across = _smoothing(middle_x, columns, sigma)
    down = _smoothing(middle_y, rows, sigma)
    patch = np.log(np.maximum(down @ maps @ across.transpose(0, 2, 1), 1e-10))
    steps, is_top = _top_of_parabola(patch)
    peaks = np.stack([x, y], axis=1)
    places = steps + np.stack([middle_x, middle_y], axis=1)
    places = np.clip(places, np.maximum(peaks - _FARTHEST_STEP, -0.5), peaks + _FARTHEST_STEP)
    places = np.minimum(places, np.array([columns, rows]) - 0.5)
    return np.where(is_top[:, None], places - peaks, 0.0)


def _top_of_parabola(patch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps (N, 2) from the middles of patches (N, 3, 3) to their tops, and whether they have one (N,)."""
    above = patch[:, 0]
    center = patch[:, 1]
    below = patch[:, 2]
    dx = (center[:, 2] - center[:, 0]) / 2
    dy = (below[:, 1] - above[:, 1]) / 2
    dxx = center[:, 2] - 2 * center[:, 1] + center[:, 0]
    dyy = below[:, 1] - 2 * center[:, 1] + above[:, 1]
    dxy = (below[:, 2] - below[:, 0] - above[:, 2] + above[:, 0]) / 4
    determinant = dxx * dyy - dxy**2
    is_top = (determinant > 1e-12) & (dxx < 0)
    divisor = np.where(is_top, determinant, 1.0)
    return np.stack([(dxy * dy - dyy * dx) / divisor, (dxy * dx - dxx * dy) / divisor], axis=1), is_top


def _smoothing(middle: np.ndarray, cells: int, sigma: float) -> np.ndarray:
    """Return the weights (N, 3, cells) of the cells in the smoothed values about each middle.

    The window gets narrower towards an edge: padding would push peaks away from it.
    """
    widest = math.ceil(_SMOOTHING_REACH * sigma)
    reach = np.minimum(widest, np.minimum(middle - 1, cells - 2 - middle))[:, None, None]
    places = middle[:, None, None] + np.arange(-1, 2)[:, None]
    far = np.abs(np.arange(cells) - places)
    weights = np.where(far <= reach, np.exp(-0.5 * (far / sigma) ** 2), 0.0)
    return (weights / weights.sum(axis=2, keepdims=True)).astype(np.float32)
