"""Run an estimator over COCO images and score what it finds."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ..datasets import CocoKeypoints, ImageRecord, MpiiPeople, read_image
from ..draw import draw_people
from ..errors import ConfigError, DataError
from ..inference import PoseEstimator
from ..outputs import OutputFolder, writing
from .coco import format_scores, load_truth, people_to_results, score_coco
from .mpii import format_pckh, official_truth
from .mpii_crowd import evaluate_mpii_crowd
from .pictures import check_display, draw_result, show_picture
from .reports import EVALUATION, Gallery, write_report
from .subsets import check_options, select_images

logger = logging.getLogger(__name__)


@dataclass
class _Run:
    """What a run over the images has brought so far."""

    results: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    seconds: float = 0.0


def evaluate_coco(
    estimator: PoseEstimator,
    dataset: CocoKeypoints,
    image_ids: Sequence[int] | None = None,
    output: str | Path | OutputFolder | None = None,
    progress: bool = True,
    viz: bool = False,
    show: bool = False,
    protocol: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """Score an estimator on COCO keypoints (OKS).

    A picture that cannot be read is warned of, counted and scored as one without detections.

    Parameters
    ----------
    estimator
        Finds the people; its codec names the skeleton.
    dataset
        The images and their annotations.
    image_ids
        The images to evaluate; by default all.
    output
        A folder for ``results.json`` (COCO result format) and ``metrics.json`` (the figures, the
        protocol and the seconds per image), written at the end; None writes nothing. One that holds results of another
        protocol is refused; an `OutputFolder` may say otherwise.
    progress
        Whether to show a progress bar.
    viz
        Whether to write skeletons, heatmaps and PAFs side by side to ``output/viz/<image id>.jpg``, and the
        skeletons of the first images with people to ``output/people.jpg``.
    show
        Whether to show the same pictures in a window, waiting for a key after each.
    protocol
        What else to note in ``metrics.json``, such as the model and the subset.

    Returns
    -------
    dict
        The ten figures of COCO: AP, AP50, AP75, APm, APl, AR, AR50, AR75, ARm, ARl.

    Raises
    ------
    DataError
        If an id is not in the data set, or not one of the pictures can be read.
    ConfigError
        If pictures are to be written and no output is given, or the output is not a folder to write these results to.
    DeviceError
        If pictures are to be shown and there is no display.
    """
    records = _records(dataset, image_ids)
    truth, _, _ = load_truth(dataset.truth(), dataset.skeleton)
    if show:
        check_display()
    if viz and output is None:
        raise ConfigError("viz=True needs output, the folder to write the pictures to")
    options = {**_settings(estimator), "split": dataset.split, **(protocol or {})}
    with writing(output, EVALUATION, options) as draft:
        gallery = Gallery(draft.folder / "viz") if viz and draft else None
        run = _run(estimator, dataset, records, progress, gallery, show)
        if len(run.skipped) == len(records):
            raise DataError(f"none of the {len(records)} images of {records[0].path.parent} can be read")
        figures: dict[str, float] = score_coco(truth, run.results, dataset.skeleton, [record.id for record in records])
        seconds_per_image = run.seconds / (len(records) - len(run.skipped))
        logger.info("%d images, %d skipped, %.3g s per image", len(records), len(run.skipped), seconds_per_image)
        if draft is not None:
            metrics = {
                **figures,
                "protocol": {**options, "images": len(records)},
                "skipped": run.skipped,
                "seconds_per_image": seconds_per_image,
            }
            write_report(draft, run.results, metrics, gallery)
    return figures


def _records(dataset: CocoKeypoints, image_ids: Sequence[int] | None) -> list[ImageRecord]:
    """Return the records of the ids in their order."""
    by_id = {record.id: record for record in dataset.records}
    ids = list(by_id) if image_ids is None else list(dict.fromkeys(image_ids))
    unknown = [image_id for image_id in ids if image_id not in by_id]
    if unknown:
        raise DataError(f"{dataset.annotation_file}: no image {unknown[0]} in it ({len(unknown)} of {len(ids)} ids)")
    if not ids:
        raise DataError(f"{dataset.annotation_file}: no images to evaluate")
    return [by_id[image_id] for image_id in ids]


def _run(
    estimator: PoseEstimator,
    dataset: CocoKeypoints,
    records: Sequence[ImageRecord],
    progress: bool,
    gallery: Gallery | None,
    show: bool,
) -> _Run:
    """Estimate every image that can be read; write or show pictures on the way."""
    run, skeleton = _Run(), estimator.codec.skeleton
    with logging_redirect_tqdm():
        for record in tqdm(records, unit="image", disable=not progress):
            try:
                image = read_image(record.path, (record.width, record.height), record.load)
            except DataError as error:
                logger.warning("skipped: %s", error)
                run.skipped.append(record.id)
                continue
            start = time.perf_counter()
            maps = estimator.maps(image)
            people = estimator.decode(maps, image.shape[:2])
            run.seconds += time.perf_counter() - start
            run.results += people_to_results(record.id, people, skeleton, dataset.category_id, dataset.skeleton)
            if gallery is not None or show:
                picture = draw_result(estimator, image, people, maps)
                if gallery is not None:
                    gallery.add(record.id, picture, draw_people(image, people, skeleton), bool(people))
                show = show and show_picture(picture)
    return run


def _settings(estimator: PoseEstimator) -> dict[str, Any]:
    return {
        "scales": list(estimator.scales),
        "flip": estimator.flip,
        "box_size": estimator.box_size,
        "reference": estimator.reference,
        "stage": estimator.stage,  # in natural order: 0 is the first, -1 the last
    }


def evaluate_crowd(
    estimator: PoseEstimator,
    dataset: CocoKeypoints | MpiiPeople,
    subset: str = "people",
    limit: int | None = None,
    truth: str | Path | None = None,
    show: bool = False,
    **report: Any,
) -> str:
    """Score an estimator on a data set of either kind and return the table of its figures, which says the protocol.

    Parameters
    ----------
    estimator, dataset
        See `evaluate_coco` and `evaluate_mpii_crowd`.
    subset, limit
        COCO: see `select_images`; of MPII the limit counts people.
    truth
        MPII: the file with the true joints; by default ``annot/gt_valid.mat`` in its folder or, if that is not there,
        what the annotations say themselves.
    show
        COCO: see `evaluate_coco`.
    **report
        ``output``, ``progress``, ``viz`` and ``protocol`` of `evaluate_coco`.

    Raises
    ------
    CpmError
        See `evaluate_coco` and `evaluate_mpii_crowd`.
    """
    notes = {**(report.pop("protocol", None) or {}), "subset": subset, "limit": limit}
    title = f"{notes.get('name') or dataset.split}"
    sides = f"{', '.join(map(str, estimator.scales))} x {estimator.box_size} pixels of {estimator.reference}"
    caption = f"{title}: scales {sides}, {'with' if estimator.flip else 'no'} flip"
    if isinstance(dataset, MpiiPeople):
        check_options("MPII", subset=subset != "people", show=show)
        truth = truth or official_truth(dataset)
        figures = evaluate_mpii_crowd(estimator, dataset, truth, limit=limit, protocol=notes, **report)
        return f"{caption}\n{format_pckh({dataset.split: figures})}"
    check_options("COCO", truth=truth is not None)
    image_ids = select_images(dataset, subset, limit)
    figures = evaluate_coco(estimator, dataset, image_ids, show=show, protocol=notes, **report)
    return f"{caption}, {len(image_ids)} images\n{format_scores({dataset.split: figures})}"
