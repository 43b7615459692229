"""Find people in pictures of any kind, and write down and draw who was found."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import Any, Callable

import numpy as np
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ..datasets import list_images, name_some, read_image
from ..draw import contact_sheet, draw_people, save_image
from ..errors import ConfigError, DataError
from ..files import write_json
from ..outputs import Contents, OutputFolder
from ..person import Person
from ..skeletons import Skeleton
from .formats import FORMATS, Photo
from .selection import Selection

logger = logging.getLogger(__name__)

_FILES = ("people.jpg", "pictures/**/*", "coco.json", "people.csv", "openpose/**/*.json", "labels/**/*.txt")
PREDICTION = Contents("people.json", _FILES, listed=True)

_SHEET = 12  # pictures on people.jpg
_REASONS = 5  # that are listed; people.json has all of them
_DRAWN_AS = (".jpg", ".jpeg", ".png")  # other pictures are drawn as JPEG

Finder = Callable[[Path, np.ndarray], Sequence[Person]]


@dataclass(frozen=True)
class Predictions:
    """What was found in pictures.

    Attributes
    ----------
    photos
        The pictures that were read, with their people.
    skipped
        Why each of the others was not read or searched.
    """

    photos: Sequence[Photo]
    skipped: Mapping[Path, str]

    def check(self) -> None:
        """Warn of the pictures that were skipped; if all were, raise a `DataError`."""
        reasons = list(self.skipped.values())
        listed = reasons[:_REASONS]
        if len(reasons) > _REASONS:
            listed.append(f"and {len(reasons) - _REASONS} more")
        if not self.photos:
            raise DataError(f"none of the {len(reasons)} pictures can be read: {'; '.join(listed)}")
        for reason in listed:
            logger.warning("skipped: %s", reason)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it for a JSON file."""
        return {
            "images": [_entry(photo) for photo in self.photos],
            "skipped": {str(path): reason for path, reason in self.skipped.items()},
        }

    def __str__(self) -> str:
        """Return in a line how many people and pictures there are, and which pictures are missing."""
        people = sum(len(photo.people) for photo in self.photos)
        pictures = len(self.photos)
        text = f"{people} {'person' if people == 1 else 'people'} in {pictures} picture{'s' * (pictures != 1)}"
        if not self.skipped:
            return text
        return f"{text}; {len(self.skipped)} not read: {name_some(list(self.skipped))}"


@dataclass(frozen=True)
class Delivery:
    """What is made of the people that are found in pictures.

    Attributes
    ----------
    select
        Whom of them counts.
    formats
        Names of `FORMATS` that are written beside ``people.json``.
    draw
        Whether there are pictures with their skeletons.
    notes
        What else to write into ``people.json``: the network, the pictures asked for and all options.

    Raises
    ------
    ConfigError
        If a format is unknown.
    """

    select: Selection = field(default_factory=Selection)
    formats: Sequence[str] = ()
    draw: bool = True
    notes: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.formats if name not in FORMATS]
        if unknown:
            raise ConfigError(f"format {unknown[0]!r} is unknown, expected one of {', '.join(FORMATS)}")


def list_pictures(places: Sequence[str | Path], without: Path | None = None) -> dict[Path, str]:
    """Return the pictures that are meant by files and folders, each with the name of its drawing.

    That is its own name, in a folder its own path; numbers keep apart what is called alike in several places.

    Parameters
    ----------
    places
        Files, or folders, which are searched with all folders in them.
    without
        A folder that is not searched.

    Raises
    ------
    DataError
        If one is not there or a folder has no pictures.
    """
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for place in map(Path, places):
        for path in list_images(place, without):
            if path in names:
                continue
            name = path.relative_to(place) if place.is_dir() else Path(path.name)
            if name.suffix.lower() not in _DRAWN_AS:
                name = name.with_name(f"{name.name}.jpg")
            numbered = (str(name.with_stem(f"{name.stem}-{number}")) for number in count(2))
            names[path] = next(each for each in chain([str(name)], numbered) if each not in taken)
            taken.add(names[path])
    return names


