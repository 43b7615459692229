"""Score people by PCKh, the metric of MPII."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable, Optional

import numpy as np

from ..datasets import MpiiPeople, MpiiPerson
from ..person import Person
from ..skeletons import MPII_16, Skeleton, convert
from .evaluator import Evaluator
from .mpii_truth import choose_truth
from .pckh_scores import format_pckh, score_mpii
from .scenes import Scene

Match = Callable[[Sequence[Person], Sequence[MpiiPerson]], Sequence[Optional[Person]]]


def in_order(found: Sequence[Person], annotated: Sequence[MpiiPerson]) -> Sequence[Person | None]:
    """Return the people of boxes, which are those of the annotated people."""
    return found


def nearest(found: Sequence[Person], annotated: Sequence[MpiiPerson]) -> Sequence[Person | None]:
    """Return who is the nearest to the place of each annotated person, which the score takes for roughly known.

    It is the one whose joints have the mean that is the nearest to the annotated centre, in any case within the
    annotated height; other people are not false alarms.
    """
    means = [each.keypoints[each.found, :2].mean(axis=0) for each in found]
    chosen: list[Person | None] = []
    for person in annotated:
        distances = [np.hypot(*(mean - person.center)) for mean in means]
        near = distances and min(distances) <= 200 * person.scale
        chosen.append(found[int(np.argmin(distances))] if near else None)
    return chosen


class PckhEvaluator(Evaluator):
    """Gives the figures of `pckh` of the annotated people of MPII.

    Joints that were not found are wrong; in the results they are 0, 0, 0.

    Parameters
    ----------
    dataset
        The people, each with the centre and the scale that MPII gives.
    skeleton
        The K joints of the people that will be found.
    truth
        ``gt_valid.mat``: the true joints and heads of the same people in the same order; None takes what the
        annotations say, see `truth_of_people`.
    match
        Who of the people in an image is which of the annotated ones: `nearest` or `in_order`.
    limit
        Score only the first so many people.

    Raises
    ------
    DataError
        If the truth is of other people.
    """

    def __init__(
        self,
        dataset: MpiiPeople,
        skeleton: Skeleton,
        truth: str | Path | None = None,
        match: Match = nearest,
        limit: int | None = None,
    ) -> None:
        super().__init__()
        self.dataset = dataset
        self.skeleton = skeleton
        self.truth_file = truth
        count = len(dataset.people[:limit])
        self._truth = choose_truth(dataset, truth).first(count)
        self._match = match
        self._keypoints = np.zeros((count, MPII_16.num_joints, 3))
        self.results = [_result(keypoints, 0.0) for keypoints in self._keypoints]

    def process(self, scene: Scene, people: Sequence[Person]) -> None:
        """Take the people found in an image."""
        annotated = [self.dataset.people[row] for row in scene.rows]
        for row, person in zip(scene.rows, self._match(people, annotated)):
            if person is not None:
                keypoints = convert(person.keypoints[None], self.skeleton, MPII_16)[0]
                found = keypoints[:, 2] > 0
                self._keypoints[row, found] = keypoints[found]
                self.results[row] = _result(self._keypoints[row], person.score)

    def evaluate(self) -> dict[str, Any]:
        """Return percents by part and their means."""
        return dict(score_mpii(self._keypoints[..., :2], self._truth, found=self._keypoints[..., 2] > 0))

    def settings(self) -> dict[str, Any]:
        """Return the split and the truth."""
        return {"split": self.dataset.split, "truth": None if self.truth_file is None else str(self.truth_file)}

    def table(self, figures: Mapping[str, Any]) -> str:
        """Return a heading and a line."""
        return format_pckh({self.dataset.split: figures})


def _result(keypoints: np.ndarray, score: float) -> dict[str, Any]:
    return {"keypoints": keypoints.round(3).tolist(), "score": float(score)}
