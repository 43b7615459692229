"""Score an estimator of either task on a data set of any kind, by the metric of the data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable

from ..datasets import CocoKeypoints, KeypointData, MpiiPeople
from ..errors import ConfigError
from ..inference import Estimator
from ..outputs import OutputFolder
from .evaluator import Evaluator
from .loop import run
from .mpii_truth import official_truth
from .oks_evaluator import BoxOksEvaluator, OksEvaluator
from .pckh_evaluator import PckhEvaluator, in_order, nearest
from .reports import Report
from .scenes import Scene, annotated_boxes, detected_boxes, mpii_images, whole_images
from .subsets import select_images


@dataclass(frozen=True)
class Choice:
    """What of a data set is looked at; a value that does not concern the data set or the task is refused.

    Attributes
    ----------
    subset, limit
        COCO: see `select_images`; of MPII the limit counts people.
    truth
        MPII: the file with the true joints; by default ``annot/gt_valid.mat`` in its folder or, if that is not there,
        what the annotations say themselves.
    boxes, enlarge
        COCO, top-down: "truth", for the annotated boxes, or the file of a detector; and by how much they grow.
    nms
        COCO, top-down: the threshold of `BoxOksEvaluator`; by default 0.9.
    """

    subset: str = "people"
    limit: int | None = None
    truth: str | Path | None = None
    boxes: str | Path = "truth"
    enlarge: float = 1.25
    nms: float | None = None

    def refuse(self, reason: str, *names: str) -> None:
        """Raise a `ConfigError` if any of these was given."""
        if given := [name for name in names if getattr(self, name) != getattr(Choice, name)]:
            raise ConfigError(f"{' and '.join(given)}: not for {reason}; leave it out")


Plan = tuple[Sequence[Scene], Evaluator, dict[str, Any]]  # how to score: images, metric, notes about the choice


def by_oks(dataset: CocoKeypoints, estimator: Estimator, choice: Choice) -> Plan:
    """Return how COCO keypoints are scored."""
    choice.refuse("COCO", "truth")
    skeleton = estimator.codec.skeleton
    image_ids = select_images(dataset, choice.subset, choice.limit)
    notes: dict[str, Any] = {"subset": choice.subset, "limit": choice.limit}
    if estimator.aspect is None:
        choice.refuse("networks that find people in whole images", "boxes", "nms")
        return whole_images(dataset, image_ids), OksEvaluator(dataset, skeleton), notes
    notes |= {"boxes": str(choice.boxes), "enlarge": choice.enlarge}
    if choice.boxes == "truth":
        scenes = annotated_boxes(dataset, estimator.aspect, choice.enlarge, image_ids)
    else:
        scenes = detected_boxes(dataset, choice.boxes, estimator.aspect, choice.enlarge, image_ids)
    return scenes, BoxOksEvaluator(dataset, skeleton, 0.9 if choice.nms is None else choice.nms), notes


def by_pckh(dataset: MpiiPeople, estimator: Estimator, choice: Choice) -> Plan:
    """Return how the annotated people of MPII are scored."""
    choice.refuse("MPII", "subset", "boxes", "nms")
    scenes = mpii_images(dataset, estimator.aspect, choice.limit)
    truth = choice.truth or official_truth(dataset)
    match = nearest if estimator.aspect is None else in_order
    evaluator = PckhEvaluator(dataset, estimator.codec.skeleton, truth, match, choice.limit)
    return scenes, evaluator, {"limit": choice.limit}


@dataclass(frozen=True)
class Metric:
    """What a data set is scored by.

    Attributes
    ----------
    plan
        Says how, for a data set, an estimator and a choice of it.
    name
        What its first figure is called.
    figure
        The key of that figure.
    top
        The highest that it can be.
    """

    plan: Callable[[Any, Estimator, Choice], Plan]
    name: str
    figure: str
    top: float


METRICS = {"oks": Metric(by_oks, "AP", "AP", 1.0), "pckh": Metric(by_pckh, "PCKh", "mean", 100.0)}


def evaluate_dataset(
    estimator: Estimator, dataset: KeypointData, choice: Choice | None = None, report: Report | None = None
) -> tuple[dict[str, Any], str]:
    """Score an estimator on a data set by the metric that the data set names.

    Parameters
    ----------
    estimator
        Finds the people, in whole images or in boxes; its codec names the skeleton.
    dataset
        The images and their annotations.
    choice, report
        What of it to look at, and what to leave behind.

    Returns
    -------
    tuple
        The figures of the metric, and a table of them below a line that says the protocol.

    Raises
    ------
    CpmError
        See `run`; and if a choice does not concern the data set or the estimator.
    """
    report = report or Report()
    scenes, evaluator, notes = METRICS[dataset.metric].plan(dataset, estimator, choice or Choice())
    figures = run(estimator, scenes, evaluator, replace(report, notes={**report.notes, **notes}))
    name = report.notes.get("name") or dataset.split
    return figures, f"{name}: {estimator.describe()}, {len(scenes)} images\n{evaluator.table(figures)}"


def evaluate_coco(
    estimator: Estimator,
    dataset: CocoKeypoints,
    image_ids: Sequence[int] | None = None,
    output: str | Path | OutputFolder | None = None,
    progress: bool = True,
    viz: bool = False,
    show: bool = False,
    protocol: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """Score an estimator for whole images on COCO keypoints (OKS).

    Parameters
    ----------
    estimator, dataset
        See `evaluate_dataset`.
    image_ids
        The images to evaluate; by default all.
    output, progress, viz, show, protocol
        See `Report`, where the protocol is called notes.

    Returns
    -------
    dict
        The ten figures of COCO: AP, AP50, AP75, APm, APl, AR, AR50, AR75, ARm, ARl.

    Raises
    ------
    CpmError
        See `run`; and if an id is not in the data set.
    """
    evaluator = OksEvaluator(dataset, estimator.codec.skeleton)
    report = Report(output, viz, show, progress, protocol or {})
    return run(estimator, whole_images(dataset, image_ids), evaluator, report)
