"""How much the loss of a PAF counts from cell to cell: fully on the limb and about its ends, not at all far away.

The "spatial weights" of PyTorch pose framework, whose published code no longer runs: Gaussians at both ends and across
the limb, cut below 1 %. Here the one across the limb is as wide, by comparison, as the limb is drawn.
"""

from __future__ import annotations

import numpy as np

from ..skeletons import Skeleton

_ENDS = 7.0  # deviation of the Gaussians at the ends, in pixels of the network input
_ACROSS = 0.7  # of the one across the limb, in half widths of it
_LEAST = 0.01
_REACH = np.sqrt(-2 * np.log(_LEAST))  # deviations


def limb_weights(
    keypoints: np.ndarray, skeleton: Skeleton, stride: int, shape: tuple[int, int], paf_width: float = 1.0
) -> np.ndarray:
    """Weigh the cells of the PAFs of one image.

    Where several people overlap, the largest weight counts. Limbs without both ends weigh nothing, so that a limb
    that nobody has is not learnt from the image.

    Parameters
    ----------
    keypoints
        (N, K, 3) x, y in pixels of the network input and visibility; joints with v > 0 are there.
    skeleton
        With K joints and L limbs.
    stride
        Pixels per cell; cell g has its centre at pixel stride * g + (stride - 1) / 2.
    shape
        Rows h and columns w of the grid.
    paf_width
        Half the width of a limb in cells, see `PafCodec`. The limb reaches that far beyond the box of its ends, too.

    Returns
    -------
    ndarray
        (2L, h, w) float32, 0 to 1, the same for x and y.
    """
    ends = np.asarray(keypoints, np.float64).reshape(-1, skeleton.num_joints, 3)[:, skeleton.limb_joints]
    weights = np.zeros((skeleton.num_limbs, *shape), np.float32)
    people, limbs = np.nonzero((ends[..., 2] > 0).all(axis=-1))
    margin = max(_REACH * _ENDS / stride, paf_width)
    for person, limb in zip(people.tolist(), limbs.tolist()):
        places = (ends[person, limb, :, :2] + 0.5) / stride - 0.5
        first = np.maximum(np.ceil(places.min(axis=0) - margin), 0).astype(int)
        last = np.minimum(np.floor(places.max(axis=0) + margin), np.array(shape[::-1]) - 1).astype(int)
        if (first <= last).all():
            window = weights[limb, first[1] : last[1] + 1, first[0] : last[0] + 1]
            x = np.arange(first[0], last[0] + 1)
            y = np.arange(first[1], last[1] + 1)[:, None]
            np.maximum(window, _weigh(x, y, places, stride, paf_width), out=window)
    weights[weights < _LEAST] = 0
    return np.repeat(weights, 2, axis=0)


def _weigh(x: np.ndarray, y: np.ndarray, places: np.ndarray, stride: int, width: float) -> np.ndarray:
    """Return the weights of one limb between two places (2, 2) at the columns x (w,) and rows y (h, 1), in cells."""
    (ax, ay), (bx, by) = places
    squares = np.minimum((x - ax) ** 2 + (y - ay) ** 2, (x - bx) ** 2 + (y - by) ** 2) / (_ENDS / stride) ** 2
    length = np.hypot(bx - ax, by - ay)
    if length > 0:
        across = ((x - ax) * (by - ay) - (y - ay) * (bx - ax)) / length
        inside = (x >= min(ax, bx) - width) & (x <= max(ax, bx) + width)
        inside = inside & (y >= min(ay, by) - width) & (y <= max(ay, by) + width)
        squares = np.where(inside, np.minimum(squares, (across / (_ACROSS * width)) ** 2), squares)
    weights: np.ndarray = np.exp(-squares / 2)
    return weights
