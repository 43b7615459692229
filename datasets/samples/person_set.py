"""Top-down samples: the crop of one person, and what the network is to say about their joints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...codecs import HeatmapCodec
from ...errors import DataError
from ...opencv import cv2
from ...skeletons import Skeleton, convert
from ..images.reading import read_bgr
from ..keypoint_data import BoxedPerson, KeypointData
from .person_crops import CropAugmentation, crop_warp, matches_box
from .sample_set import Sample, SampleSet


@dataclass(frozen=True)
class PersonChoice:
    """Which people of a data set are trained on.

    Attributes
    ----------
    min_keypoints
        Fewest labelled joints.
    select
        Whether their joints must lie about the middle of their box, see `cpm.datasets.matches_box`.
    """

    min_keypoints: int = 1
    select: bool = False

    def people(self, dataset: KeypointData, aspect: float, enlarge: float = 1.25) -> list[BoxedPerson]:
        """Return the people of a data set.

        Parameters
        ----------
        dataset
            Where they are from.
        aspect, enlarge
            See `KeypointData.boxed_people`.

        Raises
        ------
        DataError
            If nobody passes.
        """
        found = dataset.boxed_people(aspect, enlarge)
        chosen = [person for person in found if self._takes(person)]
        if not chosen:
            raise DataError(f"{dataset.annotation_file}: none of its {len(found)} people passes {self}")
        return chosen

    def _takes(self, person: BoxedPerson) -> bool:
        labelled = int(np.count_nonzero(person.keypoints[:, 2] > 0))
        return labelled >= self.min_keypoints and (not self.select or matches_box(person.keypoints, person.box))


class PersonSet(SampleSet):
    """The samples of one person each (Xiao et al. 2018, section 3).

    Parameters
    ----------
    people
        Who.
    skeleton
        The joints of their keypoints.
    codec
        Draws the heatmaps; its skeleton may be another.
    size
        Height and width of the crop in pixels.
    augmentation
        The distribution of the crops.
    seed
        See `SampleSet`.

    Raises
    ------
    DataError
        If the skeletons have no joint in common.
    """

    codec: HeatmapCodec

    def __init__(
        self,
        people: Sequence[BoxedPerson],
        skeleton: Skeleton,
        codec: HeatmapCodec,
        size: tuple[int, int],
        augmentation: CropAugmentation,
        seed: int,
    ) -> None:
        super().__init__(seed)
        self.people = people
        self.codec = codec
        self.size = size
        self.augmentation = augmentation
        if not convert(np.ones((1, skeleton.num_joints, 3)), skeleton, codec.skeleton).any():
            raise DataError(f"the joints of {skeleton.name} give none of {codec.skeleton.name}")
        self._keypoints = convert(np.stack([person.keypoints for person in people]), skeleton, codec.skeleton)

    def __len__(self) -> int:
        return len(self.people)

    def path(self, index: int) -> Path:
        """Return the file of the image of a sample."""
        return self.people[index].path

    def _empty(self, count: int) -> Sample:
        image = np.empty((count, *self.size, 3), np.uint8)
        mask = np.ones((count, 1, 1, 1), np.float32)
        return Sample(image, self.codec.empty(self.size, count), mask)

    def _make(self, out: Sample, epoch: int, index: int) -> np.ndarray:
        person = self.people[index]
        rng = np.random.default_rng((self.seed, epoch, index))
        warp = crop_warp(person.box, self.size, *self.augmentation.draw(rng))
        crop = warp.image(read_bgr(person.path, person.image_size, person.load))
        cv2.cvtColor(crop, cv2.COLOR_BGR2RGB, dst=out.image)  # less to turn round than the whole image
        # The codec knows which of the joints outside of the crop are near enough to be seen.
        margin = 4 * self.codec.sigma * self.codec.stride
        keypoints = warp.keypoints(self._keypoints[index : index + 1], self.codec.skeleton, margin)
        self.codec.encode(keypoints, self.size, out.targets)
        return keypoints
