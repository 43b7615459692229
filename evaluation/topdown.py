"""Score a top-down network: the joints of the person in each box, by OKS on COCO and by PCKh on MPII."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ..datasets import CocoKeypoints, MpiiPeople, PersonBox, read_image
from ..draw import draw_people
from ..errors import DataError
from ..inference import BoxEstimator, visible_part
from ..outputs import Draft, OutputFolder, writing
from ..person import Person
from .boxes import ImageBoxes, annotated_boxes, detected_boxes, mpii_boxes
from .coco import format_scores, load_truth, people_to_results, score_coco
from .mpii import choose_truth, format_pckh, official_truth, pckh, score_mpii
from .nms import oks_nms, rescore
from .reports import EVALUATION, Gallery, write_report
from .subsets import check_limit, check_options, select_images

logger = logging.getLogger(__name__)

_DRAWN = 0.2  # score of a joint from which on it is drawn: a top-down network answers for every joint


@dataclass
class _Run:
    people: list[list[Person]] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    seconds: float = 0.0


def evaluate_people(
    estimator: BoxEstimator,
    dataset: CocoKeypoints | MpiiPeople,
    boxes: str | Path = "truth",
    enlarge: float = 1.25,
    subset: str = "people",
    limit: int | None = None,
    truth: str | Path | None = None,
    nms_threshold: float = 0.9,
    **report: Any,
) -> str:
    """Score an estimator on a data set of either kind and return the table of its figures.

    Parameters
    ----------
    estimator, dataset
        See `evaluate_boxes` and `evaluate_mpii`.
    boxes
        COCO: "truth", for the annotated boxes, or the file of a detector.
    enlarge
        COCO: by how much boxes grow.
    subset, limit
        COCO: see `select_images`; of MPII the limit counts people.
    truth
        MPII: the file with the true joints; by default ``annot/gt_valid.mat`` in its folder or, if that is not there,
        what the annotations say themselves, see `truth_of_people`.
    nms_threshold
        COCO: see `evaluate_boxes`.
    **report
        ``output``, ``progress``, ``viz`` and ``protocol`` of `evaluate_boxes`.

    Raises
    ------
    CpmError
        See `evaluate_boxes` and `evaluate_mpii`.
    """
    notes = {**(report.pop("protocol", None) or {}), "limit": limit}
    if isinstance(dataset, MpiiPeople):
        check_options("MPII", boxes=str(boxes) != "truth", subset=subset != "people")
        truth = truth or official_truth(dataset)
        scores = evaluate_mpii(estimator, dataset, truth, limit=limit, protocol=notes, **report)
        return format_pckh({dataset.split: scores})
    check_options("COCO", truth=truth is not None)
    image_ids = select_images(dataset, subset, limit)
    if str(boxes) == "truth":
        images = annotated_boxes(dataset, estimator.aspect, enlarge, image_ids)
    else:
        images = detected_boxes(dataset, boxes, estimator.aspect, enlarge, image_ids)
    notes |= {"boxes": str(boxes), "subset": subset, "enlarge": enlarge}
    figures = evaluate_boxes(estimator, dataset, images, nms_threshold=nms_threshold, protocol=notes, **report)
    table = format_scores({dataset.split: figures})
    return f"{table}\n{format_pckh({dataset.split: figures['PCKh']})}" if "PCKh" in figures else table


def evaluate_boxes(
    estimator: BoxEstimator,
    dataset: CocoKeypoints,
    images: Sequence[ImageBoxes],
    output: str | Path | OutputFolder | None = None,
    progress: bool = True,
    viz: bool = False,
    nms_threshold: float = 0.9,
    visible: float = 0.2,
    protocol: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Score an estimator on COCO keypoints (OKS), as Xiao et al. 2018, section 4.1, do.

    The score of a person is that of the box times the mean score of the joints above `visible`; of people nearly on top
    of each other the best is kept (OKS-NMS). A picture that cannot be read is warned of and scored as one
    without detections.

    Parameters
    ----------
    estimator
        Finds the joints; its codec names the skeleton.
    dataset
        The annotations.
    images
        What `annotated_boxes` or `detected_boxes` returned.
    output
        A folder for ``results.json`` and ``metrics.json``, see `evaluate_coco`; None writes nothing.
    progress
        Whether to show a progress bar.
    viz
        Whether to write a picture of every image to ``output/viz`` and a sheet of the first to ``output/people.jpg``.
    nms_threshold
        The similarity above which the worse of two people is dropped.
    visible
        See above.
    protocol
        What else to note in ``metrics.json``.

    Returns
    -------
    dict
        The ten figures of COCO; and "PCKh", the figures of `pckh`, where the boxes are the annotated ones and the
        annotations give the ``head_size`` of people, as those of the embedded data set do.

    Raises
    ------
    DataError
        If there are no images or not one can be read.
    ConfigError
        If the output is not a folder to write these results to.
    """
    truth, _, _ = load_truth(dataset.truth(), dataset.skeleton)
    settings = {"split": dataset.split, "nms_threshold": nms_threshold, "visible": visible}
    options = {**_settings(estimator), **settings, **(protocol or {})}
    with writing(output, EVALUATION, options) as draft:
        gallery = Gallery(draft.folder / "viz") if viz and draft else None
        loads = {record.id: record.load for record in dataset.records}
        run = _run(estimator, images, progress, gallery, loads)
        results: list[dict[str, Any]] = []
        skeleton = estimator.codec.skeleton
        for image, people in zip(images, run.people):
            rescored = [
                replace(person, score=rescore(score, person.keypoints, visible))
                for person, score in zip(people, image.scores)
            ]
            kept = _suppress(rescored, image.boxes, skeleton.sigmas, nms_threshold)
            results += people_to_results(image.image_id, kept, skeleton, dataset.category_id, dataset.skeleton)
        figures: dict[str, Any] = score_coco(truth, results, dataset.skeleton, [image.image_id for image in images])
        if heads := _score_heads(estimator, truth, images, run):
            figures["PCKh"] = heads
        _report(draft, options, images, run, results, figures, gallery)
    return figures


