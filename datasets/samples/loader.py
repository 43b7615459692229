"""Batches for training, made by many workers and the same whatever their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...codecs import Codec
from ...errors import ConfigError
from ...opencv import cv2
from .batch_threads import Fetcher, Work
from .sample_set import Sample, SampleSet


@dataclass
class EpochBatches:
    """The sample keys (epoch, index) of one epoch in batches.

    Attributes
    ----------
    num_samples, batch_size, seed
        The samples of the set, those of a batch, and the seed of the order.
    shuffle
        Whether every epoch has an order of its own; what does not fill a batch is then left out.
    epoch
        The epoch that the next iteration yields.
    start
        How many of its batches are passed over: those that were trained on before an interruption.
    """

    num_samples: int
    batch_size: int
    seed: int
    shuffle: bool = True
    epoch: int = 0
    start: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.batch_size <= self.num_samples:
            raise ConfigError(
                f"train.batch_size={self.batch_size}: expected 1 to {self.num_samples}, the number of samples"
            )

    def __len__(self) -> int:
        full, rest = divmod(self.num_samples, self.batch_size)
        return full if self.shuffle or not rest else full + 1

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order = np.arange(self.num_samples)
        if self.shuffle:
            np.random.default_rng((self.seed, self.epoch)).shuffle(order)
        epoch = self.epoch
        for batch in range(self.start, len(self)):
            indices = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            yield [(epoch, int(index)) for index in indices]


class BatchLoader:
    """Batches of a :class:`SampleSet`, prepared ahead by `num_workers` threads.

    Reading, warping and drawing run outside of Python's lock, so that threads keep many cores busy. They share the
    annotations, and every sample is made in its place in the batch: nothing is copied. Processes would have to copy
    every batch, and to be forked before anything touches a GPU.

    Parameters
    ----------
    samples
        Where the samples come from.
    batch_size
        Samples of a batch, over all devices.
    num_workers
        Threads; 0 prepares each batch when it is asked for. Each has two batches in hand: one that it prepares and
        one that waits.
    shuffle
        Whether every epoch has an order of its own.
    timeout
        Seconds that a batch is waited for in which no sample is finished; 0 waits for ever.
    """

    def __init__(
        self, samples: SampleSet, batch_size: int, num_workers: int, shuffle: bool = True, timeout: float = 300.0
    ) -> None:
        self._samples = samples
        self._num_workers = num_workers
        self._timeout = timeout
        self._batches = EpochBatches(len(samples), batch_size, samples.seed, shuffle)

    @property
    def codec(self) -> Codec:
        """What draws the maps of the samples."""
        return self._samples.codec

    def paths(self, epoch: int, batch: int) -> list[Path]:
        """Return the images of the samples of a batch, those included that others had to stand in for."""
        keys = next(iter(replace(self._batches, epoch=epoch, start=batch)))
        return [self._samples.path(index) for _, index in keys]

    def checksum(self) -> int:
        """Return a checksum of the people of the samples: the same for the same annotations."""
        return self._samples.checksum()

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return len(self._batches)

    def epoch(self, epoch: int, start: int = 0, stop: Callable[[], bool] | None = None) -> Iterator[Sample]:
        """Yield the batches of an epoch from batch `start` on.

        Parameters
        ----------
        epoch, start
            Which epoch, and how many of its batches are passed over.
        stop
            Asked while a batch is waited for; if it returns True, the epoch ends there.

        Raises
        ------
        DataError
            If the images of many samples in a row are broken, or the reading of one does not come to an end.
        """
        work = Work(self._samples, list(replace(self._batches, epoch=epoch, start=start)))
        with opencv_threads(self._num_workers), closing(Fetcher(work, self._num_workers)) as fetcher:
            for _ in range(len(work)):
                batch = fetcher.fetch(stop, self._timeout)
                if batch is None:
                    return
                yield batch


@contextmanager
def opencv_threads(num_workers: int) -> Iterator[None]:
    """Keep OpenCV to one thread per worker: the workers are threads enough, its own would only get in their way."""
    before = cv2.getNumThreads()
    if num_workers > 0:
        cv2.setNumThreads(0)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
