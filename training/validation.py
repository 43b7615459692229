"""The loss on samples that are not trained on."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import mxnet as mx
import numpy as np
from tqdm import tqdm

from ..datasets import BatchLoader, Sample
from .learner import Learner
from .logs import RunLog
from .meter import LossMeter
from .pictures import target_and_prediction
from .stopping import StopSignal

logger = logging.getLogger(__name__)

_NUM_PICTURES = 4


class Problems:
    """Tells and counts what was wrong with images that others had to stand in for."""

    def __init__(self) -> None:
        self._number = 0

    def report(self, problems: Sequence[str]) -> None:
        """Warn of the problems of a batch."""
        for problem in problems:
            self._number += 1
            logger.warning("%s; another sample takes its place (%d so far)", problem, self._number)


class Validation:
    """Computes the losses of the validation samples, and draws some.

    Parameters
    ----------
    learner
        Computes the losses.
    batches
        The samples.
    most
        The batches to take; 0 is all of them.
    problems
        Is told of broken images.
    """

    def __init__(self, learner: Learner, batches: BatchLoader, most: int, problems: Problems) -> None:
        self._learner = learner
        self._batches = batches
        self._limit = min(most or len(batches), len(batches))
        self._problems = problems

    def run(self, iteration: int, log: RunLog, stop: StopSignal) -> float | None:
        """Return the mean loss of all stages after an iteration; None where a signal broke it off.

        Raises
        ------
        CpmError
            If the loss is not a number, or the data cannot be read.
        """
        meter = LossMeter(self._learner.names)
        batches = self._batches.epoch(0, stop=stop.requested)
        for number in tqdm(range(self._limit), desc="validation", unit="batch", leave=False):
            batch = None if stop.requested() else next(batches, None)
            if batch is None:
                return None
            self._problems.report(batch.problems)
            place = f"in batch {number + 1} of the validation after iteration {iteration}"
            meter.add(self._learner.losses(batch), len(batch.image), place)
            if number == 0:
                log.picture(iteration, "validation", self._draw(batch))
        figures = meter.take()
        log.scalars(iteration, "val", figures)
        return figures["loss"]

    def _draw(self, batch: Sample) -> np.ndarray:
        net = self._learner.net
        images = mx.nd.array(batch.image[:_NUM_PICTURES], ctx=self._learner.contexts[0], dtype=np.uint8)
        predicted = {name: maps.asnumpy() for name, maps in net(images)[-1].items()}
        return target_and_prediction(batch, predicted, self._batches.codec)
