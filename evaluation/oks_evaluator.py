"""Score people by OKS, the metric of COCO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..datasets import CocoKeypoints
from ..person import Person
from ..skeletons import Skeleton
from .evaluator import Evaluator
from .nms import oks_nms, rescore
from .oks_scores import format_scores, load_truth, score_coco
from .pckh_scores import format_pckh, pckh
from .results import people_to_results
from .round_trip import labelled_people
from .scenes import Scene


class OksEvaluator(Evaluator):
    """Gives the ten figures of COCO, as `score_coco` does.

    Parameters
    ----------
    dataset
        The annotations.
    skeleton
        The K joints of the people that will be found.

    Raises
    ------
    DataError, ConfigError
        See `score_coco`.
    """

    def __init__(self, dataset: CocoKeypoints, skeleton: Skeleton) -> None:
        super().__init__()
        self.truth = load_truth(dataset.truth(), dataset.skeleton).content()
        self.dataset = dataset
        self.skeleton = skeleton
        self._image_ids: list[int] = []

    def process(self, scene: Scene, people: Sequence[Person]) -> None:
        """Take the people found in an image."""
        dataset = self.dataset
        self.results += people_to_results(scene.image_id, people, self.skeleton, dataset.category_id, dataset.skeleton)
        self._image_ids.append(scene.image_id)

    def evaluate(self) -> dict[str, Any]:
        """Return AP, AP50, AP75, APm, APl, AR, AR50, AR75, ARm and ARl."""
        return dict(score_coco(self.truth, self.results, self.dataset.skeleton, self._image_ids))

    def settings(self) -> dict[str, Any]:
        """Return the split."""
        return {"split": self.dataset.split}

    def table(self, figures: Mapping[str, Any]) -> str:
        """Return a heading and a line."""
        return format_scores({self.dataset.split: figures})


class BoxOksEvaluator(OksEvaluator):
    """The same for people found in boxes, as Xiao et al. 2018, section 4.1, do it.

    The score of a person is that of the box times the mean score of the joints above `visible` (`rescore`); of people
    more alike than `nms_threshold` the best is kept (`oks_nms`). Where the boxes are the annotated ones and the
    annotations give the ``head_size`` of people, as those of the embedded data set do, the figures have "PCKh" too, a
    dictionary of the figures of `pckh`. Other parameters are those of `OksEvaluator`.
    """

    def __init__(
        self, dataset: CocoKeypoints, skeleton: Skeleton, nms_threshold: float = 0.9, visible: float = 0.2
    ) -> None:
        super().__init__(dataset, skeleton)
        self.nms_threshold = nms_threshold
        self.visible = visible
        self._found: list[tuple[Scene, Sequence[Person]]] = []

    def process(self, scene: Scene, people: Sequence[Person]) -> None:
        """Take the people found in the boxes of an image."""
        scores = [rescore(score, person.keypoints, self.visible) for person, score in zip(people, scene.scores)]
        kept = self._keep(scene, people, scores) if people else []
        super().process(scene, [replace(people[place], score=scores[place]) for place in kept])
        self._found.append((scene, people))

    def evaluate(self) -> dict[str, Any]:
        """Return the figures of COCO and, where there are heads, "PCKh"."""
        figures = super().evaluate()
        heads = self._score_heads()
        return {**figures, "PCKh": heads} if heads else figures

    def settings(self) -> dict[str, Any]:
        """Return the split and the parameters."""
        return {**super().settings(), "nms_threshold": self.nms_threshold, "visible": self.visible}

    def table(self, figures: Mapping[str, Any]) -> str:
        """Return a heading and a line of each metric."""
        table = super().table(figures)
        return f"{table}\n{format_pckh({self.dataset.split: figures['PCKh']})}" if "PCKh" in figures else table

    def _keep(self, scene: Scene, people: Sequence[Person], scores: Sequence[float]) -> list[int]:
        keypoints = np.stack([person.keypoints for person in people])
        areas = np.array([box.width * box.height for box in scene.boxes])
        sigmas = np.array(self.skeleton.sigmas)
        kept: list[int] = oks_nms(keypoints, np.array(scores), areas, sigmas, self.nms_threshold).tolist()
        return kept

    def _score_heads(self) -> dict[str, float]:
        """Return the figures of `pckh` if all boxes are annotated and come with the length of the head."""
        annotated = labelled_people(self.truth["annotations"])
        nobody = np.zeros((self.skeleton.num_joints, 3))
        found: list[np.ndarray] = []
        entries: list[Mapping[str, Any]] = []
        for scene, people in self._found:
            of_image = annotated.get(scene.image_id, [])
            if set(scene.scores) - {1.0} or len(of_image) != len(scene.boxes):
                return {}
            # Of an image that cannot be read nobody was found, but all are to be scored.
            found += [person.keypoints for person in people] or [nobody] * len(of_image)
            entries += of_image
        joints = np.array(found, float)
        expected = np.array([entry["keypoints"] for entry in entries], float).reshape(len(entries), -1, 3)
        if not entries or joints.shape != expected.shape or not all("head_size" in entry for entry in entries):
            return {}
        heads = np.array([entry["head_size"] for entry in entries], float)
        visible = expected[..., 2] > 0
        seen = joints[..., 2] > 0
        return pckh(joints[..., :2], expected[..., :2], visible, heads, skeleton=self.skeleton, found=seen)
