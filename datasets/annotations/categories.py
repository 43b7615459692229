"""Which category of an annotation file is that of people, and which joints it has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...checks import whole_number
from ...errors import DataError, quote
from ...skeletons import Skeleton

_PEOPLE = ("person", "people", "human", "body", "pedestrian")
_NO_KEYPOINTS = "no annotation has keypoints; export skeletons, as 'COCO keypoints', not boxes or single points"
_SHOWN = 8


def choose_category(
    content: Mapping[str, Any], annotations: Sequence[Mapping[str, Any]], wanted: str, name: str
) -> tuple[dict[str, Any], list[Mapping[str, Any]], int]:
    """Return the category of people of COCO's annotations, the annotations of it, and how many have none.

    The last are annotations with keypoints whose category is not listed; they are left out.

    That is the only category, or the only one whose annotations have keypoints, or whose joints have names, or that
    is called person or likewise, in this order; of two of one name the one with joints.

    Parameters
    ----------
    content
        The parsed JSON, whose ``categories`` may be missing.
    annotations
        Its annotations.
    wanted
        The name or the id that the user gave; empty if it is to be found.
    name
        How messages call the file.

    Raises
    ------
    DataError
        If there is none that is wanted, more than one can be meant, or no annotation has keypoints.
    """
    owners = [_owner(entry, place, name) for place, entry in enumerate(annotations)]
    joined = Counter(owner for owner, entry in zip(owners, annotations) if has_keypoints(entry))
    categories = _categories(content, joined, name)
    if annotations and not joined:
        raise DataError(f"{name}: {_NO_KEYPOINTS}")
    if len(categories) == 1 and not wanted:
        category = categories[0]
        owners = [category["id"] if owner is None else owner for owner in owners]
    else:
        category = _choose(categories, joined, wanted, name)
    chosen = [entry for owner, entry in zip(owners, annotations) if owner == category["id"]]
    if annotations and not chosen:
        found = ", ".join(str(owner) for owner in sorted(set(owners), key=str)[:_SHOWN])
        raise DataError(f"{name}: no annotation is of its category {_title(category)}; they are of {found}")
    known = {each["id"] for each in categories}
    strays = sum(times for owner, times in Counter(owners).items() if owner not in known and joined[owner])
    return category, chosen, strays


def _choose(categories: list[dict[str, Any]], joined: Counter, wanted: str, name: str) -> dict[str, Any]:
    """Return the one that is wanted, or that the annotations and the names speak for."""
    fitting = categories
    if wanted:
        fitting = [each for each in categories if wanted in (each.get("name"), str(each["id"]))]
        fitting = fitting or [each for each in categories if str(each.get("name")).lower() == wanted.lower()]
        if not fitting:
            raise DataError(f"{name}: no category {quote(wanted)} in it; there are {_listed(categories, joined)}")
    elif not joined:
        raise DataError(f"{name}: {len(categories)} categories, and {_NO_KEYPOINTS}")
    rules = (
        lambda each: joined[each["id"]],
        lambda each: joint_names(each, name),
        lambda each: str(each.get("name")).lower() in _PEOPLE,
        lambda each: str(each.get("name")).lower() == _PEOPLE[0],
    )
    for rule in rules:
        fitting = [each for each in fitting if rule(each)] or fitting
    if len(fitting) > 1:
        raise DataError(
            f"{name}: {len(categories)} categories, and more than one may be that of people: "
            f"{_listed(fitting, joined)}; choose by --category=NAME or the id, or data.category in the recipe"
        )
    return fitting[0]


def _categories(content: Mapping[str, Any], joined: Counter, name: str) -> list[dict[str, Any]]:
    """Return copies of the categories, with ids that are whole numbers; one is made where the file has none."""
    given = content.get("categories")
    if not given:
        return [{"id": owner if owner is not None else 1, "name": _PEOPLE[0]} for owner in list(joined) or [1]]
    if not isinstance(given, (list, tuple)) or not all(isinstance(each, Mapping) for each in given):
        raise DataError(f"{name}: 'categories' is {quote(given)}, expected a list of objects")
    by_id: dict[int, dict[str, Any]] = {}
    for each in given:
        try:
            category = {**each, "id": whole_number(each.get("id"))}
        except ValueError as problem:
            raise DataError(f"{name}: the id of category {quote(each.get('name'))}: {problem}") from None
        twin = by_id.setdefault(category["id"], category)
        if twin.get("name") != category.get("name"):
            raise DataError(f"{name}: the categories {_title(twin)} and {_title(category)} have the same id")
        if joint_names(category, name):
            by_id[category["id"]] = category
    return list(by_id.values())


def _owner(entry: Any, place: int, name: str) -> int | None:
    """Return the category of an annotation; None if it does not say."""
    if not isinstance(entry, Mapping):
        raise DataError(f"{name}: annotation {place} is {quote(entry)}, expected an object")
    value = entry.get("category_id")
    if type(value) is int or value is None:
        return value
    try:
        return whole_number(value)
    except ValueError as problem:
        raise DataError(f"{name}: annotation {place}: category_id: {problem}") from None


def has_keypoints(entry: Mapping[str, Any]) -> bool:
    """Return whether an annotation has a list of keypoints, labelled or not."""
    values = entry.get("keypoints")
    return isinstance(values, (list, tuple, np.ndarray)) and len(values) > 0


def _title(category: Mapping[str, Any]) -> str:
    return f"{category['id']} {quote(category.get('name'), 40)}"


def _listed(categories: Sequence[Mapping[str, Any]], joined: Counter) -> str:
    shown = [f"{_title(each)} ({joined[each['id']]} with keypoints)" for each in categories[:_SHOWN]]
    more = len(categories) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def joint_names(category: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the names of the joints of a category, none if it has none."""
    names = category.get("keypoints")
    if names is None:
        return ()
    if not isinstance(names, (list, tuple)):
        raise DataError(f"{name}: the joints of category {_title(category)} are {quote(names)}, expected their names")
    return tuple(map(str, names))