def predict_files(
    find: Finder,
    pictures: Mapping[Path, str],
    skeleton: Skeleton,
    output: str | Path | OutputFolder,
    delivery: Delivery | None = None,
    progress: bool = True,
) -> Predictions:
    """Find the people in pictures; a picture that cannot be read or searched is left out, and named at the end.

    Parameters
    ----------
    find
        Called with the path and the image (H, W, 3) RGB uint8, returns the people.
    pictures
        The pictures with the names of their drawings, see `list_pictures`.
    skeleton
        Their K joints.
    output
        A folder for ``people.json``, a picture with skeletons for each, and a sheet of the first, ``people.jpg``,
        written at the end. One with people found with other notes is refused; an `OutputFolder` may say otherwise.
    delivery
        Who counts, and what else is written.
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
    delivery = delivery or Delivery()
    notes = dict(delivery.notes or {})
    folder = output if isinstance(output, OutputFolder) else OutputFolder(output)
    photos: list[Photo] = []
    skipped: dict[Path, str] = {}
    sheet: list[np.ndarray] = []
    with folder.writing(PREDICTION, notes) as draft:
        _check_places(pictures, folder.path)
        stems = _stems(pictures.values())
        for path, image, everybody in _find_each(find, pictures, skipped, progress):
            name = pictures[path]
            people = delivery.select(everybody)
            photos.append(Photo(path, name, stems[name], (image.shape[0], image.shape[1]), people))
            if delivery.draw:
                picture = draw_people(image, people, skeleton)
                save_image(draft.folder / "pictures" / name, picture)
                sheet += [picture] if len(sheet) < _SHEET else []
        predictions = Predictions(photos, skipped)
        predictions.check()
        if sheet:
            save_image(draft.folder / "people.jpg", contact_sheet(sheet, columns=min(4, len(sheet)), height=240))
        for name in delivery.formats:
            FORMATS[name](draft.folder, photos, skeleton)
        content = {**notes, "joints": list(skeleton.joints), **predictions.as_dict(), "files": draft.files}
        write_json(draft.folder / PREDICTION.report, content)
        draft.publish()
    return predictions


def _find_each(
    find: Finder, paths: Iterable[Path], skipped: dict[Path, str], progress: bool
) -> Iterator[tuple[Path, np.ndarray, list[Person]]]:
    """Yield each picture that can be read and searched with its people; note why others are skipped."""
    hidden = None if progress else True  # None hides it where there is no terminal
    with logging_redirect_tqdm():
        for path in tqdm(list(paths), unit="image", disable=hidden):
            try:
                image = read_image(path)
                people = list(find(path, image))
            except DataError as error:
                skipped[path] = str(error).replace("\n", "\\n")  # which names of files may hold
                continue
            yield path, image, people


def _check_places(paths: Iterable[Path], output: Path) -> None:
    """Make sure that no picture lies where drawings go, which would take its place."""
    sheet = (output / "people.jpg").resolve()
    drawings = (output / "pictures").resolve()
    for path in map(Path.resolve, paths):
        if path == sheet or drawings in path.parents:
            raise ConfigError(f"{path}: lies in the output folder {output}, where drawings go; choose another --output")


def _stems(names: Iterable[str]) -> dict[str, str]:
    """Return what each of the names is without its suffix; a second a.png beside a.jpg keeps its own."""
    stems: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        short = str(Path(name).with_suffix(""))
        stems[name] = name if short in taken else short
        taken.add(stems[name])
    return stems


def _entry(photo: Photo) -> dict[str, Any]:
    height, width = photo.size
    people = [
        {
            "score": round(person.score, 5),
            "bbox": [round(side, 3) for side in person.bbox],
            "keypoints": np.asarray(person.keypoints, float).round(3).tolist(),  # x, y, score of each joint
        }
        for person in photo.people
    ]
    return {"image": str(photo.path), "width": width, "height": height, "people": people}
