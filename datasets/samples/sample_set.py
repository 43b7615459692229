"""What every set of training samples does: batches made in place, and stand-ins for broken images."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...codecs import Codec, Targets
from ...errors import DataError

_MAX_REPLACEMENTS = 20


@dataclass(frozen=True)
class Sample:
    """One sample, or a batch of them with B in front of every shape.

    Attributes
    ----------
    image
        (H, W, 3) uint8 RGB.
    targets
        The maps (C, h, w) that the network is to return, and how much more or less channels or cells of them count.
    mask
        (1, h, w) float32: 1 where the loss counts; (1, 1, 1) where that is the same in all cells.
    keypoints
        (N, K, 3) float32 x, y in pixels of the image and visibility, what the maps were drawn of; of a batch, those of
        each of its samples.
    problems
        What was wrong with the images that had to be replaced by others.
    """

    image: np.ndarray
    targets: Targets
    mask: np.ndarray
    keypoints: list[np.ndarray] = field(default_factory=list)
    problems: tuple[str, ...] = ()

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all that the loss is computed of: the image, the mask, and maps and weights by their kinds."""
        arrays = {"image": self.image, "mask": self.mask}
        arrays.update({f"maps.{name}": maps for name, maps in self.targets.maps.items()})
        arrays.update({f"weights.{name}": weights for name, weights in self.targets.weights.items()})
        return arrays

    def at(self, place: int) -> Sample:
        """Return one sample of a batch, which shares its arrays."""
        keypoints = self.keypoints[place : place + 1]
        return Sample(self.image[place], self.targets.sample(place), self.mask[place], keypoints)


class SampleSet(ABC):
    """The samples of a data set; sample (epoch, index) is the same whenever and wherever it is asked for.

    Parameters
    ----------
    seed
        Together with the epoch and the index it fixes every random draw.

    Attributes
    ----------
    codec
        Draws the maps.
    """

    codec: Codec
    _keypoints: np.ndarray  # of all labelled people, in the joints of the labels

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def checksum(self) -> int:
        """Return a checksum of the number of samples and of the joints of all people."""
        return zlib.crc32(self._keypoints.tobytes(), len(self))

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of samples."""

    @abstractmethod
    def path(self, index: int) -> Path:
        """Return the file of the image of a sample."""

    @abstractmethod
    def _empty(self, count: int) -> Sample:
        """Return a batch of `count` samples to be filled."""

    @abstractmethod
    def _make(self, out: Sample, epoch: int, index: int) -> np.ndarray:
        """Make a sample in the arrays of `out`, return its keypoints; raise a DataError where its image is broken."""

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        """Return sample (epoch, index); the next readable one, with a note, where its image is broken.

        Raises
        ------
        DataError
            If the images of many samples in a row are broken.
        """
        batch = self.batch([key])
        return replace(batch.at(0), problems=batch.problems)

    def batch(self, keys: Sequence[tuple[int, int]], begin: Callable[[int], None] = lambda index: None) -> Sample:
        """Return the samples of these keys as a batch; errors as for one of them.

        Parameters
        ----------
        keys
            The samples (epoch, index).
        begin
            Called with the index of every sample before it is made; what it raises ends the batch.
        """
        batch = self._empty(len(keys))
        keypoints: list[np.ndarray] = []
        problems: list[str] = []
        for place, (epoch, index) in enumerate(keys):
            keypoints.append(self._fill(batch.at(place), epoch, index, begin, problems))
        return replace(batch, keypoints=keypoints, problems=tuple(problems))

    def _fill(
        self, out: Sample, epoch: int, index: int, begin: Callable[[int], None], problems: list[str]
    ) -> np.ndarray:
        """Make a sample, or one that takes its place, in the arrays of `out`; return its keypoints, note problems."""
        found: list[str] = []
        for step in range(min(len(self), _MAX_REPLACEMENTS)):
            taken = (index + step) % len(self)
            begin(taken)
            try:
                keypoints = self._make(out, epoch, taken)
                problems += found
                return keypoints
            except DataError as error:
                found.append(str(error))
        raise DataError(f"{len(found)} images in a row cannot be used; the first: {found[0]}")
