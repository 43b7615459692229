"""COCO keypoints: the official folders and JSON, as images with their people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, overload

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from ..errors import DataError
from ..files import read_regular
from ..ops.labels import draw_runs
from ..skeletons import COCO_17, Skeleton
from .annotation_cache import file_key, read_cache, write_cache
from .annotation_index import AnnotationIndex, build_index
from .images import read_bgr

_FARTHEST = 100_000  # pixels; pycocotools walks along every edge
_MOST_PIXELS = 1 << 28  # of a mask; annotations may claim any size


@dataclass(frozen=True)
class PersonAnnotation:
    """One annotated person, or one crowd.

    Attributes
    ----------
    keypoints
        (K, 3) float32: x, y in pixels and visibility: 0 unlabelled, 1 occluded, 2 visible.
    bbox
        Left, top, width and height in pixels.
    area
        The area of the segmentation in square pixels.
    segmentation
        COCO's polygons or run-length code; None if the file has none.
    is_crowd
        Whether this is a region of people who were not told apart.
    """

    keypoints: np.ndarray
    bbox: tuple[float, float, float, float]
    area: float
    segmentation: Any
    is_crowd: bool

    @property
    def num_keypoints(self) -> int:
        """How many joints are labelled."""
        return int(np.count_nonzero(self.keypoints[:, 2] > 0))

    @property
    def center(self) -> tuple[float, float]:
        """The centre of the box in pixels."""
        left, top, width, height = self.bbox
        return left + width / 2, top + height / 2


@dataclass(frozen=True)
class ImageRecord:
    """One image of a data set: where it is, its size in pixels and who is in it.

    An image that is no file of its own has `load`, which returns the bytes that would be in the file.
    """

    id: int
    path: Path
    width: int
    height: int
    people: tuple[PersonAnnotation, ...]
    load: Callable[[], bytes] | None = field(default=None, repr=False, compare=False)

    def read_bgr(self) -> np.ndarray:
        """Return the pixels as (H, W, 3) uint8 BGR; errors as of `cpm.datasets.read_image`."""
        return read_bgr(self.path, (self.width, self.height), self.load)

    def labelled_keypoints(self) -> np.ndarray:
        """(N, K, 3) float32: the keypoints of the people who have any."""
        labelled = [person.keypoints for person in self.people if _is_labelled(person)]
        return np.stack(labelled) if labelled else np.zeros((0, 0, 3), np.float32)

    def mask_miss(self) -> np.ndarray | None:
        """(H, W) uint8: 0 on crowds and on people without keypoints, else 255; None if there are neither.

        In memory it lies column after column, as pycocotools draws it: its transpose is contiguous.
        """
        unlabelled = [person for person in self.people if not _is_labelled(person)]
        if not unlabelled:
            return None
        if self.width * self.height > _MOST_PIXELS:
            raise DataError(f"{self.path}: its annotations say {self.width}x{self.height}, too large for a mask")
        try:
            return _mask_without(unlabelled, self.height, self.width)
        except Exception as error:  # pycocotools raises no narrower one
            raise DataError(f"{self.path}: broken segmentation in its annotations ({error})") from None


class Records(Sequence[ImageRecord]):
    """The images of an index, each made when it is asked for; an index or a slice gives new objects every time.

    Parameters
    ----------
    index
        The annotations.
    folder
        Where the images are.
    load
        Returns the bytes of an image by its row in the index, where images are no files of their own.
    """

    def __init__(self, index: AnnotationIndex, folder: Path, load: Callable[[int], bytes] | None = None) -> None:
        self._index, self._folder, self._load = index, folder, load

    def __len__(self) -> int:
        return len(self._index.image_ids)

    @overload
    def __getitem__(self, place: int) -> ImageRecord: ...

    @overload
    def __getitem__(self, place: slice) -> list[ImageRecord]: ...

    def __getitem__(self, place: int | slice) -> ImageRecord | list[ImageRecord]:
        """Return an image, or a list of them for a slice."""
        places = range(len(self))[place]
        return self._record(places) if isinstance(places, int) else [self._record(each) for each in places]

    def __iter__(self) -> Iterator[ImageRecord]:
        """Yield all images."""
        return map(self._record, range(len(self)))

    def _record(self, image: int) -> ImageRecord:
        index = self._index
        width, height = index.sizes[image].tolist()
        people = tuple(self._person(person) for person in index.people(image))
        load = None if self._load is None else partial(self._load, image)
        return ImageRecord(int(index.image_ids[image]), self._folder / index.name(image), width, height, people, load)

    def _person(self, person: int) -> PersonAnnotation:
        index = self._index
        left, top, width, height = index.boxes[person].tolist()
        return PersonAnnotation(
            keypoints=index.keypoints[person],
            bbox=(left, top, width, height),
            area=float(index.areas[person]),
            segmentation=index.segmentation(person),
            is_crowd=bool(index.crowds[person]),
        )


class CocoKeypoints:
    """A split of a data set in the layout of COCO 2017.

    ``ROOT/annotations/person_keypoints_SPLIT.json`` describes the images in ``ROOT/SPLIT/``. The annotations of
    a large file are kept in a cache, see :mod:`cpm.datasets.annotation_cache`. In memory they are a few flat
    arrays, which the threads that prepare batches share: more workers take no more memory for them.

    Parameters
    ----------
    root
        The folder that holds ``annotations/``.
    split
        ``train2017``, ``val2017`` or a name of your own.
    skeleton
        A body of your own that the annotations may be of. It is if their joints have its names; else they are COCO's.

    Attributes
    ----------
    annotation_file
        The path of the JSON file.
    skeleton
        The joints of the annotations, in their order.
    category_id
        The category of people in the annotations.
    index
        The annotations as flat arrays; not to be written to.
    records
        Every image, by id, made of the index when it is asked for.

    Raises
    ------
    DataError
        If a folder or file is missing, or the JSON is not COCO's.
    """

    def __init__(self, root: str | Path, split: str, skeleton: Skeleton = COCO_17) -> None:
        self.root, self.split = Path(root), split
        self.annotation_file = self.root / "annotations" / f"person_keypoints_{split}.json"
        images = self.root / split
        self.index = _open_index(self.root, self.annotation_file, images, skeleton)
        self.category_id = self.index.category_id
        self.skeleton = skeleton_of(self.index.joints, skeleton, self.annotation_file)
        self.records = Records(self.index, images)

    def __len__(self) -> int:
        return len(self.records)

    def truth(self) -> Path | Mapping[str, Any]:
        """Return what detections are scored against: COCO's annotations, or the path of a JSON file of them."""
        return self.annotation_file


