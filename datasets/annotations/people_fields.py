"""What COCO's annotations of people must have, read from what they do have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...checks import FARTHEST, real_number, whole_number
from .people_table import PeopleTable


@dataclass(frozen=True)
class PeopleFields:
    """The numbers of P people with K joints.

    Attributes
    ----------
    keypoints
        (P, K, 3) float64: x, y in pixels and visibility; zeros where there are none.
    boxes
        (P, 4) float64: left, top, width and height in pixels, none of them below 0.
    areas
        (P,) float64 in square pixels.
    crowds
        (P,) bool.
    """

    keypoints: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray
    crowds: np.ndarray


def read_fields(table: PeopleTable, joints: Sequence[str]) -> PeopleFields:
    """Read the annotations of people, and fill in what they lack.

    Joints that are missing, null or an empty list are unlabelled; a missing box spans the joints; a missing area, or
    one of 0, is that of the box; ``iscrowd`` is 0; ``num_keypoints`` is counted, whatever was given; ids that are
    missing, repeated or not above 0 are numbered anew, all of them, as pycocotools takes them for marks of matches.

    Parameters
    ----------
    table
        The annotations, into which everything is put that was read or filled in.
    joints
        The names of the K joints.

    Raises
    ------
    DataError
        If something is no number or not finite, or a size is below 0; it names the person and the joint.
    """
    keypoints = _keypoints(table, joints)
    labelled = np.count_nonzero(keypoints[..., 2] > 0, axis=1)
    boxes = _boxes(table, keypoints, labelled > 0)
    areas = _areas(table, boxes)
    crowds = _crowds(table)
    _count_joints(table, labelled.tolist())
    _number_ids(table)
    return PeopleFields(keypoints, boxes, areas, crowds)


def _keypoints(table: PeopleTable, joints: Sequence[str]) -> np.ndarray:
    numbers, odd = table.numbers("keypoints", 3 * len(joints))
    for place in odd:
        given = table.entries[place].get("keypoints")
        if is_missing(given):
            table.fill(place, "keypoints", [0] * numbers.shape[1])
            continue
        try:
            numbers[place] = joint_numbers(given, len(joints))
        except ValueError as problem:
            raise table.error(place, str(problem)) from None
        table.put(place, "keypoints", numbers[place].tolist())
    keypoints = numbers.reshape(-1, len(joints), 3)
    if not is_near(keypoints):
        _clear_unlabelled(table, keypoints)
        check_joints_near(table, keypoints, joints)
    return keypoints


def is_missing(value: Any) -> bool:
    """Return whether a value is null or an empty list."""
    return value is None or (isinstance(value, (list, tuple, np.ndarray)) and len(value) == 0)


def joint_numbers(given: Any, count: int) -> list[float]:
    """Return 3 * count numbers, x, y and visibility by turns, of such a list or of a list of triples; null is NaN.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if not isinstance(given, (list, tuple, np.ndarray)):
        raise ValueError(f"its keypoints are {type(given).__name__}, expected a list of numbers")
    values = list(given)
    if values and all(isinstance(value, (list, tuple, np.ndarray)) and len(value) == 3 for value in values):
        values = [number for value in values for number in value]
    if len(values) != 3 * count:
        raise ValueError(f"{len(values)} keypoint numbers, expected 3 x {count}")
    return [np.nan if value is None else real_number(value) for value in values]


def is_near(values: np.ndarray) -> bool:
    """Return whether all numbers are finite and within the reach of an image; no copy is made of them."""
    return not values.size or bool(values.min() >= -FARTHEST and values.max() <= FARTHEST)


def check_joints_near(table: PeopleTable, keypoints: np.ndarray, joints: Sequence[str]) -> None:
    """Make sure that joints (P, K, 3) are finite and within the reach of an image; the error names the first."""
    wrong = np.argwhere(~(np.abs(keypoints) <= FARTHEST).all(axis=-1))
    if len(wrong):
        place, joint = wrong[0].tolist()
        found = ", ".join(f"{value:g}" for value in keypoints[place, joint])
        raise table.error(place, f"{joints[joint]} is ({found}), expected finite numbers of pixels and a visibility")


def _clear_unlabelled(table: PeopleTable, keypoints: np.ndarray) -> None:
    """Forget where joints are, if that is no place, that are not labelled: spreadsheets write NaN there."""
    nowhere = ~(np.abs(keypoints) <= FARTHEST).all(axis=-1) & (keypoints[..., 2] == 0)
    keypoints[nowhere] = 0
    for place in np.flatnonzero(nowhere.any(axis=1)).tolist():
        table.fill(place, "keypoints", keypoints[place].ravel().tolist())


