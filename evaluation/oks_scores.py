"""COCO keypoint scores: object keypoint similarity (OKS) by pycocotools, and what perfect maps would score."""

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

from ..codecs import Codec
from ..datasets.annotations.coco_json import Annotations, log_remarks, read_annotations
from ..errors import ConfigError, DataError
from ..person import Person
from ..skeletons import COCO_17, Skeleton, convert
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
    content, name, category = load_truth(truth, skeleton)
    results = read_results(detections, skeleton, category)
    known = {image["id"] for image in content["images"]}
    chosen = sorted(known if image_ids is None else set(image_ids))
    for image_id in [*chosen, *(result["image_id"] for result in results)]:
        if image_id not in known:
            raise DataError(f"{name}: no image {image_id} in it, but it was detected on or chosen")
    figures = _evaluate(content, results, skeleton, category, chosen)
    _warn_of_nothing(figures, results, set(chosen))
    return figures


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


def load_truth(truth: str | Path | Mapping[str, Any], skeleton: Skeleton) -> tuple[Mapping[str, Any], str, int]:
    """Return annotations that can be scored, how messages name them, and the category of people.

    Raises
    ------
    DataError, ConfigError
        See :func:`score_coco`.
    """
    if not skeleton.sigmas:
        raise ConfigError(
            f"skeleton {skeleton.name} defines no sigmas, which the similarity needs; "
            "--sigmas, or Skeleton(sigmas=...), gives them"
        )
    annotations = _read_truth(truth, skeleton)
    return annotations.content(), annotations.name, annotations.category["id"]


def _read_truth(truth: str | Path | Mapping[str, Any], skeleton: Skeleton) -> Annotations:
    annotations = read_annotations(truth, (skeleton,))
    log_remarks(annotations.name, annotations.remarks)
    return annotations


def labelled_people(
    entries: Iterable[Mapping[str, Any]], image_ids: Iterable[int] | None = None
) -> dict[int, list[Mapping[str, Any]]]:
    """Return the annotations of people with joints, crowds left out, by their images; by default of all images."""
    chosen = None if image_ids is None else set(image_ids)
    people: dict[int, list[Mapping[str, Any]]] = {}
    for entry in entries:
        labelled = any(entry["keypoints"][2::3]) and not entry["iscrowd"]
        if labelled and (chosen is None or entry["image_id"] in chosen):
            people.setdefault(entry["image_id"], []).append(entry)
    return people


def people_to_results(
    image_id: int, people: Iterable[Person], skeleton: Skeleton, category_id: int = 1, target: Skeleton = COCO_17
) -> list[dict[str, Any]]:
    """Return people as COCO keypoint results.

    Parameters
    ----------
    image_id
        The image they are in.
    people
        Keypoints (K, 3) in image pixels.
    skeleton
        The K joints of the people.
    category_id
        The category of people in the annotations.
    target
        The K' joints of the results.

    Returns
    -------
    list of dict
        One per person with a joint of the target: ``image_id``, ``category_id``, ``keypoints`` (3K' numbers
        x, y, 1, or 0, 0, 0 for a joint that was not found) and ``score``.
    """
    results = []
    for person in people:
        keypoints = convert(person.keypoints[None], skeleton, target)[0].astype(float)
        found = keypoints[:, 2] > 0
        if not found.any():
            continue
        keypoints[:, 2] = 1
        keypoints[~found] = 0
        results.append(
            {
                "image_id": int(image_id),
                "category_id": int(category_id),
                "keypoints": keypoints.round(3).reshape(-1).tolist(),
                "score": float(person.score),
            }
        )
    return results


def oracle_coco(
    codec: Codec,
    truth: str | Path | Mapping[str, Any],
    height: int = 368,
    image_ids: Iterable[int] | None = None,
    skeleton: Skeleton = COCO_17,
) -> dict[str, float]:
    """Score what a codec recovers from perfect maps: the annotations, encoded and decoded again.

    Only images with labelled people are scored.

    Parameters
    ----------
    codec
        Encodes and decodes.
    truth
        COCO keypoint annotations, loaded or the path of a JSON file.
    height
        Pixels to which every image is scaled.
    image_ids
        The images to choose from; by default all.
    skeleton
        The joints of the annotations.

    Returns
    -------
    dict
        As from :func:`score_coco`.

    Raises
    ------
    DataError
        As :func:`score_coco`, and if no image has labelled people or one states no size.
    """
    annotations = _read_truth(truth, skeleton)
    name = annotations.name
    people = labelled_people(annotations.people, image_ids)
    if not people:
        raise DataError(f"{name}: no image with labelled people to score")
    images = {image["id"]: image for image in annotations.images}
    results: list[dict[str, Any]] = []
    for image_id, entries in people.items():
        try:
            size = (int(images[image_id]["height"]), int(images[image_id]["width"]))
            joints = np.array([entry["keypoints"] for entry in entries], float).reshape(-1, skeleton.num_joints, 3)
        except (KeyError, ValueError) as error:
            raise DataError(
                f"{name}: image {image_id} lacks its entry, its size or whole keypoints ({error})"
            ) from None
        found = _encode_decode(codec, convert(joints, skeleton, codec.skeleton), size, height)
        results += people_to_results(image_id, found, codec.skeleton, annotations.category["id"], skeleton)
    return score_coco(annotations.content(), results, skeleton, people)


def format_scores(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Return the ten figures of one or more results as a table of text, one line for each after the heading.

    Examples
    --------
    >>> print(format_scores({"val2017": dict.fromkeys(FIGURES, 0.5)}))
                AP   AP50   AP75    APm    APl     AR   AR50   AR75    ARm    ARl
    val2017  0.500  0.500  0.500  0.500  0.500  0.500  0.500  0.500  0.500  0.500
    """
    width = max(map(len, rows), default=0)
    lines = [" " * width + "".join(f"{figure:>7}" for figure in FIGURES)]
    lines += [f"{name:<{width}}" + "".join(f"{row[figure]:7.3f}" for figure in FIGURES) for name, row in rows.items()]
    return "\n".join(lines)


def _encode_decode(codec: Codec, keypoints: np.ndarray, size: tuple[int, int], height: int) -> list[Person]:
    """Return the people decoded from the targets of (N, K, 3) keypoints in an image of `size` (H, W)."""
    resized = np.array([height, max(round(size[1] * height / size[0]), 1)])
    scale = (resized[1] / size[1], resized[0] / size[0])
    keypoints[..., :2] = (keypoints[..., :2] + 0.5) * scale - 0.5
    padded = -(-resized // codec.stride) * codec.stride
    return codec.decode(codec.encode(keypoints, (int(padded[0]), int(padded[1]))).maps, scale)


def _evaluate(
    content: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    skeleton: Skeleton,
    category: int,
    image_ids: list[int],
) -> dict[str, float]:
    """Run pycocotools, which prints and writes into what it is given: on copies, with its output dropped."""
    annotations = [dict(entry) for entry in content["annotations"]]
    categories = [{"id": category, "name": "person"}]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {"info": {}, "images": content["images"], "annotations": annotations, "categories": categories}
        coco.createIndex()
        if results:
            found = coco.loadRes([dict(result) for result in results])
        else:
            found = COCO()
            found.dataset = {"images": content["images"], "annotations": [], "categories": categories}
            found.createIndex()
        evaluation = COCOeval(coco, found, "keypoints")
        evaluation.params.kpt_oks_sigmas = np.array(skeleton.sigmas)
        evaluation.params.catIds = [category]
        evaluation.params.imgIds = image_ids
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {figure: float(value) for figure, value in zip(FIGURES, evaluation.stats)}
