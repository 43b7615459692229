"""Samples that are numbers, of which some may never come."""

import threading
import time
from pathlib import Path

import numpy as np

from cpm.codecs import Targets
from cpm.datasets.samples.sample_set import Sample, SampleSet


class Numbers(SampleSet):
    """Samples that are their own index; reading some of them never ends until the test does."""

    def __init__(self, count: int, hanging: tuple = (), pause: float = 0.0) -> None:
        super().__init__(seed=0)
        self.count = count
        self.hanging = hanging
        self.pause = pause
        self.released = threading.Event()
        self.made = 0

    def __len__(self):
        return self.count

    def path(self, index):
        return Path("folder") / f"{index}.jpg"

    def _empty(self, count):
        return Sample(np.empty((count, 1)), Targets({}), np.empty((count, 1)))

    def _make(self, out, epoch, index):
        if index in self.hanging:
            self.released.wait()
        time.sleep(self.pause)
        self.made += 1
        out.image[:] = index