def _boxes(table: PeopleTable, keypoints: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    boxes, odd = table.numbers("bbox", 4)
    for place in odd:
        given = table.entries[place].get("bbox")
        if is_missing(given):
            if not labelled[place]:
                raise table.error(place, "no bbox, and no joints that would give one")
            boxes[place] = joint_box(keypoints[place])
            table.fill(place, "bbox", boxes[place].tolist())
            continue
        try:
            boxes[place] = box_numbers(given)
        except ValueError as problem:
            raise table.error(place, str(problem)) from None
        table.put(place, "bbox", boxes[place].tolist())
    wrong = np.flatnonzero(~((np.abs(boxes) <= FARTHEST).all(axis=1) & (boxes[:, 2:] >= 0).all(axis=1)))
    if len(wrong):
        place = int(wrong[0])
        raise table.error(place, box_problem(boxes[place].tolist()))
    flat = np.flatnonzero(labelled & (boxes[:, 2:] == 0).any(axis=1))
    for place in flat.tolist():
        boxes[place] = joint_box(keypoints[place])
        table.put(place, "bbox", boxes[place].tolist())
        table.doubts["boxes without a width or a height, though there are joints: they span the joints now"] += 1
    return boxes


def box_numbers(given: Any) -> list[float]:
    """Return the four numbers of a box; raise a ValueError if it is something else."""
    if not isinstance(given, (list, tuple, np.ndarray)) or len(given) != 4:
        raise ValueError(f"bbox {given!r:.60}, expected left, top, width and height")
    return [real_number(value) for value in given]


def box_problem(box: Sequence[float]) -> str:
    """Return what is wrong with the numbers of a box: one is not finite, or a side is below 0."""
    return f"bbox {list(box)}, expected left, top, width and height in finite pixels, no side below 0"


def joint_box(keypoints: np.ndarray) -> np.ndarray:
    """Return left, top, width and height about labelled joints of (K, 3), at least a pixel each way."""
    places = keypoints[keypoints[:, 2] > 0, :2]
    first = places.min(axis=0)
    return np.concatenate([first, np.maximum(places.max(axis=0) - first, 1)])


def _areas(table: PeopleTable, boxes: np.ndarray) -> np.ndarray:
    areas, lacking = table.scalars("area")
    of_boxes = boxes[:, 2] * boxes[:, 3]
    for place in lacking:
        areas[place] = of_boxes[place]
        table.fill(place, "area", float(areas[place]))
    wrong = np.flatnonzero(~(np.abs(areas) <= FARTHEST**2))
    if len(wrong):
        raise table.error(int(wrong[0]), f"area {areas[wrong[0]]:g}, expected a finite number of square pixels")
    for place in np.flatnonzero((areas <= 0) & (of_boxes > 0)).tolist():
        areas[place] = of_boxes[place]
        table.put(place, "area", float(areas[place]))
        table.doubts["areas of 0 or below, though the box has one: the area of the box stands for them"] += 1
    return areas


def _crowds(table: PeopleTable) -> np.ndarray:
    values = table.column("iscrowd")
    if not set(map(type, values)) <= {int}:
        for place, value in enumerate(values):
            if value is None:
                values[place] = 0
                table.fill(place, "iscrowd", 0)
            elif type(value) is not int:
                try:
                    values[place] = int(value) if isinstance(value, (bool, np.bool_)) else whole_number(value)
                except ValueError as problem:
                    raise table.error(place, f"iscrowd: {problem}") from None
                table.put(place, "iscrowd", values[place])
    if not set(values) <= {0, 1}:
        place = next(place for place, value in enumerate(values) if value not in (0, 1))
        raise table.error(place, f"iscrowd is {values[place]}, expected 0 or 1")
    return np.array(values, bool)


def _count_joints(table: PeopleTable, counts: Sequence[int]) -> None:
    for place, (given, count) in enumerate(zip(table.column("num_keypoints"), counts)):
        if given is None:
            table.fill(place, "num_keypoints", count)
        elif type(given) is not int or given != count:
            table.put(place, "num_keypoints", count)
            table.doubts["times num_keypoints is not how many joints are labelled: they are counted"] += 1


def _number_ids(table: PeopleTable) -> None:
    """Make sure that every id is a number above 0 and there once."""
    given = table.column("id")
    if set(map(type, given)) <= {int} and len(set(given)) == len(given) and min(given, default=1) > 0:
        return
    ids = [_id_number(value) for value in given]
    if min(ids) > 0 and len(set(ids)) == len(ids):
        for place, number in enumerate(ids):
            table.put(place, "id", number)
        return
    for place in range(len(ids)):
        table.put(place, "id", place + 1)
    times = Counter(ids)
    unfit = sum(value is not None and (number == 0 or times[number] > 1) for value, number in zip(given, ids))
    if unfit:
        table.doubts["annotation ids that are 0, repeated or no number: all are numbered anew"] = unfit
    if None in given:
        table.filled["id"] = given.count(None)


def _id_number(value: Any) -> int:
    """Return an id, 0 if it is none."""
    try:
        return max(whole_number(value), 0)
    except ValueError:
        return 0
