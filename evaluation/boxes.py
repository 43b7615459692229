"""The boxes that a top-down network looks for people in: those of the annotations, or those of a detector."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..datasets import CocoKeypoints, ImageRecord, MpiiPeople, PersonBox, box_of, mpii_box_of
from ..errors import DataError


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
    """
    images = []
    for record in _records(dataset, image_ids):
        people = [person.bbox for person in record.people if person.num_keypoints and not person.is_crowd]
        images.append(_image_boxes(record, [(bbox, 1.0) for bbox in people], aspect, enlarge))
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
        If the file is missing or something else, or has no box on these images.
    """
    by_image: dict[int, list[tuple[Sequence[float], float]]] = {}
    try:
        for entry in json.loads(Path(detections).read_bytes()):
            if entry["category_id"] == dataset.category_id:
                bbox, score = [float(value) for value in entry["bbox"]], float(entry["score"])
                if len(bbox) != 4 or not np.isfinite([*bbox, score]).all():
                    raise ValueError(f"box {bbox} with score {score}")
                by_image.setdefault(int(entry["image_id"]), []).append((bbox, score))
    except OSError as error:
        raise DataError(f"{detections}: {error.strerror}, expected the boxes of a person detector") from None
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise DataError(
            f"{detections}: not a list of COCO detections with image_id, category_id, bbox and score ({error!r})"
        ) from None
    images = [
        _image_boxes(record, by_image.get(record.id, []), aspect, enlarge) for record in _records(dataset, image_ids)
    ]
    if not any(image.boxes for image in images):
        raise DataError(f"{detections}: no box of a person in it is on one of the {len(images)} images")
    return images


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