def _open_index(root: Path, path: Path, images: Path, skeleton: Skeleton) -> AnnotationIndex:
    """Return the index of an annotation file from its cache; else build and keep it."""
    if not root.is_dir():
        raise DataError(
            f"{root}: no such data set folder; --dataset-root names the folder that holds annotations/ and the images"
        )
    try:
        key = file_key(path)
    except OSError as error:
        found = "no such annotation file" if isinstance(error, FileNotFoundError) else error.strerror
        raise DataError(f"{path}: {found}") from None
    if not images.is_dir():
        raise DataError(f"{images}: no such folder; the images of {path.name} belong there")
    index = read_cache(path, key)
    if index is None:
        content, category = read_annotations(path)
        try:
            joints = skeleton_of(category.get("keypoints", COCO_17.joints), skeleton, path).joints
            index = build_index(content, int(category["id"]), joints)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            problem = f"{type(error).__name__}: {error}"
            raise DataError(f"{path}: not the COCO keypoint format ({problem})") from None
        write_cache(path, key, index)
    return index


def read_annotations(path: Path) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Return the content of an annotation file and its category of people.

    Raises
    ------
    DataError
        If the file cannot be read or is not COCO's.
    """
    content = _read_annotations(path)
    try:
        return content, person_category(content, str(path))
    except (AttributeError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not the COCO keypoint format ({type(error).__name__}: {error})") from None


def _read_annotations(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_regular(path))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error})") from None
    missing = [key for key in ("images", "annotations") if not isinstance(content, dict) or key not in content]
    if missing:
        raise DataError(f"{path}: no {missing[0]!r} in it; expected a COCO keypoint annotation file")
    return content


def person_category(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the category of people of COCO annotations: the one named person, else the only one.

    Raises
    ------
    DataError
        If there are several and none is people; `name` says of which file.
    """
    categories = content.get("categories") or [{"id": 1, "name": "person"}]
    people = [each for each in categories if each.get("name") == "person"] or categories
    if len(people) > 1:
        raise DataError(f"{name}: {len(people)} categories and not one of them is 'person'")
    category: Mapping[str, Any] = people[0]
    return category


def skeleton_of(joints: Sequence[str], own: Skeleton, path: Path) -> Skeleton:
    """Return the skeleton that has these joints, `own` or COCO's; raise a DataError if neither has."""
    names = tuple(joints)
    for skeleton in (own, COCO_17):
        if names == skeleton.joints:
            return skeleton
    raise DataError(
        f"{path}: its {len(names)} joints {', '.join(map(str, names))} are those of neither COCO_17 nor {own.name}"
    )


def _is_labelled(person: PersonAnnotation) -> bool:
    return person.num_keypoints > 0 and not person.is_crowd


def _mask_without(people: Sequence[PersonAnnotation], height: int, width: int) -> np.ndarray:
    """(H, W) uint8: 0 on the people, by the segmentation or, where there is none, by the box; else 255."""
    columns = np.full((width, height), 255, np.uint8)
    pixels = columns.reshape(-1)
    for person in people:
        for code in _run_lengths(person.segmentation, height, width):
            draw_runs(code, 0, pixels)
        if not person.segmentation:
            left, top, box_width, box_height = person.bbox
            corners = (round(top), round(left)), (round(top + box_height) - 1, round(left + box_width) - 1)
            cv2.rectangle(columns, *corners, 0, cv2.FILLED)
    return columns.T


def _run_lengths(segmentation: Any, height: int, width: int) -> list[bytes]:
    """Return the compressed run-length codes of polygons, or of COCO's two forms of such codes."""
    if not segmentation:
        return []
    if isinstance(segmentation, list):
        if not all(abs(value) < _FARTHEST for polygon in segmentation for value in polygon):
            raise ValueError(f"a corner is not within {_FARTHEST} pixels")
        return [code["counts"] for code in coco_mask.frPyObjects(segmentation, height, width)]
    if list(segmentation["size"]) != [height, width]:
        raise ValueError(f"it is for {segmentation['size']} pixels, the image has {[height, width]}")
    if isinstance(segmentation["counts"], list):
        return [coco_mask.frPyObjects(segmentation, height, width)["counts"]]
    return [segmentation["counts"].encode()]
