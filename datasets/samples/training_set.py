"""Training samples: a crop around one person, and what the network is to say about everyone in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...codecs import PafCodec, Targets, limb_weights
from ...errors import ConfigError, DataError
from ...opencv import cv2
from ...skeletons import convert
from ..annotations.index import AnnotationIndex
from ..keypoint_data import KeypointData
from ..records import ImageRecord
from .sample_set import Sample, SampleSet
from .transforms import Augmentation


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
        fit = [
            place
            for place, person in enumerate(record.people)
            if not person.is_crowd and person.num_keypoints >= self._joints() and person.area >= self.min_area
        ]
        return [fit[k] for k in self._apart([record.id] * len(fit), [record.people[place].bbox for place in fit])]

    def select_all(self, index: AnnotationIndex) -> np.ndarray:
        """Return those of all images who get a sample, (S, 2) int: the row of the image, the place among its people."""
        joints = np.count_nonzero(index.keypoints[..., 2] > 0, axis=1)
        people = np.flatnonzero(~index.crowds & (joints >= self._joints()) & (index.areas >= self.min_area))
        rows = np.searchsorted(index.people_offsets, people, side="right") - 1
        chosen = self._apart(rows.tolist(), index.boxes[people].tolist())
        return np.column_stack([rows, people - index.people_offsets[rows]])[chosen]

    def _joints(self) -> int:
        return max(self.min_keypoints, 1)

    def _apart(self, images: Sequence[int], boxes: Sequence[Sequence[float]]) -> list[int]:
        """Return the places of those who are far enough from the chosen ones before them in the same image."""
        chosen: list[int] = []
        earlier: list[tuple[float, float, float]] = []
        for place, (left, top, width, height) in enumerate(boxes):
            if place and images[place] != images[place - 1]:
                earlier = []
            x, y = left + width / 2, top + height / 2
            if all(math.hypot(x - other_x, y - other_y) >= reach for other_x, other_y, reach in earlier):
                earlier.append((x, y, self.min_distance * max(width, height)))
                chosen.append(place)
        return chosen


class TrainingSet(SampleSet):
    """The samples of a data set: a crop around each person that passes the filter.

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
        See `SampleSet`.
    weigh_limbs
        Whether the PAFs count by how near they are to a limb, see :func:`cpm.codecs.limb_weights`.
    mask_missing
        Whether maps do not count of joints that the person of the sample lacks in the crop, or of limbs without both
        ends. For data in which a joint without a label may well be seen.

    Raises
    ------
    DataError
        If no person passes the filter, or the skeletons have no joint in common.
    ConfigError
        If the crop is not made of whole cells.
    """

    codec: PafCodec

    def __init__(
        self,
        dataset: KeypointData,
        codec: PafCodec,
        augmentation: Augmentation,
        people: PersonFilter,
        seed: int,
        weigh_limbs: bool = False,
        mask_missing: bool = False,
    ) -> None:
        super().__init__(seed)
        self.dataset = dataset
        self.codec = codec
        self.augmentation = augmentation
        self._weigh_limbs = weigh_limbs
        self._mask_missing = mask_missing
        if augmentation.crop % codec.stride:
            raise ConfigError(f"augment.crop={augmentation.crop}: expected a multiple of the stride {codec.stride}")
        source = dataset.skeleton
        target = codec.skeleton
        if not convert(np.ones((1, source.num_joints, 3)), source, target).any():
            raise DataError(f"{dataset.annotation_file}: the joints of {source.name} give none of {target.name}")
        index = dataset.index
        labelled = ~index.crowds & (index.keypoints[..., 2] > 0).any(axis=1)
        # Of all at once, which takes a tenth of a millisecond off every sample; image k has the rows from
        # offset k to k + 1. The neck comes before the crop: it may be inside where a shoulder is not.
        self._keypoints = convert(index.keypoints[labelled], source, target)
        self._before = np.concatenate([[0], np.cumsum(labelled)])  # how many labelled people come before a person
        self._offsets = self._before[index.people_offsets].tolist()
        self.samples = people.select_all(index)
        if not len(self.samples):
            raise DataError(
                f"{dataset.annotation_file}: none of the people in its {len(dataset)} images passes the filter {people}"
            )

    def __len__(self) -> int:
        return len(self.samples)

    def path(self, index: int) -> Path:
        """Return the file of the image of a sample."""
        return self.dataset.records[int(self.samples[index][0])].path

    def _empty(self, count: int) -> Sample:
        crop = self.augmentation.crop
        maps = self.codec.empty((crop, crop), count).maps
        weights = {}
        if self._mask_missing:
            weights = {name: np.empty((*array.shape[:2], 1, 1), np.float32) for name, array in maps.items()}
        if self._weigh_limbs:
            weights["pafs"] = np.empty_like(maps["pafs"])
        cells = crop // self.codec.stride
        image = np.empty((count, crop, crop, 3), np.uint8)
        mask = np.empty((count, 1, cells, cells), np.float32)
        return Sample(image, Targets(maps, weights), mask)

    def _make(self, out: Sample, epoch: int, index: int) -> np.ndarray:
        row, place = self.samples[index].tolist()
        record = self.dataset.records[row]
        person = record.people[place]
        rng = np.random.default_rng((self.seed, epoch, index))
        height = person.bbox[3] if self.augmentation.reference == "person" else record.height
        warp = self.augmentation.draw(person.center, height, rng)

        crop = warp.image(record.read_bgr(), self.augmentation.fill)
        cv2.cvtColor(crop, cv2.COLOR_BGR2RGB, dst=out.image)  # less to turn round than the whole image
        keypoints = self._keypoints[self._offsets[row] : self._offsets[row + 1]]
        keypoints = warp.keypoints(keypoints, self.codec.skeleton)
        self.codec.encode(keypoints, (self.augmentation.crop, self.augmentation.crop), out.targets)
        main = self._before[self.dataset.index.people_offsets[row] + place] - self._offsets[row]
        self._weigh(out.targets.weights, keypoints, keypoints[main])

        border = 255 if self.augmentation.supervise_border else 0
        mask = record.mask_miss()
        if mask is None and border:
            out.mask.fill(1)
        else:
            mask = np.full((record.height, record.width), 255, np.uint8) if mask is None else mask
            out.mask[0] = warp.mask(mask, border, self.codec.stride)
        return keypoints

    def _weigh(self, weights: Mapping[str, np.ndarray], keypoints: np.ndarray, main: np.ndarray) -> None:
        """Write the weights of a crop with these people (N, K, 3), of whom `main` (K, 3) is the sample."""
        for each in weights.values():
            each.fill(1)
        if self._weigh_limbs:
            rows, columns = weights["pafs"].shape[1:]
            codec = self.codec
            weights["pafs"][:] = limb_weights(keypoints, codec.skeleton, codec.stride, (rows, columns), codec.paf_width)
        if self._mask_missing:
            joints = main[:, 2] > 0
            for kind in self.codec.kinds:
                weights[kind.name][~kind.known_channels(joints, self.codec.skeleton)] = 0
