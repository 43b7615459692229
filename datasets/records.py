"""One image of a data set with its people, and all of them as a sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, overload

import numpy as np

from ..errors import DataError, reason
from ..opencv import cv2
from ..ops.masks import draw_runs
from .annotations.index import AnnotationIndex
from .annotations.outlines import run_lengths
from .images.reading import read_bgr

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

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.height, self.width

    def read_bgr(self) -> np.ndarray:
        """Return the pixels as (H, W, 3) uint8 BGR; errors as of `cpm.datasets.read_image`."""
        return read_bgr(self.path, self.size, self.load)

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
        self._index = index
        self._folder = folder
        self._load = load

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
        height, width = index.sizes[image].tolist()
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
