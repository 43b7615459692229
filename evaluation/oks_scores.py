"""COCO keypoint scores: object keypoint similarity (OKS) by pycocotools."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ..datasets.annotations.categories import skeleton_of
from ..datasets.annotations.coco_json import Annotations, log_remarks, read_annotations
from ..errors import ConfigError, DataError
from ..skeletons import COCO_17, SKELETONS, Skeleton
from ..tables import format_table
from .results import read_results

logger = logging.getLogger(__name__)

FIGURES = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")


def score_coco(
    truth: str | Path | Mapping[str, Any],
    detections: str | Path | Sequence[Mapping[str, Any]],
    skeleton: Skeleton = COCO_17,
    image_ids: Iterable[int] | None = None,
) -> dict[str, float]:
    """Score detections against annotations by OKS.

    Parameters
    ----------
    truth
        COCO keypoint annotations, loaded or the path of a JSON file.
    detections
        COCO keypoint results, loaded or the path of a JSON file; there may be none.
    skeleton
        The K joints of both, with the sigmas of the similarity.
    image_ids
        The images to score; by default all.

    Returns
    -------
    dict
        AP, AP50, AP75, APm, APl, AR, AR50, AR75, ARm, ARl; -1 where there is no truth to find, as in pycocotools.

    Raises
    ------
    DataError
        If a file is missing or not in the COCO format, keypoints are not K triples, or an image is unknown.
    ConfigError
        If the skeleton defines no sigmas.
    """
    annotations = load_truth(truth, skeleton)
    results = read_results(detections, skeleton, annotations.category["id"])
    known = {image["id"] for image in annotations.images}
    chosen = sorted(known if image_ids is None else set(image_ids))
    for image_id in [*chosen, *(result["image_id"] for result in results)]:
        if image_id not in known:
            raise DataError(f"{annotations.name}: no image {image_id} in it, but it was detected on or chosen")
    figures = _evaluate(annotations, results, skeleton, chosen)
    _warn_of_nothing(figures, results, set(chosen))
    return figures


def score_files(results: str | Path, truth: str | Path, sigmas: Sequence[float] | None = None) -> dict[str, float]:
    """Score COCO keypoint results of a file on the images of an annotation file, for the body that it names.

    Parameters
    ----------
    results, truth
        The files.
    sigmas
        One for all joints or one for each; by default those of the body.

    Raises
    ------
    DataError, ConfigError
        As of `score_coco`.
    """
    known = tuple(SKELETONS.values())
    skeleton = skeleton_of(read_annotations(truth, known).joints, known, str(truth))
    return score_coco(truth, results, skeleton if sigmas is None else skeleton.with_sigmas(sigmas))


def _warn_of_nothing(figures: Mapping[str, float], results: Sequence[Mapping[str, Any]], chosen: set[int]) -> None:
    """Say where figures are those of nobody."""
    if figures["AP"] == -1:
        logger.warning(
            "nobody with joints is annotated on the %d images: there is no score, -1 stands for it", len(chosen)
        )
    elif not results:
        logger.warning("not one detection on the %d images: every figure is 0", len(chosen))
    elif not any(result["image_id"] in chosen for result in results):
        logger.warning("not one of the %d detections is on the %d images", len(results), len(chosen))
    elif empty := [figure for figure in ("APm", "APl") if figures[figure] == -1]:
        logger.info("%s -1: nobody of that size is annotated", " and ".join(empty))


def load_truth(truth: str | Path | Mapping[str, Any], skeleton: Skeleton) -> Annotations:
    """Return annotations that can be scored; errors as of :func:`score_coco`."""
    if not skeleton.sigmas:
        raise ConfigError(
            f"skeleton {skeleton.name} defines no sigmas, which the similarity needs; "
            "--sigmas, or Skeleton(sigmas=...), gives them"
        )
    annotations = read_annotations(truth, (skeleton,))
    log_remarks(annotations.name, annotations.remarks)
    return annotations


def format_scores(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Return the ten figures of one or more results as a table of text, one line for each after the heading.

    Examples
    --------
    >>> print(format_scores({"val2017": dict.fromkeys(FIGURES, 0.5)}))
                AP   AP50   AP75    APm    APl     AR   AR50   AR75    ARm    ARl
    val2017  0.500  0.500  0.500  0.500  0.500  0.500  0.500  0.500  0.500  0.500
    """
    lines = [(name, *(f"{row[figure]:.3f}" for figure in FIGURES)) for name, row in rows.items()]
    return format_table([("", *FIGURES), *lines])


def _evaluate(
    truth: Annotations, results: Sequence[Mapping[str, Any]], skeleton: Skeleton, image_ids: list[int]
) -> dict[str, float]:
    """Run pycocotools, which prints, with its output dropped."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = _as_coco(truth, truth.people)
        # It cannot load no results at all.
        found = coco.loadRes([dict(result) for result in results]) if results else _as_coco(truth, [])
        evaluation = COCOeval(coco, found, "keypoints")
        evaluation.params.kpt_oks_sigmas = np.array(skeleton.sigmas)
        evaluation.params.catIds = [truth.category["id"]]
        evaluation.params.imgIds = image_ids
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {figure: float(value) for figure, value in zip(FIGURES, evaluation.stats)}


def _as_coco(truth: Annotations, entries: Sequence[Mapping[str, Any]]) -> COCO:
    """Return annotations of the people in the images of the truth, copied: pycocotools writes into them."""
    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": truth.images,
        "annotations": [dict(entry) for entry in entries],
        "categories": [{"id": truth.category["id"], "name": "person"}],
    }
    coco.createIndex()
    return coco
