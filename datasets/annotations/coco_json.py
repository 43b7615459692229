"""COCO keypoint annotations as any tool writes them, read and completed for training and evaluation alike."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...checks import whole_number
from ...errors import DataError, quote
from ...files import read_regular
from ...skeletons import COCO_17, Skeleton
from .categories import choose_category, first_count, joint_names, skeleton_by_count, skeleton_of
from .people_fields import PeopleFields, read_fields
from .people_table import PeopleTable

logger = logging.getLogger(__name__)

_WRONG = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError)
_LIMIT = 1 << 63  # ids have 64 bits


@dataclass(frozen=True)
class Annotations:
    """The images of an annotation file and the people in them.

    Attributes
    ----------
    name
        How messages call the file.
    images
        COCO's entries by ascending ``id``, which is a whole number and there once.
    people
        COCO's annotations of the category of people in the order of the file, complete but for their outlines.
    category
        COCO's entry of that category.
    joints
        The names of the K joints.
    fields
        The numbers of the people as arrays.
    remarks
        What was filled in and what is doubtful, a line each.
    named
        Whether the file itself names the joints.
    """

    name: str
    images: list[Mapping[str, Any]]
    people: list[Mapping[str, Any]]
    category: dict[str, Any]
    joints: tuple[str, ...]
    fields: PeopleFields
    remarks: tuple[str, ...]
    named: bool = True

    def content(self) -> dict[str, Any]:
        """Return what the JSON of a complete file would hold; the entries are those of this object."""
        return {"images": self.images, "annotations": self.people, "categories": [self.category]}


def read_annotations(
    source: str | Path | Mapping[str, Any],
    known: Sequence[Skeleton] = (),
    category: str = "",
    skip_unlisted: bool = False,
    name: str | Path = "",
) -> Annotations:
    """Read COCO keypoint annotations and fill in what they lack, see `read_fields`.

    Parameters
    ----------
    source
        The path of a JSON file, or what is in one, which is not written to.
    known
        The skeletons that the joints may be of; any, if there are none. Where the file does not name its joints, they
        are those of the first of these that has as many, else COCO's.
    category
        The name or id of the category of people; empty if it is to be found, see `choose_category`.
    skip_unlisted
        Whether annotations of images that are not listed are left out; else they are an error.
    name
        How messages call the source; by default what it is.

    Raises
    ------
    DataError
        If the file cannot be read or is not COCO's, or something in it is no number where one belongs.
    """
    name = str(name) or source_name(source)
    content = load_json(source)
    missing = [key for key in ("images", "annotations") if not isinstance(content, Mapping) or key not in content]
    if missing:
        raise DataError(f"{name}: no {missing[0]!r} in it; expected a COCO keypoint annotation file")
    try:
        return _read(content, name, known, category, skip_unlisted)
    except _WRONG as error:
        raise DataError(f"{name}: not the COCO keypoint format ({type(error).__name__}: {error!s:.100})") from None


def as_annotations(
    images: Sequence[Mapping[str, Any]], people: Sequence[Mapping[str, Any]], category: dict[str, Any], name: str
) -> Annotations:
    """Return annotations that were made of another format; errors as of `read_fields`.

    Parameters
    ----------
    images, people
        COCO's entries.
    category
        COCO's entry of their category, with the names of the joints.
    name
        How messages call the file that they come from.
    """
    joints = joint_names(category, name)
    ordered = sorted(images, key=lambda image: image["id"])
    fields = read_fields(PeopleTable(people, name), joints)
    return Annotations(name, ordered, list(people), category, joints, fields, ())


def _read(
    content: Mapping[str, Any], name: str, known: Sequence[Skeleton], wanted: str, skip_unlisted: bool
) -> Annotations:
    images = _images(content["images"], name)
    annotations = content["annotations"]
    if not isinstance(annotations, (list, tuple)):
        raise DataError(f"{name}: 'annotations' is {quote(annotations)}, expected a list")
    category, people, strays = choose_category(content, annotations, wanted, name)
    people, unlisted = _listed(people, {image["id"] for image in images}, name, skip_unlisted)
    joints = joint_names(category, name)
    taken_for = None if joints else _unnamed(people, known or (COCO_17,), name)
    if taken_for is not None:
        joints = taken_for.joints
        category["keypoints"] = list(joints)
    elif known:
        skeleton_of(joints, known, name)
    table = PeopleTable(people, name)
    table.whole_numbers("image_id")
    fields = read_fields(table, joints)
    for entry_place, owner in enumerate(table.column("category_id")):
        if type(owner) is not int:
            table.put(entry_place, "category_id", category["id"])
    remarks = list(table.remarks())
    if strays:
        remarks.append(f"{strays} annotations with keypoints are of no listed category: they are left out")
    if unlisted:
        remarks.append(f"{unlisted} annotations of images that are not listed are left out")
    if taken_for is not None and people:
        remarks.append(f"its category does not name the joints: they are taken for those of {taken_for.name}")
    people = table.complete_entries()
    return Annotations(name, images, people, category, joints, fields, tuple(remarks), taken_for is None)


def _unnamed(people: Sequence[Mapping[str, Any]], bodies: Sequence[Skeleton], name: str) -> Skeleton:
    """Return the body that joints without names are taken for: one that has as many."""
    count = first_count(people)
    return skeleton_by_count(count, bodies, name) if count else bodies[-1]


def _images(given: Any, name: str) -> list[Mapping[str, Any]]:
    """Return the entries of the images by their ids, which are whole numbers and there once."""
    if not isinstance(given, (list, tuple)):
        raise DataError(f"{name}: 'images' is {quote(given)}, expected a list")
    by_id: dict[int, Mapping[str, Any]] = {}
    for place, image in enumerate(given):
        if not isinstance(image, Mapping):
            raise DataError(f"{name}: image {place} of the list is {quote(image)}, expected an object")
        number = image.get("id")
        if type(number) is not int or abs(number) >= _LIMIT:
            try:
                number = whole_number(number)
            except ValueError as problem:
                raise DataError(f"{name}: the id of image {place} of the list: {problem}") from None
            image = {**image, "id": number}
        twin = by_id.setdefault(number, image)
        if twin is not image or len(by_id) <= place:
            both = [quote(each.get("file_name"), 60) for each in (twin, image)]
            raise DataError(f"{name}: the image id {number} is there twice: {both[0]} and {both[1]}")
    return [by_id[number] for number in sorted(by_id)]


def _listed(
    people: list[Mapping[str, Any]], known: set[int], name: str, skip: bool
) -> tuple[list[Mapping[str, Any]], int]:
    """Return the annotations whose images are listed, and how many others there are."""
    owners = PeopleTable(people, name).whole_numbers("image_id")
    strange = [owner for owner in owners if owner not in known]
    if strange and not skip:
        raise DataError(
            f"{name}: {len(strange)} of {len(people)} annotations are of images that are not listed, the first of "
            f"image {strange[0]}; --skip-unlisted, or data.skip_unlisted=True in the recipe, leaves them out"
        )
    if not strange:
        return people, 0
    return [entry for entry, owner in zip(people, owners) if owner in known], len(strange)


def source_name(source: object) -> str:
    """Return how messages call a file, or what was given in the place of one."""
    return str(source) if isinstance(source, (str, Path)) else "the given COCO data"


def load_json(source: Any) -> Any:
    """Return the content of a JSON file; what is no path is returned as it is.

    Raises
    ------
    DataError
        If the file cannot be read or is no JSON.
    """
    if not isinstance(source, (str, Path)):
        return source
    try:
        return json.loads(read_regular(source))
    except FileNotFoundError:
        raise DataError(f"{source}: no such file") from None
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: cannot be read as JSON ({error})") from None


def log_remarks(name: object, remarks: Sequence[str]) -> None:
    """Log what was found in an annotation file, a warning each."""
    for remark in remarks:
        logger.warning("%s: %s", name, remark)
