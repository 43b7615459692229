"""The images to evaluate on: whole, or with the boxes that people are sought in, annotated or of a detector."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import numpy as np

from ..datasets import CocoKeypoints, ImageRecord, MpiiPeople, PersonBox, box_of, mpii_box_of, read_image
from ..errors import DataError
from .results import box_value, read_each, read_entries, refuse_categories, score_value, whole_value
from .subsets import check_limit

logger = logging.getLogger(__name__)

_KEYS = ("image_id", "category_id", "bbox", "score")


@dataclass(frozen=True)
class Scene:
    """An image to find people in.

    Attributes
    ----------
    path
        The image.
    size
        Its height and width in pixels; None where the annotations do not say.
    image_id
        Its id.
    boxes
        What a top-down network crops, a person each; none for networks that take the whole image.
    scores
        How sure the detector was of each box; 1 for boxes that are annotated.
    rows
        Where the people of the image are in a data set that scores person by person.
    load
        Returns the bytes of an image that is no file of its own.
    """

    path: Path
    size: tuple[int, int] | None
    image_id: int
    boxes: tuple[PersonBox, ...] = ()
    scores: tuple[float, ...] = ()
    rows: tuple[int, ...] = ()
    load: Callable[[], bytes] | None = field(default=None, repr=False, compare=False)

    def read(self) -> np.ndarray:
        """Return the image (H, W, 3) as RGB; errors as of `cpm.datasets.read_image`."""
        return read_image(self.path, self.size, self.load)


def whole_images(dataset: CocoKeypoints, image_ids: Iterable[int] | None = None) -> list[Scene]:
    """Return images without boxes, by default all.

    Raises
    ------
    DataError
        If there are none, or an id is not in the data set.
    """
    return [_scene(record, []) for record in _records(dataset, image_ids)]


def annotated_boxes(
    dataset: CocoKeypoints, aspect: float, enlarge: float = 1.25, image_ids: Iterable[int] | None = None
) -> list[Scene]:
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
        If there is no box on these images, or an id is not in the data set.
    """
    images = []
    given = 0
    for record in _records(dataset, image_ids):
        people = [person.bbox for person in record.people if person.num_keypoints and not person.is_crowd]
        images.append(_scene(record, [(bbox, 1.0) for bbox in people], aspect, enlarge))
        given += len(people)
    _check_boxes(images, given, str(dataset.annotation_file))
    return images


def detected_boxes(
    dataset: CocoKeypoints,
    detections: str | Path,
    aspect: float,
    enlarge: float = 1.25,
    image_ids: Iterable[int] | None = None,
) -> list[Scene]:
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
    images = [_scene(record, by_image.get(record.id, []), aspect, enlarge) for record in _records(dataset, image_ids)]
    _check_boxes(images, sum(len(by_image.get(image.image_id, [])) for image in images), str(detections))
    return images


def _read_detections(path: str | Path, category: int) -> dict[int, list[tuple[Sequence[float], float]]]:
    """Return the boxes of people in a file of detections with their scores, by their images."""
    entries = read_entries(path, _KEYS, "COCO detections with image_id, category_id, bbox, score")
    by_image: dict[int, list[tuple[Sequence[float], float]]] = {}
    others: Counter[int] = Counter()

    def take(entry: Mapping[str, Any]) -> None:
        owner = whole_value(entry, "category_id")
        if owner == category:
            box = (box_value(entry), score_value(entry))
            by_image.setdefault(whole_value(entry, "image_id"), []).append(box)
        else:
            others[owner] += 1

    read_each(entries, take, str(path))
    if others and not by_image:
        refuse_categories(others, category, str(path))
    return by_image


def _check_boxes(images: Sequence[Scene], given: int, name: str) -> None:
    """Make sure that there is a box to look at; warn of those that cover nothing of their image."""
    kept = sum(len(image.boxes) for image in images)
    if not kept:
        raise DataError(f"{name}: no box of a person in it is on one of the {len(images)} images")
    if kept < given:
        logger.warning("%s: %d of %d boxes cover nothing of their image and are left out", name, given - kept, given)


def mpii_images(dataset: MpiiPeople, aspect: float | None = None, limit: int | None = None) -> list[Scene]:
    """Return the images of MPII's people, in the order of their first ones.

    Parameters
    ----------
    dataset
        The people.
    aspect
        Width by height of the crops, whose boxes the centres and scales of MPII make; None asks for no boxes.
    limit
        Only the images of the first so many people, and these people in them.

    Raises
    ------
    ConfigError
        If the limit is not positive.
    """
    check_limit(limit)
    rows: dict[Path, list[int]] = {}
    for row, person in enumerate(dataset.people[:limit]):
        rows.setdefault(person.path, []).append(row)
    scenes = []
    for path, of_image in rows.items():
        people = [dataset.people[row] for row in of_image]
        boxes = () if aspect is None else tuple(mpii_box_of(each.center, each.scale, aspect) for each in people)
        scores = (1.0,) * len(boxes)
        scenes.append(Scene(path, people[0].size, people[0].image_id, boxes, scores, tuple(of_image)))
    return scenes


def _records(dataset: CocoKeypoints, image_ids: Iterable[int] | None) -> list[ImageRecord]:
    """Return the records of the ids in their order."""
    by_id = {record.id: record for record in dataset.records}
    ids = list(by_id) if image_ids is None else list(dict.fromkeys(image_ids))
    unknown = [image_id for image_id in ids if image_id not in by_id]
    if unknown:
        raise DataError(f"{dataset.annotation_file}: no image {unknown[0]} in it ({len(unknown)} of {len(ids)} ids)")
    if not ids:
        raise DataError(f"{dataset.annotation_file}: no images to evaluate")
    return [by_id[image_id] for image_id in ids]


def _scene(
    record: ImageRecord, boxes: Iterable[tuple[Sequence[float], float]], aspect: float = 1.0, enlarge: float = 1.0
) -> Scene:
    kept = []
    for bbox, score in boxes:
        try:
            kept.append((box_of(bbox, record.size, aspect, enlarge), score))
        except DataError:
            continue  # the box lies outside of the image
    cropped = tuple(box for box, _ in kept)
    scores = tuple(score for _, score in kept)
    return Scene(record.path, record.size, record.id, cropped, scores, load=record.load)
