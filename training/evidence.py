"""What is left of a batch whose loss was no number, for whoever wants to know why."""

from __future__ import annotations

import logging
from collections import OrderedDict
from pathlib import Path

import numpy as np

from ..datasets import BatchLoader, Sample
from ..files import write_arrays

logger = logging.getLogger(__name__)

NAME = "broken-batch.npz"
_KEPT = 2  # batches: losses are looked at one step late


class Evidence:
    """Remembers the last batches, and writes one down.

    Parameters
    ----------
    output
        The folder of the run.
    loader
        Where the batches are from, which knows their images.
    """

    def __init__(self, output: Path, loader: BatchLoader) -> None:
        self._output = output
        self._loader = loader
        self._recent: OrderedDict[str, tuple[Sample, int, int]] = OrderedDict()

    def remember(self, place: str, batch: Sample, epoch: int, number: int) -> None:
        """Remember a batch, and which it is of an epoch, by what its place in the run is called."""
        self._recent[place] = (batch, epoch, number)
        while len(self._recent) > _KEPT:
            self._recent.popitem(last=False)

    def write(self, place: str) -> None:
        """Write the batch of a place as arrays: ``image``, ``mask``, ``maps.NAME``, ``weights.NAME`` and ``paths``."""
        if place not in self._recent:
            return
        batch, epoch, number = self._recent[place]
        # Asked for only now, since an epoch is shuffled for it.
        names = np.array([str(path) for path in self._loader.paths(epoch, number)])
        write_arrays(self._output / NAME, {**batch.arrays(), "paths": names})
        logger.error("the batch is in %s; its images: %s", self._output / NAME, ", ".join(names))
