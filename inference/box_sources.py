"""Where the boxes of the people in a picture come from, for top-down networks."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import numpy as np

from ..datasets import PersonBox, box_of
from ..errors import DataError, quote

if TYPE_CHECKING:
    from .detector import PersonDetector

logger = logging.getLogger(__name__)

# Called with the file, the image, the width by height of crops and by how much boxes grow.
Boxes = Callable[[Path, np.ndarray, float, float], list[PersonBox]]


def whole_image(path: Path, image: np.ndarray, aspect: float, enlarge: float) -> list[PersonBox]:
    """Return one box that holds the image, as `predict_files` asks for boxes."""
    height, width = image.shape[:2]
    return [box_of((0, 0, width, height), (height, width), aspect, enlarge=1.0)]


def given_boxes(file: str | Path) -> Boxes:
    """Return what looks up the boxes of an image in a file; bad ones are left out with a warning that counts them.

    Parameters
    ----------
    file
        JSON: an object of lists of boxes ``[left, top, width, height]`` in pixels, by the names of the images.

    Raises
    ------
    DataError
        If the file is missing or something else.
    """
    try:
        content = json.loads(Path(file).read_bytes())
    except OSError as error:
        raise DataError(f"{file}: {error.strerror}, expected the boxes of people") from None
    except (RecursionError, ValueError):
        content = None
    if not isinstance(content, dict) or not all(isinstance(boxes, list) for boxes in content.values()):
        raise DataError(f'{file}: expected JSON such as {{"photo.jpg": [[left, top, width, height], ...]}}')

    def look_up(path: Path, image: np.ndarray, aspect: float, enlarge: float) -> list[PersonBox]:
        if path.name not in content:
            raise DataError(f"{file}: no entry {path.name!r} in it")
        boxes = []
        problems = []
        for box in content[path.name]:
            try:
                boxes.append(box_of(_numbers(box), image.shape[:2], aspect, enlarge))
            except DataError as error:
                problems.append(str(error))
        if problems:
            how_many = f"{len(problems)} of {len(content[path.name])} boxes"
            logger.warning("%s: %s of %r left out: %s", file, how_many, path.name, problems[0])
        return boxes

    return look_up


def detected_people(detector: PersonDetector) -> Boxes:
    """Return what finds the boxes of an image with a detector."""

    def detect(path: Path, image: np.ndarray, aspect: float, enlarge: float) -> list[PersonBox]:
        boxes = []
        for box, _ in detector(image):
            try:
                boxes.append(box_of(box, image.shape[:2], aspect, enlarge))
            except DataError:
                continue  # outside of the image
        return boxes

    return detect


def _numbers(box: Any) -> list[float]:
    try:
        left, top, width, height = map(float, box)
    except (OverflowError, TypeError, ValueError):
        raise DataError(f"box {quote(box)}, expected left, top, width and height in pixels") from None
    return [left, top, width, height]
