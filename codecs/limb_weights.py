"""How much the loss of a PAF counts from cell to cell: fully on the limb and about its ends, not at all far away.

The "spatial weights" of PyTorch pose framework, whose published code no longer runs. They are made to the same
figures here: Gaussians at both ends and across the limb, cut below 1 %.
"""

from __future__ import annotations

import numpy as np

from ..skeletons import Skeleton

_ENDS = 7.0  # deviation of the Gaussians at the ends, in pixels of the network input
_ACROSS = 0.7  # of the one across the limb, in cells
_BEYOND = 1.0  # cells around the box of both ends that the limb reaches to
_LEAST = 0.01


def limb_weights(keypoints: np.ndarray, skeleton: Skeleton, stride: int, shape: tuple[int, int]) -> np.ndarray:
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

    Returns
    -------
    ndarray
        (2L, h, w) float32, 0 to 1, the same for x and y.
    """
    ends = np.asarray(keypoints, np.float64).reshape(-1, skeleton.num_joints, 3)[:, skeleton.limb_joints]
    weights = np.zeros((skeleton.num_limbs, *shape))
    cells = np.moveaxis(np.indices(shape), 0, -1)[..., ::-1]
    people, limbs = np.nonzero((ends[..., 2] > 0).all(axis=-1))
    for person, limb in zip(people.tolist(), limbs.tolist()):
        a, b = (ends[person, limb, :, :2] + 0.5) / stride - 0.5
        about = [((cells - end) ** 2).sum(axis=-1) / (_ENDS / stride) ** 2 for end in (a, b)]
        squares = np.minimum(*about)
        length = np.hypot(*(b - a))
        if length > 0:
            x, y = np.moveaxis(cells - a, -1, 0)
            across = (x * (b - a)[1] - y * (b - a)[0]) / length
            inside = (cells >= np.minimum(a, b) - _BEYOND) & (cells <= np.maximum(a, b) + _BEYOND)
            squares = np.where(inside.all(axis=-1), np.minimum(squares, (across / _ACROSS) ** 2), squares)
        np.maximum(weights[limb], np.exp(-squares / 2), out=weights[limb])
    weights[weights < _LEAST] = 0
    return np.repeat(weights, 2, axis=0).astype(np.float32)
