"""What every data set is: images with people, and the boxes that top-down networks are shown."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..skeletons import Skeleton
from .annotations.index import AnnotationIndex
from .records import Records
from .samples.person_crops import PersonBox, box_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BoxedPerson:
    """One annotated person and the box that is cropped.

    Attributes
    ----------
    path
        The image.
    image_size
        Its height and width in pixels; None where the annotations do not say.
    image_id
        Its id in the annotations.
    box
        What the crop covers.
    keypoints
        (K, 3) float32: x, y in image pixels and visibility.
    load
        Returns the bytes of the image where it is no file of its own.
    """

    path: Path
    image_size: tuple[int, int] | None
    image_id: int
    box: PersonBox
    keypoints: np.ndarray
    load: Callable[[], bytes] | None = field(default=None, repr=False, compare=False)


class KeypointData:
    """One split of a data set.

    Attributes
    ----------
    root, split
        Where it is, and its name there.
    annotation_file
        The file that was read, for messages.
    skeleton
        The K joints of the annotations.
    category_id
        The category of people in the index.
    index
        The annotations as flat arrays; not to be written to.
    records
        Every image, by id.
    metric
        By what it is scored: a name of `cpm.evaluation.METRICS`.
    """

    root: Path
    split: str
    annotation_file: Path
    skeleton: Skeleton
    category_id: int
    index: AnnotationIndex
    records: Records
    metric: str

    def __len__(self) -> int:
        return len(self.records)

    def boxed_people(self, aspect: float, enlarge: float) -> Sequence[BoxedPerson]:
        """Return the people that a top-down network can be trained on, each with the box to crop.

        They are those with keypoints and a box on the image who are no crowd.

        Parameters
        ----------
        aspect
            Width by height of the crop.
        enlarge
            By how much boxes grow that the annotations give.
        """
        people = []
        outside = 0
        for record in self.records:
            for person in record.people:
                if person.is_crowd or person.area <= 0 or not person.num_keypoints:
                    continue
                try:
                    box = box_of(person.bbox, record.size, aspect, enlarge)
                except DataError:
                    outside += 1
                    continue
                people.append(BoxedPerson(record.path, record.size, record.id, box, person.keypoints, record.load))
        if outside:
            logger.warning("%s: the boxes of %d people cover nothing of their image", self.annotation_file, outside)
        return people
