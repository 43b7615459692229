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
from ..errors import ConfigError, DataError, quote
from ..files import write_json
from ..outputs import Contents, OutputFolder
from ..person import Person
from ..skeletons import Skeleton
from .detector import PersonDetector

logger = logging.getLogger(__name__)

PREDICTION = Contents("people.json", ("people.jpg", "pictures/*"), listed=True)

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
    except (AttributeError, RecursionError, TypeError, ValueError):
        raise DataError(f'{file}: expected JSON such as {{"photo.jpg": [[left, top, width, height], ...]}}') from None

    def look_up(path: Path, image: np.ndarray, aspect: float) -> list[PersonBox]:
        if path.name not in boxes:
            raise DataError(f"{file}: no entry {quote(path.name)} in it")
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
    output: str | Path | OutputFolder,
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
        A folder for ``people.json``, a picture with skeletons for each, and a sheet of the first, ``people.jpg``,
        written at the end. One with people found with other notes is refused; an `OutputFolder` may say otherwise.
    visible
        Joints of a lower score are not drawn.
    notes
        What else to write into ``people.json``: the network, the pictures asked for and all options.
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
        If two pictures have the same name, or the output is not a folder to write these results to.
    """
    drawn = [f"{path.stem}.jpg" for path in paths]
    if len(set(drawn)) < len(drawn):
        twice = next(name for name in drawn if drawn.count(name) > 1)
        raise ConfigError(f"two pictures are named {quote(Path(twice).stem)}; predict them into different folders")
    notes = dict(notes or {})
    found: list[list[Person]] = []
    entries: list[dict[str, Any]] = []
    sheet: list[np.ndarray] = []
    folder = output if isinstance(output, OutputFolder) else OutputFolder(output)
    with folder.writing(PREDICTION, notes) as draft, logging_redirect_tqdm():
        _check_places(paths, folder.path)
        for path, name in tqdm(list(zip(paths, drawn)), unit="image", disable=not progress):
            try:
                image = read_image(path)
            except DataError as error:
                logger.warning("skipped: %s", error)
                found.append([])
                continue
            people = list(find(path, image))
            picture = draw_people(image, [visible_part(person, visible) for person in people], skeleton)
            save_image(draft.folder / "pictures" / name, picture)
            if len(sheet) < _SHEET:
                sheet.append(picture)
            found.append(people)
            entries.append({"image": str(path), "people": [_entry(person) for person in people]})
        if not entries:
            raise DataError(f"none of the {len(paths)} pictures can be read")
        save_image(draft.folder / "people.jpg", contact_sheet(sheet, columns=min(4, len(sheet)), height=240))
        content = {**notes, "joints": list(skeleton.joints), "images": entries, "files": draft.files}
        write_json(draft.folder / PREDICTION.report, content)
        draft.publish()
    return found


def _check_places(paths: Sequence[Path], output: Path) -> None:
    """Make sure that no picture lies where drawings go, which would take its place."""
    sheet, drawings = (output / "people.jpg").resolve(), (output / "pictures").resolve()
    for path in map(Path.resolve, paths):
        if path == sheet or path.parent == drawings:
            raise ConfigError(f"{path}: lies in the output folder {output}, where drawings go; choose another --output")


def visible_part(person: Person, least: float) -> Person:
    """Return a person without the joints of a lower score."""
    keypoints = person.keypoints.copy()
    keypoints[keypoints[:, 2] < least] = 0
    return replace(person, keypoints=keypoints)


def _entry(person: Person) -> dict[str, Any]:
    keypoints = np.asarray(person.keypoints, float).round(3).tolist()
    return {"score": round(person.score, 5), "keypoints": keypoints}  # x, y, score of each joint
