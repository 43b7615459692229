"""Keypoints of one body as those of another."""

from __future__ import annotations

import numpy as np

from .skeleton import Skeleton


def convert(keypoints: np.ndarray, source: Skeleton, target: Skeleton) -> np.ndarray:
    """Rearrange the keypoints of one skeleton into another by the names of the joints.

    A joint that only the target has is the mean of the joints it is derived from, with the lowest of
    their visibilities (or scores) and only if all of them are there; else it is zero.

    Parameters
    ----------
    keypoints
        (N, K, 3) x, y and visibility or score.
    source, target
        The skeletons with K and K' joints.

    Returns
    -------
    ndarray
        (N, K', 3) float32.
    """
    keypoints = np.asarray(keypoints, np.float32).reshape(-1, source.num_joints, 3)
    converted = np.zeros((len(keypoints), target.num_joints, 3), np.float32)
    for k, name in enumerate(target.joints):
        if name in source.joints:
            converted[:, k] = keypoints[:, source.joints.index(name)]
        elif name in target.derived and set(target.derived[name]) <= set(source.joints):
            parents = keypoints[:, [source.joints.index(parent) for parent in target.derived[name]]]
            there = (parents[..., 2] > 0).all(axis=1)
            converted[there, k, :2] = parents[there, :, :2].mean(axis=1)
            converted[there, k, 2] = parents[there, :, 2].min(axis=1)
    return converted
