"""The boxes that a top-down network looks for people in: those of the annotations, or those of a detector."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..datasets import CocoKeypoints, ImageRecord, MpiiPeople, PersonBox, box_of, mpii_box_of
from ..errors import DataError
from .results import box_value, read_entries, refuse_categories, score_value, whole_value

logger = logging.getLogger(__name__)

_KEYS = ("image_id", "category_id", "bbox", "score")


@dataclass(frozen=True)
class ImageBoxes:
    """An image and the boxes that people are sought in.

    Attributes
    ----------
    path
        The image.
    size
        Its width and height in pixels; None where the annotations do not say.
    image_id
        Its id.
    boxes
        What is cropped.
    scores
        How sure the detector was of each; 1 for boxes that are annotated.
    """

    path: Path
    size: tuple[int, int] | None
    image_id: int
    boxes: tuple[PersonBox, ...]
    scores: tuple[float, ...]


def annotated_boxes(
    dataset: CocoKeypoints, aspect: float, enlarge: float = 1.25, image_ids: Iterable[int] | None = None
) -> list[ImageBoxes]:
    """Return the annotated boxes of the people with keypoints, image by image.

    Parameters
    ----------
    dataset
        The images.
    aspect
        Width by height of the crops.
    enlarge
        By how much the boxes grow.
    image_ids
        The images to take; by default all.

    Raises
    ------
    DataError
        If there is no box on these images.
    """
    images, given = [], 0
    for record in _records(dataset, image_ids):
        people = [person.bbox for person in record.people if person.num_keypoints and not person.is_crowd]
        images.append(_image_boxes(record, [(bbox, 1.0) for bbox in people], aspect, enlarge))
        given += len(people)
    _check_boxes(images, given, str(dataset.annotation_file))
    return images


def detected_boxes(
    dataset: CocoKeypoints,
    detections: str | Path,
    aspect: float,
    enlarge: float = 1.25,
    image_ids: Iterable[int] | None = None,
) -> list[ImageBoxes]:
    """Return the boxes of a person detector, image by image; parameters and result as of `annotated_boxes`.

    Parameters
    ----------
    detections
        A JSON file of COCO results with ``image_id``, ``category_id``, ``bbox`` and ``score``; other categories than
        people are left out.

    Raises
    ------
    DataError
        If the file is missing or something else, a box is not finite or has a side below 0, or there is none on these
        images.
    """
    by_image = _read_detections(detections, dataset.category_id)
    images = [
        _image_boxes(record, by_image.get(record.id, []), aspect, enlarge) for record in _records(dataset, image_ids)
    ]
    _check_boxes(images, sum(len(by_image.get(image.image_id, [])) for image in images), str(detections))
    return images


def _read_detections(path: str | Path, category: int) -> dict[int, list[tuple[Sequence[float], float]]]:
    """Return the boxes of people in a file of detections with their scores, by their images."""
    name = str(path)
    by_image: dict[int, list[tuple[Sequence[float], float]]] = {}
    others: Counter[int] = Counter()
    for place, entry in enumerate(read_entries(path, _KEYS, "COCO detections with image_id, category_id, bbox, score")):
        owner = whole_value(entry, "category_id", place, name)
        if owner != category:
            others[owner] += 1
            continue
        box = box_value(entry, place, name), score_value(entry, place, name)
        by_image.setdefault(whole_value(entry, "image_id", place, name), []).append(box)
    if others and not by_image:
        refuse_categories(others, category, name)
    return by_image


def _check_boxes(images: Sequence[ImageBoxes], given: int, name: str) -> None:
    """Make sure that there is a box to look at; warn of those that cover nothing of their image."""
    kept = sum(len(image.boxes) for image in images)
    if not kept:
        raise DataError(f"{name}: no box of a person in it is on one of the {len(images)} images")
    if kept < given:
        logger.warning("%s: %d of %d boxes cover nothing of their image and are left out", name, given - kept, given)


def mpii_boxes(dataset: MpiiPeople, aspect: float, limit: int | None = None) -> list[ImageBoxes]:
    """Return the boxes that the centres and scales of MPII make, in the order of its people.

    People of one image that follow each other share an entry.

    Parameters
    ----------
    dataset
        The people.
    aspect
        Width by height of the crops.
    limit
        Only those of the first so many people.
    """
    images: list[ImageBoxes] = []
    for person in dataset.people[:limit]:
        box = mpii_box_of(person.center, person.scale, aspect)
        last = images[-1] if images else None
        if last is not None and last.path == person.path:
            images[-1] = replace(last, boxes=(*last.boxes, box), scores=(*last.scores, 1.0))
        else:
            images.append(ImageBoxes(person.path, person.size, person.image_id, (box,), (1.0,)))
    return images


def _records(dataset: CocoKeypoints, image_ids: Iterable[int] | None) -> list[ImageRecord]:
    chosen = None if image_ids is None else set(image_ids)
    records = [record for record in dataset.records if chosen is None or record.id in chosen]
    if not records:
        raise DataError(f"{dataset.annotation_file}: no images to evaluate")
    return records


def _image_boxes(
    record: ImageRecord, boxes: Iterable[tuple[Sequence[float], float]], aspect: float, enlarge: float
) -> ImageBoxes:
    size = (record.width, record.height)
    kept = []
    for bbox, score in boxes:
        try:
            kept.append((box_of(bbox, size, aspect, enlarge), score))
        except DataError:
            continue  # the box lies outside of the image
    return ImageBoxes(record.path, size, record.id, tuple(box for box, _ in kept), tuple(score for _, score in kept))
