"""COCO keypoints: the official folders and JSON, as images with their people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, overload

import cv2
import numpy as np

from ..errors import DataError, reason
from ..ops.labels import draw_runs
from ..skeletons import COCO_17, Skeleton
from .annotation_cache import file_key, read_cache, write_cache
from .annotation_index import AnnotationIndex, build_index
from .annotations import log_remarks, read_annotations
from .categories import skeleton_of
from .images import read_bgr
from .outlines import run_lengths

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
            raise DataError(f"{self.path}: broken segmentation in its annotations ({reason(error)})") from None


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
    category
        The name or the id of the category of people; by default it is found, see `choose_category`.
    skip_unlisted
        Whether annotations of images that are not listed are left out; else they are an error.

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

    def __init__(
        self,
        root: str | Path,
        split: str,
        skeleton: Skeleton = COCO_17,
        category: str = "",
        skip_unlisted: bool = False,
    ) -> None:
        self.root, self.split = Path(root), split
        self.annotation_file = self.root / "annotations" / f"person_keypoints_{split}.json"
        images = self.root / split
        known = (skeleton, COCO_17)
        self._choice: dict[str, Any] = {"category": category, "skip_unlisted": skip_unlisted}
        self.index = _open_index(self.root, self.annotation_file, images, known, self._choice)
        log_remarks(self.annotation_file, self.index.remarks)
        self.category_id = self.index.category_id
        self.skeleton = skeleton_of(self.index.joints, known, str(self.annotation_file))
        self.records = Records(self.index, images)

    def __len__(self) -> int:
        return len(self.records)

    def truth(self) -> Mapping[str, Any]:
        """Return what detections are scored against: the annotations of the people, complete but for outlines."""
        return read_annotations(self.annotation_file, (self.skeleton,), **self._choice).content()


def _open_index(
    root: Path, path: Path, images: Path, known: tuple[Skeleton, ...], choice: Mapping[str, Any]
) -> AnnotationIndex:
    """Return the index of an annotation file from its cache; else build and keep it."""
    if not root.is_dir():
        raise DataError(
            f"{root}: no such data set folder; --dataset-root names the folder that holds annotations/ and the images"
        )
    try:
        key = {**file_key(path), **choice}
    except OSError as error:
        found = "no such annotation file" if isinstance(error, FileNotFoundError) else error.strerror
        raise DataError(f"{path}: {found}") from None
    index = read_cache(path, key)
    if index is None:
        annotations = read_annotations(path, known, **choice)
        index = build_index(annotations)
        if annotations.named:  # else another body may have as many joints
            write_cache(path, key, index)
    if not images.is_dir():
        raise DataError(f"{images}: no such folder; the images of {path.name} belong there")
    return index


def _is_labelled(person: PersonAnnotation) -> bool:
    return person.num_keypoints > 0 and not person.is_crowd


def _mask_without(people: Sequence[PersonAnnotation], height: int, width: int) -> np.ndarray:
    """(H, W) uint8: 0 on the people, by the segmentation or, where there is none, by the box; else 255."""
    columns = np.full((width, height), 255, np.uint8)
    pixels = columns.reshape(-1)
    for person in people:
        for code in run_lengths(person.segmentation, height, width):
            draw_runs(code, 0, pixels)
        if not person.segmentation and min(person.bbox[2:]) > 0:
            left, top, box_width, box_height = person.bbox
            corners = (round(top), round(left)), (round(top + box_height) - 1, round(left + box_width) - 1)
            cv2.rectangle(columns, *corners, 0, cv2.FILLED)
    return columns.T
