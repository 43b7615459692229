"""Find people in pictures of any kind, and write down and draw who was found."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Any, Callable

import numpy as np
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ..datasets import name_some, read_image
from ..draw import contact_sheet, draw_people, save_image
from ..errors import ConfigError, DataError
from ..files import write_json
from ..outputs import Contents, OutputFolder
from ..person import Person
from ..skeletons import Skeleton

logger = logging.getLogger(__name__)

PREDICTION = Contents("people.json", ("people.jpg", "pictures/*"), listed=True)

_SHEET = 12  # pictures on people.jpg
_REASONS = 5  # that are listed; people.json has all of them

Finder = Callable[[Path, np.ndarray], Sequence[Person]]


@dataclass(frozen=True)
class Predictions:
    """What was found in pictures.

    Attributes
    ----------
    people
        The people of every picture that was read.
    skipped
        Why each of the others was not read or searched.
    """

    people: Mapping[Path, list[Person]]
    skipped: Mapping[Path, str]

    def check(self) -> None:
        """Warn of the pictures that were skipped; if all were, raise a `DataError`."""
        reasons = list(self.skipped.values())
        listed = reasons[:_REASONS]
        if len(reasons) > _REASONS:
            listed.append(f"and {len(reasons) - _REASONS} more")
        if not self.people:
            raise DataError(f"none of the {len(reasons)} pictures can be read: {'; '.join(listed)}")
        for reason in listed:
            logger.warning("skipped: %s", reason)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it for a JSON file."""
        images = [
            {"image": str(path), "people": [_entry(person) for person in people]}
            for path, people in self.people.items()
        ]
        return {"images": images, "skipped": {str(path): reason for path, reason in self.skipped.items()}}

    def __str__(self) -> str:
        """Return in a line how many people and pictures there are, and which pictures are missing."""
        text = f"{sum(map(len, self.people.values()))} people in {len(self.people)} pictures"
        if not self.skipped:
            return text
        return f"{text}; {len(self.skipped)} not read: {name_some(list(self.skipped))}"


def predict_files(
    find: Finder,
    paths: Sequence[Path],
    skeleton: Skeleton,
    output: str | Path | OutputFolder,
    visible: float = 0.0,
    notes: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Predictions:
    """Find the people in pictures; a picture that cannot be read or searched is left out, and named at the end.

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
        Whether to show a progress bar on a terminal.

    Returns
    -------
    Predictions
        The people of the pictures that were read, and why others were not.

    Raises
    ------
    DataError
        If not one picture can be read.
    ConfigError
        If the output is not a folder to write these results to, or a picture lies where drawings go.
    """
    notes = dict(notes or {})
    paths = list(dict.fromkeys(paths))
    folder = output if isinstance(output, OutputFolder) else OutputFolder(output)
    found: dict[Path, list[Person]] = {}
    skipped: dict[Path, str] = {}
    sheet: list[np.ndarray] = []
    with folder.writing(PREDICTION, notes) as draft:
        _check_places(paths, folder.path)
        names = dict(zip(paths, _drawn_names(paths)))
        for path, image, people in _find_each(find, paths, skipped, progress):
            found[path] = people
            picture = draw_people(image, [visible_part(person, visible) for person in people], skeleton)
            save_image(draft.folder / "pictures" / names[path], picture)
            if len(sheet) < _SHEET:
                sheet.append(picture)
        predictions = Predictions(found, skipped)
        predictions.check()
        save_image(draft.folder / "people.jpg", contact_sheet(sheet, columns=min(4, len(sheet)), height=240))
        content = {**notes, "joints": list(skeleton.joints), **predictions.as_dict(), "files": draft.files}
        write_json(draft.folder / PREDICTION.report, content)
        draft.publish()
    return predictions


def _find_each(
    find: Finder, paths: Sequence[Path], skipped: dict[Path, str], progress: bool
) -> Iterator[tuple[Path, np.ndarray, list[Person]]]:
    """Yield each picture that can be read and searched with its people; note why others are skipped."""
    hidden = None if progress else True  # None hides it where there is no terminal
    with logging_redirect_tqdm():
        for path in tqdm(paths, unit="image", disable=hidden):
            try:
                image = read_image(path)
                people = list(find(path, image))
            except DataError as error:
                skipped[path] = str(error).replace("\n", "\\n")  # which names of files may hold
                continue
            yield path, image, people


def _check_places(paths: Sequence[Path], output: Path) -> None:
    """Make sure that no picture lies where drawings go, which would take its place."""
    sheet = (output / "people.jpg").resolve()
    drawings = (output / "pictures").resolve()
    for path in map(Path.resolve, paths):
        if path == sheet or path.parent == drawings:
            raise ConfigError(f"{path}: lies in the output folder {output}, where drawings go; choose another --output")


def visible_part(person: Person, least: float) -> Person:
    """Return a person without the joints of a lower score."""
    keypoints = person.keypoints.copy()
    keypoints[keypoints[:, 2] < least] = 0
    return replace(person, keypoints=keypoints)


def _drawn_names(paths: Sequence[Path]) -> list[str]:
    """Return names for drawn pictures: suffixes keep a.png apart from a.jpg, numbers the same names of two folders."""
    names: dict[str, None] = {}
    for path in paths:
        stem = path.stem if path.suffix.lower() == ".jpg" else path.name
        numbered = (f"{stem}-{number}.jpg" for number in count(2))
        names[next(name for name in chain([f"{stem}.jpg"], numbered) if name not in names)] = None
    return list(names)


def _entry(person: Person) -> dict[str, Any]:
    keypoints = np.asarray(person.keypoints, float).round(3).tolist()
    return {"score": round(person.score, 5), "keypoints": keypoints}  # x, y, score of each joint