def evaluate_mpii(
    estimator: BoxEstimator,
    dataset: MpiiPeople,
    truth: str | Path | None,
    output: str | Path | OutputFolder | None = None,
    progress: bool = True,
    viz: bool = False,
    protocol: Mapping[str, Any] | None = None,
    limit: int | None = None,
) -> dict[str, float]:
    """Score an estimator on the annotated people of MPII (PCKh); parameters as of `evaluate_boxes`.

    Parameters
    ----------
    dataset
        The people, each with the centre and the scale that MPII gives.
    truth
        ``gt_valid.mat``: the true joints and heads of the same people in the same order; None takes what the
        annotations say, see `truth_of_people`.
    limit
        Score only the first so many people.

    Returns
    -------
    dict
        The figures of `pckh`.

    Raises
    ------
    DataError
        If the truth is of other people, or not one image can be read.
    ConfigError
        If the limit is not positive, or the output is not a folder to write these results to.
    """
    check_limit(limit)
    images = mpii_boxes(dataset, estimator.aspect, limit)
    expected = choose_truth(dataset, truth).first(sum(len(image.boxes) for image in images))
    options = {**_settings(estimator), "split": dataset.split, "truth": str(truth), **(protocol or {})}
    with writing(output, EVALUATION, options) as draft:
        gallery = Gallery(draft.folder / "viz") if viz and draft else None
        run = _run(estimator, images, progress, gallery, {})
        people = [person for of_image in run.people for person in of_image]
        figures = score_mpii(np.stack([person.keypoints[:, :2] for person in people]), expected)
        results = [{"keypoints": person.keypoints.round(3).tolist(), "score": person.score} for person in people]
        _report(draft, options, images, run, results, figures, gallery)
    return figures


