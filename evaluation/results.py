"""COCO keypoint results: of people, and as they are found in files, checked since pycocotools checks nothing."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Callable, NoReturn, TypeVar

import numpy as np

from ..checks import FARTHEST, real_number, whole_number
from ..datasets.annotations.coco_json import load_json, source_name
from ..datasets.annotations.people_fields import box_numbers, box_problem, is_missing, joint_numbers
from ..datasets.annotations.people_table import entry_error
from ..errors import DataError
from ..person import Person
from ..skeletons import COCO_17, Skeleton, convert

logger = logging.getLogger(__name__)

Found = TypeVar("Found")

_KEYS = ("image_id", "category_id", "keypoints", "score")


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
        x, y and the score of the joint, at which COCO's score does not look; 0, 0, 0 for a joint that was not found)
        and ``score``.
    """
    results = []
    for person in people:
        keypoints = convert(person.keypoints[None], skeleton, target)[0].astype(float)
        found = keypoints[:, 2] > 0
        if not found.any():
            continue
        keypoints[:, :2] = keypoints[:, :2].round(3)
        keypoints[:, 2] = np.maximum(keypoints[:, 2].round(5), 1e-5)  # 0 would say that it was not found
        keypoints[~found] = 0
        results.append(
            {
                "image_id": int(image_id),
                "category_id": int(category_id),
                "keypoints": keypoints.reshape(-1).tolist(),
                "score": float(person.score),
            }
        )
    return results


def read_results(
    source: str | Path | Sequence[Mapping[str, Any]], skeleton: Skeleton, category: int
) -> list[dict[str, Any]]:
    """Return COCO keypoint results of people with ``image_id``, ``category_id``, ``keypoints`` and ``score``.

    They have ``bbox`` too if all of them were given one.

    Parameters
    ----------
    source
        The results, which are not written to, or the path of a JSON file of them.
    skeleton
        Their joints.
    category
        That of people in the truth; other results are left out, with a warning.

    Raises
    ------
    DataError
        If the file cannot be read, something in it is no number or not finite, or there are results but none of people.
    """
    name = source_name(source)
    content = read_entries(source, _KEYS, "COCO keypoint results")
    results = read_each(content, lambda entry: _read(entry, skeleton), name)
    people = [result for result in results if result["category_id"] == category]
    if len(people) < len(results):
        others = Counter(result["category_id"] for result in results if result["category_id"] != category)
        if not people:
            refuse_categories(others, category, name)
        logger.warning("%s: %d results are not of the category %d of people", name, sum(others.values()), category)
    if not all("bbox" in result for result in people):
        for result in people:  # pycocotools goes by the first of them
            result.pop("bbox", None)
    return people


def read_entries(source: Any, keys: Sequence[str], what: str) -> list[Mapping[str, Any]]:
    """Return a list of objects that have some keys, of a JSON file or as it is given.

    Raises
    ------
    DataError
        If it is something else.
    """
    name = source_name(source)
    content = load_json(source)
    if not isinstance(content, (list, tuple)):
        raise DataError(f"{name}: {type(content).__name__} found, expected a list of {what}")
    for place, entry in enumerate(content):
        missing = [key for key in keys if not isinstance(entry, Mapping) or key not in entry]
        if missing:
            raise DataError(f"{name}: entry {place} has no {missing[0]!r}, expected {what}")
    return list(content)


def refuse_categories(others: Mapping[int, int], category: int, name: str) -> NoReturn:
    """Raise the error of a file that has nothing but other categories, counted, than that of people in the truth."""
    found = ", ".join(f"{number} ({times} times)" for number, times in list(others.items())[:5])
    raise DataError(f"{name}: nothing in it is of the category {category} of people in the truth; it has {found}")


def read_each(
    entries: Iterable[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], Found], name: str
) -> list[Found]:
    """Return what is read from each entry; a `ValueError` becomes the `DataError` that names file and entry."""
    found = []
    for place, entry in enumerate(entries):
        try:
            found.append(read(entry))
        except ValueError as problem:
            raise entry_error(name, entry, place, str(problem)) from None
    return found


def whole_value(entry: Mapping[str, Any], key: str) -> int:
    """Return a whole number of an entry, or raise a `ValueError`."""
    return _value(entry, key, whole_number)


def score_value(entry: Mapping[str, Any]) -> float:
    """Return the finite score of an entry, or raise a `ValueError`."""
    score = _value(entry, "score", real_number)
    if not np.isfinite(score):
        raise ValueError(f"score {score}, expected a finite number")
    return score


def box_value(entry: Mapping[str, Any]) -> list[float]:
    """Return the finite box of an entry, whose sides are not below 0, or raise a `ValueError`."""
    box = box_numbers(entry["bbox"])
    if not (np.abs(box) <= FARTHEST).all() or min(box[2:]) < 0:
        raise ValueError(box_problem(box))
    return box


def _value(entry: Mapping[str, Any], key: str, convert: Callable[[Any], Found]) -> Found:
    try:
        return convert(entry[key])
    except ValueError as problem:
        raise ValueError(f"{key}: {problem}") from None


def _read(entry: Mapping[str, Any], skeleton: Skeleton) -> dict[str, Any]:
    result = {
        "keypoints": _joint_values(entry, skeleton),
        "image_id": whole_value(entry, "image_id"),
        "category_id": whole_value(entry, "category_id"),
        "score": score_value(entry),
    }
    if not is_missing(entry.get("bbox")):
        result["bbox"] = box_value(entry)
    return result


def _joint_values(entry: Mapping[str, Any], skeleton: Skeleton) -> list[float]:
    try:
        numbers = joint_numbers(entry["keypoints"], skeleton.num_joints)
    except ValueError as problem:
        raise ValueError(f"{problem} of {skeleton.name}") from None
    keypoints = np.reshape(numbers, (-1, 3))
    wrong = np.flatnonzero(~(np.abs(keypoints) <= FARTHEST).all(axis=1))
    if len(wrong):
        joint = int(wrong[0])
        found = ", ".join(f"{value:g}" for value in keypoints[joint])
        raise ValueError(f"{skeleton.joints[joint]} is ({found}), expected finite numbers")
    return numbers
