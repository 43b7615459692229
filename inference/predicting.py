"""Find people in pictures of any kind, and write down and draw who was found."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import numpy as np
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ..datasets import PersonBox, box_of, read_image
from ..draw import contact_sheet, draw_people, save_image
from ..errors import ConfigError, DataError
from ..files import write_json
from ..person import Person
from ..skeletons import Skeleton
from .detector import PersonDetector

logger = logging.getLogger(__name__)

_SHEET = 12  # pictures on people.jpg

Finder = Callable[[Path, np.ndarray], Sequence[Person]]
Boxes = Callable[[Path, np.ndarray, float], list[PersonBox]]


def whole_image(path: Path, image: np.ndarray, aspect: float) -> list[PersonBox]:
    """Return one box that holds the image, as `predict_files` asks for boxes."""
    height, width = image.shape[:2]
    return [box_of((0, 0, width, height), (width, height), aspect, enlarge=1.0)]


def given_boxes(file: str | Path, enlarge: float = 1.25) -> Boxes:
    """Return what looks up the boxes of an image in a file.

    Parameters
    ----------
    file
        JSON: an object of lists of boxes ``[left, top, width, height]`` in pixels, by the names of the images.
    enlarge
        By how much the boxes grow.

    Raises
    ------
    DataError
        If the file is missing or something else.
    """
    try:
        content = json.loads(Path(file).read_bytes())
        boxes = {name: [[float(side) for side in box] for box in each] for name, each in content.items()}
    except OSError as error:
        raise DataError(f"{file}: {error.strerror}, expected the boxes of people") from None
    except (AttributeError, OverflowError, RecursionError, TypeError, ValueError):
        raise DataError(f'{file}: expected JSON such as {{"photo.jpg": [[left, top, width, height], ...]}}') from None

    def look_up(path: Path, image: np.ndarray, aspect: float) -> list[PersonBox]:
        if path.name not in boxes:
            raise DataError(f"{file}: no entry {path.name!r} in it")
        size = (image.shape[1], image.shape[0])
        return [box_of(box, size, aspect, enlarge) for box in boxes[path.name]]

    return look_up


def detected_people(detector: PersonDetector, enlarge: float = 1.25) -> Boxes:
    """Return what finds the boxes of an image with a detector."""

    def detect(path: Path, image: np.ndarray, aspect: float) -> list[PersonBox]:
        size = (image.shape[1], image.shape[0])
        boxes = []
        for box, _ in detector(image):
            try:
                boxes.append(box_of(box, size, aspect, enlarge))
            except DataError:
                continue  # outside of the image
        return boxes

    return detect


def predict_files(
    find: Finder,
    paths: Sequence[Path],
    skeleton: Skeleton,
    output: str | Path,
    visible: float = 0.0,
    notes: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> list[list[Person]]:
    """Find the people in pictures; a picture that cannot be read is warned of and left out.

    Parameters
    ----------
    find
        Called with the path and the image (H, W, 3) RGB uint8, returns the people.
    paths
        The pictures.
    skeleton
        Their K joints.
    output
        A folder for ``people.json``, a picture with skeletons for each, and a sheet of the first, ``people.jpg``.
    visible
        Joints of a lower score are not drawn.
    notes
        What else to write into ``people.json``, e.g. the network.
    progress
        Whether to show a progress bar.

    Returns
    -------
    list
        The people of each picture, none of one that could not be read.

    Raises
    ------
    DataError
        If not one picture can be read, or `find` says so.
    ConfigError
        If two pictures have the same name, or the output is not a folder.
    """
    output = Path(output)
    drawn = [output / "pictures" / f"{path.stem}.jpg" for path in paths]
    if len(set(drawn)) < len(drawn):
        twice = next(path for path in drawn if drawn.count(path) > 1)
        raise ConfigError(f"two pictures are named {twice.stem!r}; predict them into different folders")
    if output.exists() and not output.is_dir():
        raise ConfigError(f"{output}: a file, expected a folder for the output")
    found: list[list[Person]] = []
    entries: list[dict[str, Any]] = []
    sheet: list[np.ndarray] = []
    with logging_redirect_tqdm():
        for path, target in tqdm(list(zip(paths, drawn)), unit="image", disable=not progress):
            try:
                image = read_image(path)
            except DataError as error:
                logger.warning("skipped: %s", error)
                found.append([])
                continue
            people = list(find(path, image))
            picture = draw_people(image, [visible_part(person, visible) for person in people], skeleton)
            save_image(target, picture)
            if len(sheet) < _SHEET:
                sheet.append(picture)
            found.append(people)
            entries.append({"image": str(path), "people": [_entry(person) for person in people]})
    if not entries:
        raise DataError(f"none of the {len(paths)} pictures can be read")
    content = {**(notes or {}), "joints": list(skeleton.joints), "images": entries}
    write_json(output / "people.json", content)
    save_image(output / "people.jpg", contact_sheet(sheet, columns=min(4, len(sheet)), height=240))
    return found


def visible_part(person: Person, least: float) -> Person:
    """Return a person without the joints of a lower score."""
    keypoints = person.keypoints.copy()
    keypoints[keypoints[:, 2] < least] = 0
    return replace(person, keypoints=keypoints)


def _entry(person: Person) -> dict[str, Any]:
    keypoints = np.asarray(person.keypoints, float).round(3).tolist()
    return {"score": round(person.score, 5), "keypoints": keypoints}  # x, y, score of each joint
