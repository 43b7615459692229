"""MPII's score: the share of joints that are nearer to the truth than half the head is long."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..checks import FARTHEST
from ..datasets import MpiiPeople
from ..errors import DataError
from ..skeletons import MPII_16, Skeleton
from ..tables import format_table
from .mat_file import read_mat

logger = logging.getLogger(__name__)

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
_HEAD = 0.6  # of the diagonal of its box
_SEGMENT = 0.75  # of the way from upper neck to head top; so it is for 98 % of the validation people, to 1 %
_FIRST = 1  # MATLAB counts pixels from 1


@dataclass(frozen=True)
class MpiiTruth:
    """The true joints and heads of N people.

    Attributes
    ----------
    joints
        (N, 16, 2): x and y in pixels, from 1, as MATLAB counts.
    visible
        (N, 16) bool: whether the joint is annotated.
    head_size
        (N,): length of the head in pixels, 0.6 times the diagonal of its box.
    """

    joints: np.ndarray
    visible: np.ndarray
    head_size: np.ndarray

    def first(self, count: int) -> MpiiTruth:
        """Return the truth of the first so many people."""
        return MpiiTruth(self.joints[:count], self.visible[:count], self.head_size[:count])

    def check_people(self, keypoints: np.ndarray) -> None:
        """Make sure that annotated people are those of the truth, row by row.

        People with fewer than two joints that both have pass: there is nothing to tell them by.

        Parameters
        ----------
        keypoints
            (N, 16, 3) x, y in pixels, from 0, and visibility, as of `cpm.datasets.MpiiPeople`.

        Raises
        ------
        DataError
            If the number of people is another, or half of the joints of one are more than half a pixel off.
        """
        keypoints = np.asarray(keypoints, float)
        if keypoints.shape != (*self.visible.shape, 3):
            raise DataError(f"people have the shape {keypoints.shape}, the truth expects {(*self.visible.shape, 3)}")
        both = self.visible & (keypoints[..., 2] > 0)
        # Of 10 of the 2958 people the official truth has some numbers 0 that the annotations have not.
        elsewhere = both & (np.abs(keypoints[..., :2] + _FIRST - self.joints).max(axis=2) > 0.5)
        wrong = np.flatnonzero((both.sum(axis=1) > 1) & (2 * elsewhere.sum(axis=1) >= both.sum(axis=1)))
        if len(wrong):
            raise DataError(
                f"{len(wrong)} of {len(both)} people are not where the truth has them, the first is number {wrong[0]}; "
                "expected the people of the truth in its order"
            )


def truth_of_people(keypoints: np.ndarray) -> MpiiTruth:
    """Return the truth that MPII's annotations themselves make, for people without an official one.

    The length of the head is 0.75 times the way from upper neck to head top. For the validation people this is the
    official length: both joints were put on the diagonal of the head's box. Who lacks one of them is not scored.

    Parameters
    ----------
    keypoints
        (N, 16, 3) x, y in pixels, from 0, and visibility, as of `cpm.datasets.MpiiPeople`.
    """
    keypoints = np.asarray(keypoints, float)
    top, neck = (MPII_16.joints.index(name) for name in ("head_top", "upper_neck"))
    head_size = _SEGMENT * np.linalg.norm(keypoints[:, top, :2] - keypoints[:, neck, :2], axis=1)
    known = (keypoints[:, top, 2] > 0) & (keypoints[:, neck, 2] > 0) & (head_size > 0)
    visible = (keypoints[..., 2] > 0) & known[:, None]
    return MpiiTruth(keypoints[..., :2] + _FIRST, visible, np.where(known, head_size, 1.0))


def official_truth(dataset: MpiiPeople) -> Path | None:
    """Return ``annot/gt_valid.mat`` in the folder of the validation people, if it is there."""
    path = dataset.root / "annot" / "gt_valid.mat"
    return path if dataset.split == "valid" and path.is_file() else None


def choose_truth(dataset: MpiiPeople, path: str | Path | None) -> MpiiTruth:
    """Return the truth of the people of a data set: that of a file or, without one, what their annotations make.

    Raises
    ------
    DataError
        If the file is missing or broken, or of other people.
    """
    annotated = np.stack([person.keypoints for person in dataset.people])
    if path is None:
        logger.warning("no official truth: heads are as long as the annotations of their joints say")
    truth = truth_of_people(annotated) if path is None else read_mpii_truth(path)
    truth.check_people(annotated)
    return truth


def read_mpii_truth(path: str | Path) -> MpiiTruth:
    """Read ``gt_valid.mat``, the truth of the 2958 people that the published tables score on.

    Parameters
    ----------
    path
        A MATLAB file (up to version 7.2) with ``pos_gt_src`` (16, 2, N), ``jnt_missing`` (16, N) and
        ``headboxes_src`` (2, 2, N), the upper left and lower right corners.

    Raises
    ------
    DataError
        If the file is missing or something else.
    """
    names = ("pos_gt_src", "jnt_missing", "headboxes_src")
    content = read_mat(path, names)
    joints, lacking, corners = (content[name] for name in names)
    people, count = joints.shape[-1], MPII_16.num_joints
    if (joints.shape, lacking.shape, corners.shape) != ((count, 2, people), (count, people), (2, 2, people)):
        raise DataError(
            f"{path}: {names[0]} {joints.shape}, {names[1]} {lacking.shape} and {names[2]} {corners.shape}, "
            f"expected ({count}, 2, N), ({count}, N) and (2, 2, N)"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        head_size = _HEAD * np.linalg.norm(corners[1] - corners[0], axis=0)
    joints, visible = joints.transpose(2, 0, 1), lacking.T == 0
    if not (np.isfinite(joints[visible]).all() and np.isfinite(head_size).all()):
        raise DataError(f"{path}: a joint or a head is not finite")
    return MpiiTruth(joints, visible, head_size)


def score_mpii(
    predictions: np.ndarray,
    truth: MpiiTruth | str | Path,
    people: np.ndarray | None = None,
    found: np.ndarray | None = None,
) -> dict[str, float]:
    """Score predicted joints of MPII's people, counted from 0, against the official truth, counted from 1.

    Parameters
    ----------
    predictions
        (N, 16, 2) x and y in image pixels as everywhere in this package: the first pixel is 0. The truth's first is 1,
        so 1 is added before they are compared.
    truth
        The true joints of the same people in the same order, or their file.
    people
        The annotations the predictions were made for, see `MpiiTruth.check_people`; None leaves out this check.
    found
        (N, 16) whether the joint was found, see :func:`pckh`.

    Returns
    -------
    dict
        The figures of :func:`pckh`.

    Raises
    ------
    DataError
        If the truth cannot be read or is of other people, or predictions are not (N, 16, 2) numbers.
    """
    truth = truth if isinstance(truth, MpiiTruth) else read_mpii_truth(truth)
    predictions = np.asarray(predictions, float)
    if predictions.shape != truth.joints.shape:
        raise DataError(f"predictions have the shape {predictions.shape}, the truth expects {truth.joints.shape}")
    if people is not None:
        truth.check_people(people)
    return pckh(predictions + _FIRST, truth.joints, truth.visible, truth.head_size, found=found)


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
    predictions, truth = np.asarray(predictions, float), np.asarray(truth, float)
    visible, head_size = np.asarray(visible, bool), np.asarray(head_size, float)
    people, joints = len(truth), skeleton.num_joints
    shapes = (predictions.shape, truth.shape, visible.shape, head_size.shape)
    if shapes != ((people, joints, 2), (people, joints, 2), (people, joints), (people,)):
        raise DataError(
            f"predictions {shapes[0]}, truth {shapes[1]}, visible {shapes[2]} and head_size {shapes[3]}, "
            f"expected (N, {joints}, 2) twice, (N, {joints}) and (N,)"
        )
    parts = {part: [name for name in names if name in skeleton.joints] for part, names in _PARTS.items()}
    parts["head"] = parts["head"][:1]
    counted = {"upper_neck"}.union(*parts.values())  # in the mean, though no part of the tables
    scored = visible & np.isin(skeleton.joints, list(counted))
    if not scored.any():
        raise DataError("no joint is visible, there is nothing to score")
    sized = (head_size > 0) & np.isfinite(head_size)
    if not sized.all():
        wrong = int(np.argmin(sized))
        raise DataError(f"head {wrong} has the size {head_size[wrong]}, expected a finite number above 0")
    found = np.ones_like(visible) if found is None else np.asarray(found, bool)
    _check_near("predictions", predictions, visible & found, skeleton)
    _check_near("truth", truth, visible, skeleton)
    with np.errstate(over="ignore", invalid="ignore"):  # of joints that are not counted
        distance = np.linalg.norm(predictions - truth, axis=2) / head_size[:, None]
    right = (distance <= threshold) & scored & found
    figures = {}
    for part, names in parts.items():
        columns = [skeleton.joints.index(name) for name in names]
        shares = [_percent(right[:, column], scored[:, column]) for column in columns]
        figures[part] = float(np.mean(shares)) if shares else float("nan")
    figures["mean"] = _percent(right, scored)
    figures["mean@0.1"] = _percent((distance <= 0.1) & scored & found, scored)
    return figures


def _check_near(what: str, joints: np.ndarray, counted: np.ndarray, skeleton: Skeleton) -> None:
    """Make sure that those of joints (N, K, 2) that count are finite and in reach; the error names the first."""
    wrong = np.argwhere(~(np.abs(joints) <= 2 * FARTHEST).all(axis=2) & counted)
    if len(wrong):
        person, joint = wrong[0].tolist()
        place = tuple(joints[person, joint].tolist())
        raise DataError(f"{what}: {skeleton.joints[joint]} of person {person} is at {place}, expected finite pixels")


def _percent(right: np.ndarray, scored: np.ndarray) -> float:
    return 100 * float(right.sum() / scored.sum()) if scored.any() else float("nan")
