"""MPII's score: the share of joints that are nearer to the truth than half the head is long."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import DataError
from ..skeletons import MPII_16

# The rows of the published tables; a part with a left and a right joint is the mean of both.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "head": ("head_top",),
    "shoulder": ("left_shoulder", "right_shoulder"),
    "elbow": ("left_elbow", "right_elbow"),
    "wrist": ("left_wrist", "right_wrist"),
    "hip": ("left_hip", "right_hip"),
    "knee": ("left_knee", "right_knee"),
    "ankle": ("left_ankle", "right_ankle"),
}
_UNSCORED = ("pelvis", "thorax")


def pckh(
    predictions: np.ndarray,
    truth: np.ndarray,
    visible: np.ndarray,
    head_size: np.ndarray,
    threshold: float = 0.5,
) -> dict[str, float]:
    """Score predicted joints by PCKh (Andriluka et al. 2014, "2D Human Pose Estimation: New Benchmark", section 4).

    A joint is right if it is nearer to its true place than `threshold` times the length of the head. Pelvis and
    thorax are not scored, as in the published tables.

    Parameters
    ----------
    predictions, truth
        (N, 16, 2) x and y of the joints of MPII_16, both in the same pixel convention.
    visible
        (N, 16) whether the true joint is annotated.
    head_size
        (N,) length of the head in pixels: 0.6 times the diagonal of its box.
    threshold
        In lengths of the head.

    Returns
    -------
    dict
        Percent by part (head, shoulder, elbow, wrist, hip, knee, ankle), the "mean" over all visible joints,
        and "mean@0.1", the same at a tenth of the head. A part that is nowhere visible is NaN.

    Raises
    ------
    DataError
        If a shape does not fit, nothing is visible or a head has no size.
    """
    predictions, truth = np.asarray(predictions, float), np.asarray(truth, float)
    visible, head_size = np.asarray(visible, bool), np.asarray(head_size, float)
    people, joints = len(truth), MPII_16.num_joints
    shapes = (predictions.shape, truth.shape, visible.shape, head_size.shape)
    if shapes != ((people, joints, 2), (people, joints, 2), (people, joints), (people,)):
        raise DataError(
            f"predictions {shapes[0]}, truth {shapes[1]}, visible {shapes[2]} and head_size {shapes[3]}, "
            f"expected (N, {joints}, 2) twice, (N, {joints}) and (N,)"
        )
    scored = visible & ~np.isin(MPII_16.joints, _UNSCORED)
    if not scored.any():
        raise DataError("no joint is visible, there is nothing to score")
    if not (head_size > 0).all():
        wrong = int(np.argmin(head_size > 0))
        raise DataError(f"head {wrong} has the size {head_size[wrong]}, expected above 0")
    distance = np.linalg.norm(predictions - truth, axis=2) / head_size[:, None]
    right = (distance <= threshold) & scored
    figures = {}
    for part, names in _PARTS.items():
        columns = [MPII_16.joints.index(name) for name in names]
        shares = [_percent(right[:, column], scored[:, column]) for column in columns]
        figures[part] = float(np.mean(shares))
    figures["mean"] = _percent(right, scored)
    figures["mean@0.1"] = _percent((distance <= 0.1) & scored, scored)
    return figures


def _percent(right: np.ndarray, scored: np.ndarray) -> float:
    return 100 * float(right.sum() / scored.sum()) if scored.any() else float("nan")
