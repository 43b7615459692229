"""What every set of training samples does: batches made in place, and stand-ins for broken images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..errors import DataError

_MAX_REPLACEMENTS = 20


@dataclass(frozen=True)
class Example:
    """One sample, or a batch of them with B in front of every shape.

    Attributes
    ----------
    image
        (H, W, 3) uint8 RGB.
    heatmaps
        (K + 1, h, w) float32; (K, h, w) of a single person in a box.
    pafs
        (2L, h, w) float32; None of a single person in a box.
    mask
        (1, h, w) float32: 1 where the loss counts; of a single person in a box (K, 1, 1): the weights of the joints.
    offsets
        (2K, h, w) float32, where the codec draws them.
    weights
        For some kinds of maps, as "pafs", how much more or less their loss counts, beside the mask: float32 of
        C channels, (C, h, w) or (C, 1, 1).
    problems
        What was wrong with the images that had to be replaced by others.
    """

    image: np.ndarray
    heatmaps: np.ndarray
    pafs: np.ndarray | None
    mask: np.ndarray
    offsets: np.ndarray | None = None
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def sample(self, place: int) -> Example:
        """Return one sample of a batch, which shares its arrays."""
        pafs, offsets = (None if maps is None else maps[place] for maps in (self.pafs, self.offsets))
        weights = {kind: weights[place] for kind, weights in self.weights.items()}
        return Example(self.image[place], self.heatmaps[place], pafs, self.mask[place], offsets, weights)


class SampleSet(ABC):
    """The samples of a data set; sample (epoch, index) is the same whenever and wherever it is asked for.

    Parameters
    ----------
    seed
        Together with the epoch and the index it fixes every random draw.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of samples."""

    @abstractmethod
    def path(self, index: int) -> Path:
        """Return the file of the image of a sample."""

    @abstractmethod
    def _empty(self, count: int) -> Example:
        """Return a batch of `count` samples to be filled."""

    @abstractmethod
    def _make(self, out: Example, epoch: int, index: int) -> None:
        """Make a sample in the arrays of `out`; raise a DataError where its image is broken."""

    def __getitem__(self, key: tuple[int, int]) -> Example:
        """Return sample (epoch, index); the next readable one, with a note, where its image is broken.

        Raises
        ------
        DataError
            If the images of many samples in a row are broken.
        """
        batch = self.batch([key])
        return replace(batch.sample(0), problems=batch.problems)

    def batch(self, keys: Sequence[tuple[int, int]], begin: Callable[[int], None] = lambda index: None) -> Example:
        """Return the samples of these keys as a batch; errors as for one of them.

        Parameters
        ----------
        keys
            The samples (epoch, index).
        begin
            Called with the index of every sample before it is made; what it raises ends the batch.
        """
        batch = self._empty(len(keys))
        problems: list[str] = []
        for place, (epoch, index) in enumerate(keys):
            problems += self._fill(batch.sample(place), epoch, index, begin)
        return replace(batch, problems=tuple(problems))

    def _fill(self, out: Example, epoch: int, index: int, begin: Callable[[int], None]) -> list[str]:
        """Make a sample, or one that takes its place, in the arrays of `out`; return what was wrong."""
        problems: list[str] = []
        for step in range(min(len(self), _MAX_REPLACEMENTS)):
            taken = (index + step) % len(self)
            begin(taken)
            try:
                self._make(out, epoch, taken)
                return problems
            except DataError as error:
                problems.append(str(error))
        raise DataError(f"{len(problems)} images in a row cannot be used; the first: {problems[0]}")