def skeleton_of(joints: Sequence[str], known: Sequence[Skeleton], name: str) -> Skeleton:
    """Return the one of the known skeletons that has these joints, whose names may be spelled otherwise.

    Raises
    ------
    DataError
        If none has; it says so if one has them in another order.
    """
    names = [_plain(joint) for joint in joints]
    found = [[_plain(joint) for joint in skeleton.joints] for skeleton in known]
    exact = [skeleton for skeleton in known if skeleton.joints == tuple(joints)]
    alike = [skeleton for skeleton, theirs in zip(known, found) if theirs == names]
    if exact or alike:
        return (exact or alike)[0]
    for skeleton, theirs in zip(known, found):
        if sorted(theirs) == sorted(names):
            place = next(place for place, pair in enumerate(zip(names, theirs)) if pair[0] != pair[1])
            raise DataError(
                f"{name}: its joints are those of {skeleton.name} in another order: number {place} is "
                f"{quote(joints[place], 40)}, expected {skeleton.joints[place]!r}"
            )
    shown = ", ".join(joint[:40] for joint in joints[:40])
    bodies = list(dict.fromkeys(skeleton.name for skeleton in reversed(known)))
    whose = f"those of neither {' nor '.join(bodies)}" if len(bodies) > 1 else f"not those of {bodies[0]}"
    raise DataError(f"{name}: its {len(joints)} joints {shown} are {whose}")


def skeleton_by_count(count: int, known: Sequence[Skeleton], name: str) -> Skeleton:
    """Return the one of the known skeletons that has so many numbers of keypoints, three for each joint.

    Raises
    ------
    DataError
        If none has.
    """
    fitting = [skeleton for skeleton in known if 3 * skeleton.num_joints == count]
    if not fitting:
        expected = " or ".join(f"3 x {skeleton.num_joints} of {skeleton.name}" for skeleton in known)
        raise DataError(f"{name}: its people have {count} keypoint numbers, expected {expected}")
    return fitting[0]


def first_count(entries: Sequence[Mapping[str, Any]]) -> int:
    """Return how many numbers of keypoints the first has that has any; 0 if none has."""
    for entry in entries:
        values = entry.get("keypoints")
        if values is not None and has_keypoints(entry):
            return len(values) * (3 if isinstance(values[0], (list, tuple, np.ndarray)) else 1)
    return 0


def _plain(joint: object) -> str:
    """Return a name without what people spell differently: capitals, spaces, hyphens and the like."""
    return re.sub(r"[\W_]+", "", str(joint)).lower()
