"""MPII's score: the share of joints that are nearer to the truth than half the head is long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..checks import FARTHEST
from ..errors import DataError
from ..skeletons import MPII_16, Skeleton
from ..tables import format_table
from .mpii_truth import FIRST, MpiiTruth

# The rows of the published tables; a part with a left and a right joint is the mean of both.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "head": ("head_top", "nose"),  # whichever the skeleton has
    "shoulder": ("left_shoulder", "right_shoulder"),
    "elbow": ("left_elbow", "right_elbow"),
    "wrist": ("left_wrist", "right_wrist"),
    "hip": ("left_hip", "right_hip"),
    "knee": ("left_knee", "right_knee"),
    "ankle": ("left_ankle", "right_ankle"),
}
_FIGURES = (*_PARTS, "mean", "mean@0.1")


def score_mpii(predictions: np.ndarray, truth: MpiiTruth, found: np.ndarray | None = None) -> dict[str, float]:
    """Score predicted joints of MPII's people, counted from 0, against the truth, counted from 1.

    Parameters
    ----------
    predictions
        (N, 16, 2) x and y in image pixels as everywhere in this package: the first pixel is 0. The truth's first is 1,
        so 1 is added before they are compared.
    truth
        The true joints of the same people in the same order, see `MpiiTruth.check_people`.
    found
        (N, 16) whether the joint was found, see :func:`pckh`.

    Returns
    -------
    dict
        The figures of :func:`pckh`.

    Raises
    ------
    DataError
        If predictions are not (N, 16, 2) numbers.
    """
    predictions = np.asarray(predictions, float)
    if predictions.shape != truth.joints.shape:
        raise DataError(f"predictions have the shape {predictions.shape}, the truth expects {truth.joints.shape}")
    return pckh(predictions + FIRST, truth.joints, truth.visible, truth.head_size, found=found)


def format_pckh(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Return the figures of :func:`pckh` of one or more results as a table of text, one line for each.

    Examples
    --------
    >>> print(format_pckh({"valid": dict.fromkeys(_FIGURES, 50.0)}))
             Head  Shoulder   Elbow   Wrist     Hip    Knee   Ankle    Mean  Mean@0.1
    valid  50.000    50.000  50.000  50.000  50.000  50.000  50.000  50.000    50.000
    """
    lines = [(name, *(f"{row[figure]:.3f}" for figure in _FIGURES)) for name, row in rows.items()]
    return format_table([("", *map(str.capitalize, _FIGURES)), *lines])


def pckh(
    predictions: np.ndarray,
    truth: np.ndarray,
    visible: np.ndarray,
    head_size: np.ndarray,
    threshold: float = 0.5,
    skeleton: Skeleton = MPII_16,
    found: np.ndarray | None = None,
) -> dict[str, float]:
    """Score predicted joints by PCKh (Andriluka et al. 2014, "2D Human Pose Estimation: New Benchmark", section 4).

    A joint is right if it is nearer to its true place than `threshold` times the length of the head. Pelvis and
    thorax are not scored, as in the published tables; nor are, of other bodies, eyes and ears.

    Parameters
    ----------
    predictions, truth
        (N, K, 2) x and y of the joints, both in the same pixel convention.
    visible
        (N, K) whether the true joint is annotated.
    head_size
        (N,) length of the head in pixels: 0.6 times the diagonal of its box.
    threshold
        In lengths of the head.
    skeleton
        The K joints: MPII_16, or another that has its limbs, whose head is the nose if it has no top.
    found
        (N, K) whether the joint was found; one that was not is wrong, wherever it is. By default all were.

    Returns
    -------
    dict
        Percent by part (head, shoulder, elbow, wrist, hip, knee, ankle), the "mean" over all visible joints,
        and "mean@0.1", the same at a tenth of the head. A part that is nowhere visible is NaN. What the code of
        Simple Baselines prints as Mean@0.1 is the mean at 0.11.

    Raises
    ------
    DataError
        If a shape does not fit, nothing is visible, a head has no size or a joint is not finite.
    """
    predictions = np.asarray(predictions, float)
    truth = np.asarray(truth, float)
    visible = np.asarray(visible, bool)
    head_size = np.asarray(head_size, float)
    found = np.ones_like(visible) if found is None else np.asarray(found, bool)
    _check_shapes(predictions, truth, visible, head_size, skeleton.num_joints)
    parts = _parts_of(skeleton)
    counted = {"upper_neck"}.union(*parts.values())  # in the mean, though no part of the tables
    scored = visible & np.isin(skeleton.joints, list(counted))
    if not scored.any():
        raise DataError("no joint is visible, there is nothing to score")
    _check_heads(head_size)
    _check_near("predictions", predictions, visible & found, skeleton)
    _check_near("truth", truth, visible, skeleton)
    with np.errstate(over="ignore", invalid="ignore"):  # of joints that are not counted
        distance = np.linalg.norm(predictions - truth, axis=2) / head_size[:, None]
    right = (distance <= threshold) & scored & found
    of_joints = {name: _percent(right[:, k], scored[:, k]) for k, name in enumerate(skeleton.joints)}
    return {
        **{part: _mean([of_joints[name] for name in names]) for part, names in parts.items()},
        "mean": _percent(right, scored),
        "mean@0.1": _percent((distance <= 0.1) & scored & found, scored),
    }


def _parts_of(skeleton: Skeleton) -> dict[str, list[str]]:
    """Return the joints of each part of the tables that a skeleton has."""
    parts = {part: [name for name in names if name in skeleton.joints] for part, names in _PARTS.items()}
    return {**parts, "head": parts["head"][:1]}


def _check_shapes(
    predictions: np.ndarray, truth: np.ndarray, visible: np.ndarray, head_size: np.ndarray, joints: int
) -> None:
    people = len(truth)
    shapes = (predictions.shape, truth.shape, visible.shape, head_size.shape)
    if shapes != ((people, joints, 2), (people, joints, 2), (people, joints), (people,)):
        raise DataError(
            f"predictions {shapes[0]}, truth {shapes[1]}, visible {shapes[2]} and head_size {shapes[3]}, "
            f"expected (N, {joints}, 2) twice, (N, {joints}) and (N,)"
        )


def _check_heads(head_size: np.ndarray) -> None:
    sized = (head_size > 0) & np.isfinite(head_size)
    if not sized.all():
        wrong = int(np.argmin(sized))
        raise DataError(f"head {wrong} has the size {head_size[wrong]}, expected a finite number above 0")


def _check_near(what: str, joints: np.ndarray, counted: np.ndarray, skeleton: Skeleton) -> None:
    """Make sure that those of joints (N, K, 2) that count are finite and in reach; the error names the first."""
    wrong = np.argwhere(~(np.abs(joints) <= 2 * FARTHEST).all(axis=2) & counted)
    if len(wrong):
        person, joint = wrong[0].tolist()
        place = tuple(joints[person, joint].tolist())
        raise DataError(f"{what}: {skeleton.joints[joint]} of person {person} is at {place}, expected finite pixels")


def _percent(right: np.ndarray, scored: np.ndarray) -> float:
    return 100 * float(right.sum() / scored.sum()) if scored.any() else float("nan")


def _mean(shares: Sequence[float]) -> float:
    return float(np.mean(shares)) if shares else float("nan")
