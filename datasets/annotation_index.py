"""COCO annotations as flat arrays: small in memory, quick to read from disk, and shared by all threads.

The JSON of COCO train2017 becomes millions of Python objects when it is parsed. Here image k has the people
``people_offsets[k]`` to ``people_offsets[k + 1]``, and what is of different length for each (names, polygons)
lies one after the other in one array, cut at its offsets.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError


@dataclass(frozen=True)
class AnnotationIndex:
    """The images of an annotation file, by id, and the people in them; N images, P people, K joints.

    Attributes
    ----------
    category_id
        The category of people.
    joints
        The names of the K joints.
    image_ids
        (N,) int64, ascending.
    sizes
        (N, 2) int64: width and height in pixels.
    names, name_offsets
        The file names, UTF-8 as uint8, and their (N + 1,) int64 offsets.
    people_offsets
        (N + 1,) int64.
    keypoints
        (P, K, 3) float32: x, y in pixels and visibility.
    boxes
        (P, 4) float64: left, top, width and height in pixels.
    areas
        (P,) float64 in square pixels.
    crowds
        (P,) bool.
    points, polygon_offsets, shape_offsets
        Coordinates x, y in pixels, float64; where the polygons begin in them, (Q + 1,) int64; which polygons
        each person has, (P + 1,) int64.
    texts, text_offsets
        What is no list of polygons, such as a run-length code, as JSON: uint8 and (P + 1,) int64 offsets; empty
        for polygons and for none.
    """

    category_id: int
    joints: tuple[str, ...]
    image_ids: np.ndarray
    sizes: np.ndarray
    names: np.ndarray
    name_offsets: np.ndarray
    people_offsets: np.ndarray
    keypoints: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray
    crowds: np.ndarray
    points: np.ndarray
    polygon_offsets: np.ndarray
    shape_offsets: np.ndarray
    texts: np.ndarray
    text_offsets: np.ndarray

    def __post_init__(self) -> None:
        for name in ARRAYS:
            getattr(self, name).setflags(write=False)  # the threads share them

    def name(self, image: int) -> str:
        """Return the file name of an image."""
        return _part(self.names, self.name_offsets, image).tobytes().decode(errors="replace")

    def people(self, image: int) -> range:
        """Return the people of an image."""
        return range(int(self.people_offsets[image]), int(self.people_offsets[image + 1]))

    def segmentation(self, person: int) -> Any:
        """Return COCO's polygons or run-length code of a person; None if there is none.

        Raises
        ------
        DataError
            If it is not JSON, which only a forged cache can bring about.
        """
        first, after = self.shape_offsets[person : person + 2].tolist()
        if first < after:
            return [_part(self.points, self.polygon_offsets, polygon).tolist() for polygon in range(first, after)]
        text = _part(self.texts, self.text_offsets, person).tobytes()
        try:
            return json.loads(text) if text else None
        except (ValueError, RecursionError):
            raise DataError(f"the segmentation of person {person} is not JSON; delete the annotation cache") from None

    def check(self) -> None:
        """Make sure that arrays from a file fit each other, so that no access goes astray.

        Raises
        ------
        ValueError
            If they do not.
        """
        images, people = len(self.image_ids), len(self.areas)
        shapes = {"image_ids": (images,), "sizes": (images, 2), "keypoints": (people, len(self.joints), 3),
                  "boxes": (people, 4), "areas": (people,), "crowds": (people,), "names": self.names.shape[:1],
                  "points": self.points.shape[:1], "texts": self.texts.shape[:1],
                  "name_offsets": (images + 1,), "people_offsets": (images + 1,), "text_offsets": (people + 1,),
                  "shape_offsets": (people + 1,), "polygon_offsets": self.polygon_offsets.shape[:1]}  # fmt: skip
        for name, dtype in ARRAYS.items():
            found = getattr(self, name)
            if found.dtype != dtype or found.shape != shapes[name]:
                raise ValueError(f"{name} is {found.dtype} {found.shape}")
        ends = {"name_offsets": len(self.names), "people_offsets": people, "text_offsets": len(self.texts),
                "shape_offsets": len(self.polygon_offsets) - 1, "polygon_offsets": len(self.points)}  # fmt: skip
        for name, end in ends.items():
            offsets = getattr(self, name)
            if not len(offsets) or offsets[0] != 0 or offsets[-1] != end or (np.diff(offsets) < 0).any():
                raise ValueError(f"{name} does not run from 0 to {end}")


ARRAYS = {
    "image_ids": "int64",
    "sizes": "int64",
    "names": "uint8",
    "name_offsets": "int64",
    "people_offsets": "int64",
    "keypoints": "float32",
    "boxes": "float64",
    "areas": "float64",
    "crowds": "bool",
    "points": "float64",
    "polygon_offsets": "int64",
    "shape_offsets": "int64",
    "texts": "uint8",
    "text_offsets": "int64",
}


def build_index(content: Mapping[str, Any], category_id: int, joints: Sequence[str]) -> AnnotationIndex:
    """Arrange the content of an annotation file.

    Parameters
    ----------
    content
        The parsed JSON.
    category_id
        The category of people; all others are left out.
    joints
        The names of the K joints.

    Raises
    ------
    AttributeError, KeyError, OverflowError, TypeError, ValueError
        If the content is not COCO's.
    """
    images = sorted(content["images"], key=lambda image: image["id"])
    row_of = {image["id"]: row for row, image in enumerate(images)}
    chosen = [annotation for annotation in content["annotations"] if annotation["category_id"] == category_id]
    rows = np.array([row_of[annotation["image_id"]] for annotation in chosen], np.int64)
    people = [chosen[place] for place in np.argsort(rows, kind="stable").tolist()]
    boxes = np.array([_box(annotation) for annotation in people], np.float64).reshape(-1, 4)
    areas = [float(annotation.get("area", box[2] * box[3])) for annotation, box in zip(people, boxes)]
    names = [image["file_name"].encode(errors="replace") for image in images]
    points, polygon_offsets, shape_offsets, texts = _segmentations(people)
    return AnnotationIndex(
        category_id=category_id,
        joints=tuple(joints),
        image_ids=np.array(array("q", [image["id"] for image in images]), np.int64),
        sizes=np.array([(int(image["width"]), int(image["height"])) for image in images], np.int64).reshape(-1, 2),
        names=np.frombuffer(b"".join(names), np.uint8),
        name_offsets=_offsets(names),
        people_offsets=np.searchsorted(np.sort(rows), np.arange(len(images) + 1)),
        keypoints=_keypoints(people, len(joints)),
        boxes=boxes,
        areas=np.array(areas, np.float64),
        crowds=np.array([bool(annotation.get("iscrowd", 0)) for annotation in people], bool),
        points=points,
        polygon_offsets=polygon_offsets,
        shape_offsets=shape_offsets,
        texts=np.frombuffer(b"".join(texts), np.uint8),
        text_offsets=_offsets(texts),
    )


def _keypoints(people: list[dict[str, Any]], num_joints: int) -> np.ndarray:
    """(P, K, 3) float32; zeros for those who have none."""
    values, none = array("f"), [0.0] * (3 * num_joints)
    for person in people:
        joints = person.get("keypoints") or none
        if len(joints) != len(none):
            raise ValueError(f"{len(joints)} numbers of keypoints for {num_joints} joints")
        values.extend(joints)
    return np.array(values, np.float32).reshape(-1, num_joints, 3)


def _box(annotation: dict[str, Any]) -> tuple[float, ...]:
    left, top, width, height = map(float, annotation["bbox"])
    return left, top, width, height


def _segmentations(people: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[bytes]]:
    """Return points, polygon_offsets and shape_offsets, and the texts of what is not a list of polygons."""
    points, polygons, shapes, texts = array("d"), array("q", [0]), array("q", [0]), []
    for person in people:
        segmentation, text = person.get("segmentation"), b""
        if not (isinstance(segmentation, list) and _append_polygons(segmentation, points, polygons)):
            text = b"" if segmentation is None else json.dumps(segmentation).encode()
        shapes.append(len(polygons) - 1)
        texts.append(text)
    return np.array(points, np.float64), np.array(polygons, np.int64), np.array(shapes, np.int64), texts


def _append_polygons(segmentation: list, points: array, polygons: array) -> bool:
    """Append lists of numbers; leave everything as it was and return False if it is something else."""
    before = len(points), len(polygons)
    try:
        for polygon in segmentation:
            points.extend(polygon)
            polygons.append(len(points))
    except (OverflowError, TypeError):
        del points[before[0] :], polygons[before[1] :]
    return len(polygons) > before[1]


def _offsets(parts: Sequence[bytes]) -> np.ndarray:
    """(len(parts) + 1,) int64: where the parts begin and end once they are joined."""
    return np.cumsum([0, *map(len, parts)], dtype=np.int64)


def _part(values: np.ndarray, offsets: np.ndarray, place: int) -> np.ndarray:
    return values[offsets[place] : offsets[place + 1]]