def _score_heads(
    estimator: BoxEstimator, truth: Mapping[str, Any], images: Sequence[ImageBoxes], run: _Run
) -> dict[str, float]:
    """Return the figures of `pckh` if all boxes are annotated and come with the length of the head; else nothing."""
    skeleton = estimator.codec.skeleton
    annotated: dict[int, list[Mapping[str, Any]]] = {}
    for entry in truth["annotations"]:
        if any(entry["keypoints"][2::3]) and not entry["iscrowd"]:
            annotated.setdefault(entry["image_id"], []).append(entry)
    rows = []
    for image, people in zip(images, run.people):
        entries = annotated.get(image.image_id, [])
        if set(image.scores) - {1.0} or len(entries) != len(people) or not all("head_size" in each for each in entries):
            return {}
        rows += [(person.keypoints, each["keypoints"], each["head_size"]) for person, each in zip(people, entries)]
    expected = np.array([row[1] for row in rows], float).reshape(len(rows), -1, 3)
    found = np.array([row[0] for row in rows], float)
    if not rows or found.shape != expected.shape:
        return {}
    heads = np.array([row[2] for row in rows], float)
    return pckh(found[..., :2], expected[..., :2], expected[..., 2] > 0, heads, skeleton=skeleton)


def _run(
    estimator: BoxEstimator,
    images: Sequence[ImageBoxes],
    progress: bool,
    gallery: Gallery | None,
    loads: Mapping[int, Callable[[], bytes] | None],
) -> _Run:
    """Find the people of all boxes; those of an image that cannot be read get no joints."""
    run, skeleton = _Run(), estimator.codec.skeleton
    with logging_redirect_tqdm():
        for entry in tqdm(images, unit="image", disable=not progress):
            try:
                image = read_image(entry.path, entry.size, loads.get(entry.image_id))
            except DataError as error:
                logger.warning("skipped: %s", error)
                run.skipped.append(entry.image_id)
                run.people.append([Person(np.zeros((skeleton.num_joints, 3)), 0.0) for _ in entry.boxes])
                continue
            start = time.perf_counter()
            people = estimator(image, entry.boxes)
            run.seconds += time.perf_counter() - start
            run.people.append(people)
            if gallery is not None:
                picture = draw_people(image, [visible_part(person, _DRAWN) for person in people], skeleton)
                gallery.add(entry.image_id, picture, picture, bool(people))
    if len(run.skipped) == len(images):
        raise DataError(f"none of the {len(images)} images of {images[0].path.parent} can be read")
    return run


def _suppress(
    people: Sequence[Person], boxes: Sequence[PersonBox], sigmas: Sequence[float], threshold: float
) -> list[Person]:
    if not people:
        return []
    keypoints = np.stack([person.keypoints for person in people])
    scores = np.array([person.score for person in people])
    areas = np.array([box.size[0] * box.size[1] for box in boxes])
    return [people[place] for place in oks_nms(keypoints, scores, areas, np.asarray(sigmas), threshold)]


def _settings(estimator: BoxEstimator) -> dict[str, Any]:
    return {"size": list(estimator.size), "flip": estimator.flip, "unbiased": estimator.codec.unbiased}


def _report(
    draft: Draft | None,
    options: Mapping[str, Any],
    images: Sequence[ImageBoxes],
    run: _Run,
    results: Sequence[Mapping[str, Any]],
    figures: Mapping[str, float],
    gallery: Gallery | None,
) -> None:
    seconds = run.seconds / max(len(images) - len(run.skipped), 1)
    logger.info("%d images, %d skipped, %.3g s per image", len(images), len(run.skipped), seconds)
    if draft is not None:
        notes = {**options, "images": len(images), "people": sum(len(image.boxes) for image in images)}
        metrics = {**figures, "protocol": notes, "skipped": run.skipped, "seconds_per_image": seconds}
        write_report(draft, results, metrics, gallery)
