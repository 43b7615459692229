"""The true joints and heads of MPII's people, official or as their annotations say."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..datasets import MpiiPeople
from ..errors import DataError
from ..skeletons import MPII_16
from .mat_file import read_mat

logger = logging.getLogger(__name__)

FIRST = 1  # MATLAB counts pixels from 1
_HEAD = 0.6  # of the diagonal of its box
_SEGMENT = 0.75  # of the way from upper neck to head top; so it is for 98 % of the validation people, to 1 %


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
        elsewhere = both & (np.abs(keypoints[..., :2] + FIRST - self.joints).max(axis=2) > 0.5)
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
    return MpiiTruth(keypoints[..., :2] + FIRST, visible, np.where(known, head_size, 1.0))


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
    content = read_mat(path, ("pos_gt_src", "jnt_missing", "headboxes_src"))
    _check_shapes({name: array.shape for name, array in content.items()}, path)
    joints = content["pos_gt_src"].transpose(2, 0, 1)
    visible = content["jnt_missing"].T == 0
    corners = content["headboxes_src"]
    with np.errstate(over="ignore", invalid="ignore"):
        head_size = _HEAD * np.linalg.norm(corners[1] - corners[0], axis=0)
    if not (np.isfinite(joints[visible]).all() and np.isfinite(head_size).all()):
        raise DataError(f"{path}: a joint or a head is not finite")
    return MpiiTruth(joints, visible, head_size)


def _check_shapes(found: Mapping[str, tuple[int, ...]], path: str | Path) -> None:
    joints = MPII_16.num_joints
    people = found["pos_gt_src"][-1] if found["pos_gt_src"] else 0
    expected = {
        "pos_gt_src": (joints, 2, people),
        "jnt_missing": (joints, people),
        "headboxes_src": (2, 2, people),
    }
    if found != expected:
        shapes = " and ".join(f"{name} {found[name]}" for name in expected)
        raise DataError(f"{path}: {shapes}, expected ({joints}, 2, N), ({joints}, N) and (2, 2, N)")
