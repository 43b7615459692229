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

from ...checks import FARTHEST, whole_number
from ...errors import DataError, quote
from .coco_json import Annotations
from .outlines import collect_outlines


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
        (N, 2) int64: height and width in pixels.
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
    remarks
        What was filled in or doubtful when the file was read, a line each.
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
    remarks: tuple[str, ...] = ()

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
        images = len(self.image_ids)
        people = len(self.areas)
        shapes = {
            "image_ids": (images,),
            "sizes": (images, 2),
            "keypoints": (people, len(self.joints), 3),
            "boxes": (people, 4),
            "areas": (people,),
            "crowds": (people,),
            "names": self.names.shape[:1],
            "points": self.points.shape[:1],
            "texts": self.texts.shape[:1],
            "name_offsets": (images + 1,),
            "people_offsets": (images + 1,),
            "text_offsets": (people + 1,),
            "shape_offsets": (people + 1,),
            "polygon_offsets": self.polygon_offsets.shape[:1],
        }
        for name, dtype in ARRAYS.items():
            found = getattr(self, name)
            if found.dtype != dtype or found.shape != shapes[name]:
                raise ValueError(f"{name} is {found.dtype} {found.shape}")
        ends = {
            "name_offsets": len(self.names),
            "people_offsets": people,
            "text_offsets": len(self.texts),
            "shape_offsets": len(self.polygon_offsets) - 1,
            "polygon_offsets": len(self.points),
        }
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


def build_index(annotations: Annotations, sizes_known: bool = True) -> AnnotationIndex:
    """Arrange the annotations of a file.

    Parameters
    ----------
    annotations
        What was read of it.
    sizes_known
        Whether every image must have a width and a height; else they may be 0.

    Raises
    ------
    DataError
        If an image lacks its name or size.
    """
    people = annotations.people
    images = describe_images(annotations, sizes_known)
    ids = np.array(array("q", [image["id"] for image in images]), np.int64)
    sizes = np.array([(image["height"], image["width"]) for image in images], np.int64).reshape(-1, 2)
    names = [image["file_name"].encode(errors="replace") for image in images]
    rows = np.searchsorted(ids, np.array(array("q", [person["image_id"] for person in people]), np.int64))
    order = np.argsort(rows, kind="stable")
    fields = annotations.fields
    outlines = collect_outlines([people[place] for place in order.tolist()], sizes[rows[order]].tolist())
    return AnnotationIndex(
        category_id=annotations.category["id"],
        joints=annotations.joints,
        image_ids=ids,
        sizes=sizes,
        names=np.frombuffer(b"".join(names), np.uint8),
        name_offsets=_offsets(names),
        people_offsets=np.searchsorted(rows[order], np.arange(len(images) + 1)),
        keypoints=fields.keypoints[order].astype(np.float32),
        boxes=fields.boxes[order],
        areas=fields.areas[order],
        crowds=fields.crowds[order],
        points=outlines.points,
        polygon_offsets=outlines.polygon_offsets,
        shape_offsets=outlines.shape_offsets,
        texts=np.frombuffer(b"".join(outlines.texts), np.uint8),
        text_offsets=_offsets(outlines.texts),
        remarks=annotations.remarks + outlines.remarks,
    )


def describe_images(annotations: Annotations, sizes_known: bool = True) -> list[dict[str, Any]]:
    """Return ``id``, ``file_name``, ``width`` and ``height`` of the images, checked; parameters as of `build_index`.

    Raises
    ------
    DataError
        If one lacks its name or size.
    """
    return [_describe(image, annotations.name, int(sizes_known)) for image in annotations.images]


def _describe(image: Mapping[str, Any], name: str, least: int) -> dict[str, Any]:
    number = image["id"]
    file_name = image.get("file_name")
    if not isinstance(file_name, str) or not file_name:
        raise DataError(f"{name}: the file_name of image {number} is {quote(file_name)}, expected a name")
    try:
        width, height = whole_number(image.get("width")), whole_number(image.get("height"))
        if not (least <= min(width, height) and max(width, height) <= FARTHEST):
            raise ValueError(f"{width} x {height} pixels")
    except ValueError as problem:
        raise DataError(f"{name}: the size of image {number}, {quote(file_name, 60)}: {problem}") from None
    return {"id": number, "file_name": file_name, "width": width, "height": height}


def _offsets(parts: Sequence[bytes]) -> np.ndarray:
    """(len(parts) + 1,) int64: where the parts begin and end once they are joined."""
    return np.cumsum([0, *map(len, parts)], dtype=np.int64)


def _part(values: np.ndarray, offsets: np.ndarray, place: int) -> np.ndarray:
    return values[offsets[place] : offsets[place + 1]]
