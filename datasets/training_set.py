"""Training samples: a crop around one person, and what the network is to say about everyone in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..codecs import PafCodec
from ..errors import ConfigError, DataError
from ..skeletons import convert
from .coco import CocoKeypoints, ImageRecord
from .images import read_image
from .transforms import Augmentation

_MAX_REPLACEMENTS = 20


@dataclass(frozen=True)
class PersonFilter:
    """Which people get a sample of their own; all others with keypoints are labelled in the crops they are in.

    The defaults are those of Cao et al. (2017).

    Attributes
    ----------
    min_keypoints
        Fewest labelled joints.
    min_area
        Smallest segmentation in square pixels.
    min_distance
        Distance of the centres from every earlier sample of the image, as a share of that one's larger side.
    """

    min_keypoints: int = 5
    min_area: float = 32.0 * 32.0
    min_distance: float = 0.3

    def select(self, record: ImageRecord) -> list[int]:
        """Return the places in ``record.people`` of those who get a sample."""
        chosen: list[int] = []
        for place, person in enumerate(record.people):
            if person.is_crowd or person.num_keypoints < max(self.min_keypoints, 1) or person.area < self.min_area:
                continue
            earlier = (record.people[each] for each in chosen)
            if all(
                np.hypot(person.center[0] - other.center[0], person.center[1] - other.center[1])
                >= self.min_distance * max(other.bbox[2:])
                for other in earlier
            ):
                chosen.append(place)
        return chosen


@dataclass(frozen=True)
class Example:
    """One sample, or a batch of them with B in front of every shape.

    Attributes
    ----------
    image
        (H, W, 3) uint8 RGB.
    heatmaps
        (K + 1, h, w) float32.
    pafs
        (2L, h, w) float32.
    mask
        (1, h, w) float32: 1 where the loss counts.
    problems
        What was wrong with the images that had to be replaced by others.
    """

    image: np.ndarray
    heatmaps: np.ndarray
    pafs: np.ndarray
    mask: np.ndarray
    problems: tuple[str, ...] = ()


class TrainingSet:
    """The samples of a data set; sample (epoch, index) is the same whenever and wherever it is asked for.

    Parameters
    ----------
    dataset
        Images with people.
    codec
        Draws the labels; its skeleton may be another than that of the data set.
    augmentation
        The distribution of the crops.
    people
        Which people get a sample.
    seed
        Together with the epoch and the index it fixes every random draw.

    Raises
    ------
    DataError
        If no person passes the filter, or the skeletons have no joint in common.
    ConfigError
        If the crop is not made of whole cells.
    """

    def __init__(
        self, dataset: CocoKeypoints, codec: PafCodec, augmentation: Augmentation, people: PersonFilter, seed: int
    ) -> None:
        self.dataset, self.codec, self.augmentation, self.seed = dataset, codec, augmentation, seed
        if augmentation.crop % codec.stride:
            raise ConfigError(f"augment.crop={augmentation.crop}: expected a multiple of the stride {codec.stride}")
        source, target = dataset.skeleton, codec.skeleton
        if not convert(np.ones((1, source.num_joints, 3)), source, target).any():
            raise DataError(f"{dataset.annotation_file}: the joints of {source.name} give none of {target.name}")
        self.samples = [(row, place) for row, record in enumerate(dataset.records) for place in people.select(record)]
        if not self.samples:
            raise DataError(
                f"{dataset.annotation_file}: none of the people in its {len(dataset)} images passes the filter {people}"
            )

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: tuple[int, int]) -> Example:
        """Return sample (epoch, index); the next readable one, with a note, where its image is broken.

        Raises
        ------
        DataError
            If the images of many samples in a row are broken.
        """
        epoch, index = key
        problems: list[str] = []
        for step in range(min(len(self), _MAX_REPLACEMENTS)):
            try:
                return self._sample(epoch, (index + step) % len(self), tuple(problems))
            except DataError as error:
                problems.append(str(error))
        raise DataError(f"{len(problems)} images in a row cannot be used; the first: {problems[0]}")

    def _sample(self, epoch: int, index: int, problems: tuple[str, ...]) -> Example:
        row, place = self.samples[index]
        record = self.dataset.records[row]
        person = record.people[place]
        rng = np.random.default_rng((self.seed, epoch, index))
        height = person.bbox[3] if self.augmentation.reference == "person" else record.height
        warp = self.augmentation.draw(person.center, height, rng)

        image = read_image(record.path, (record.width, record.height))
        # First the neck, then the crop: it may be inside where a shoulder is not.
        keypoints = convert(record.labelled_keypoints(), self.dataset.skeleton, self.codec.skeleton)
        keypoints = warp.keypoints(keypoints, self.codec.skeleton)
        crop = self.augmentation.crop
        targets = self.codec.encode(keypoints, (crop, crop))

        border = 255 if self.augmentation.supervise_border else 0
        mask = record.mask_miss()
        if mask is None:
            mask = np.full((record.height, record.width), 255, np.uint8)
        cells = targets.heatmaps.shape[1:]
        # A cell counts by the share of its pixels that do.
        mask = cv2.resize(warp.image(mask, border), cells[::-1], interpolation=cv2.INTER_AREA)
        return Example(
            image=warp.image(image, self.augmentation.fill),
            heatmaps=targets.heatmaps,
            pafs=targets.pafs,
            mask=mask[None].astype(np.float32) / 255,
            problems=problems,
        )
