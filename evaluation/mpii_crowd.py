"""Score a network for whole images on MPII: of the people that it finds, who is the annotated one, and how well."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ..datasets import MpiiPeople, MpiiPerson, read_image
from ..draw import draw_people
from ..errors import DataError
from ..inference import PoseEstimator
from ..outputs import OutputFolder, writing
from ..person import Person
from ..skeletons import MPII_16, Skeleton, convert
from .mpii import choose_truth, score_mpii
from .pictures import draw_result
from .reports import EVALUATION, Gallery, write_report
from .subsets import check_limit

logger = logging.getLogger(__name__)

_NOWHERE = -1e6  # pixels: where a joint is that was not found


def evaluate_mpii_crowd(
    estimator: PoseEstimator,
    dataset: MpiiPeople,
    truth: str | Path | None = None,
    output: str | Path | OutputFolder | None = None,
    limit: int | None = None,
    progress: bool = True,
    viz: bool = False,
    protocol: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """Score an estimator on the annotated people of MPII (PCKh).

    As the score is of single people whose place is known roughly, the person is taken whose joints have the mean that
    is the nearest to the annotated centre, in any case within the annotated height; other people are not false alarms.
    Joints that were not found are wrong.

    Parameters
    ----------
    estimator
        Finds the people of an image; its codec names the skeleton.
    dataset
        The people.
    truth
        ``gt_valid.mat``; None takes what the annotations say, see `truth_of_people`.
    output
        A folder for ``results.json`` and ``metrics.json``, see `evaluate_coco`; None writes nothing.
    limit
        Score only the first so many people.
    progress
        Whether to show a progress bar.
    viz
        Whether to write skeletons, heatmaps and PAFs of every image to ``output/viz``.
    protocol
        What else to note in ``metrics.json``.

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
    people = dataset.people[:limit]
    expected = choose_truth(dataset, truth).first(len(people))
    settings = {"scales": list(estimator.scales), "flip": estimator.flip, "box_size": estimator.box_size}
    options = {**settings, "split": dataset.split, "truth": None if truth is None else str(truth), **(protocol or {})}
    with writing(output, EVALUATION, options) as draft:
        gallery = Gallery(draft.folder / "viz") if viz and draft else None
        start = time.perf_counter()
        found = _run(estimator, people, progress, gallery)
        figures = score_mpii(found[..., :2], expected)
        if draft is not None:
            notes = {**options, "people": len(people)}
            seconds = (time.perf_counter() - start) / len(people)
            results = [{"keypoints": keypoints.round(3).tolist()} for keypoints in found]
            write_report(draft, results, {**figures, "protocol": notes, "seconds_per_person": seconds}, gallery)
    return figures


def _run(estimator: PoseEstimator, people: Sequence[MpiiPerson], progress: bool, gallery: Gallery | None) -> np.ndarray:
    """Return the (N, 16, 3) keypoints found for each annotated person; an image is looked at once."""
    by_image: dict[Path, list[int]] = {}
    for number, person in enumerate(people):
        by_image.setdefault(person.path, []).append(number)
    found, unread = np.full((len(people), MPII_16.num_joints, 3), _NOWHERE), 0
    with logging_redirect_tqdm():
        for path, numbers in tqdm(by_image.items(), unit="image", disable=not progress):
            try:
                image = read_image(path, people[numbers[0]].size)
            except DataError as error:
                logger.warning("skipped: %s", error)
                unread += 1
                continue
            maps = estimator.maps(image)
            candidates = estimator.decode(maps, image.shape[:2])
            for number in numbers:
                found[number] = _choose(candidates, people[number], estimator.codec.skeleton)
            if gallery is not None:
                skeleton = estimator.codec.skeleton
                picture = draw_result(estimator, image, candidates, maps)
                small = draw_people(image, candidates, skeleton)
                gallery.add(people[numbers[0]].image_id, picture, small, bool(candidates))
    if unread == len(by_image):
        raise DataError(f"none of the {unread} images of {people[0].path.parent} can be read")
    return found


def _choose(candidates: Sequence[Person], person: MpiiPerson, skeleton: Skeleton) -> np.ndarray:
    """Return the joints (16, 3) of whoever is the nearest to the place of a person."""
    keypoints = np.full((MPII_16.num_joints, 3), _NOWHERE)
    distances = [np.hypot(*(each.keypoints[each.found, :2].mean(axis=0) - person.center)) for each in candidates]
    if not distances or min(distances) > 200 * person.scale:
        return keypoints
    nearest = candidates[int(np.argmin(distances))]
    converted = convert(nearest.keypoints[None].astype(float), skeleton, MPII_16)[0]
    known = converted[:, 2] > 0
    keypoints[known] = converted[known]
    return keypoints
