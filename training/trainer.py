"""The training loop: batches over many devices, validation, checkpoints, and a stop that loses nothing."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import mxnet as mx
from easydict import EasyDict
from tqdm import tqdm

from ..datasets import BatchLoader, Sample
from ..errors import ConfigError, DataError
from ..models import Checkpoint, PoseNet
from .evidence import Evidence
from .folder import drop_older, is_same
from .learner import Learner
from .logs import RunLog
from .meter import LossError, LossMeter
from .progress import Progress
from .resuming import check_people, is_over, notes_of
from .scoring import SPLIT, Scorer
from .state import RunKeeper
from .stopping import StopSignal
from .validation import Problems, Validation

logger = logging.getLogger(__name__)


class PoseTrainer:
    """Trains a network by the recipe, from the start or from a checkpoint.

    All that is random is drawn from generators seeded with the recipe's seed and the place in the run (epoch
    and sample for the data, iteration for the network), so that a run that was interrupted goes on exactly.

    Parameters
    ----------
    net
        The network, on all of `contexts`.
    train, val
        The batches.
    config
        The recipe, see :mod:`cpm.configs`.
    contexts
        The devices; every batch is shared out among them evenly.
    output
        The folder for all that the run writes.
    checkpoint
        Where to go on from; its parameters must be in `net` already.
    scorer
        Scores the network every ``train.score_every`` epochs; what is best is then said by its figure, not by the loss.

    Attributes
    ----------
    learner
        What makes the steps.
    progress
        How far the run has come.

    Raises
    ------
    ConfigError
        If the batch size is not a multiple of the number of devices, or they cannot compute as ``train.amp`` says; or
        if the people of the data are others than those of the epoch that the checkpoint is in.
    CheckpointError
        If the training state does not fit.
    """

    def __init__(
        self,
        net: PoseNet,
        train: BatchLoader,
        val: BatchLoader,
        config: EasyDict,
        contexts: Sequence[mx.Context],
        output: Path,
        checkpoint: Checkpoint | None = None,
        scorer: Scorer | None = None,
    ) -> None:
        options = config.train
        if options.batch_size % len(contexts):
            raise ConfigError(
                f"train.batch_size={options.batch_size}: expected a multiple of the {len(contexts)} devices"
            )
        self.net = net
        self.config = config
        self.contexts = list(contexts)
        self.output = Path(output)
        self.train = train
        self._epoch_batches = min(options.max_iterations or len(train), len(train))
        self.learner = Learner(net, config, self.contexts, self._epoch_batches)
        self._meter = LossMeter(self.learner.names)
        self._keeper = RunKeeper(self.output, config, self.learner, self._meter, train)
        self.progress = Progress()
        self._problems = Problems()
        self._evidence = Evidence(self.output, train)
        self._validation = Validation(self.learner, val, options.max_val_batches, self._problems)
        self._scorer = scorer
        self._source: Path | None = None
        self._notes: list[str] = []
        if checkpoint is not None:
            self._resume(checkpoint)

    def fit(self) -> None:
        """Train to the last epoch of the recipe.

        Raises
        ------
        CpmError
            If the loss is no longer a number, or the data cannot be read; then a checkpoint is written before.
        KeyboardInterrupt
            After a SIGINT or SIGTERM, once a checkpoint is written.
        """
        with RunLog(self.output, self._source, self.progress, self.config) as log, StopSignal() as stop:
            self._announce()
            if self._source is not None and not is_same(self.output, self._source):
                self.save("last.npz")  # from now on this folder has a run
            self._source = self.output
            while not is_over(self.progress, self.config):
                self._train_epoch(log, stop)
                # Before the validation too: it takes long, and who kills may not wait for it.
                self.save("last.npz")
                with self.learner.average.in_place():
                    loss = self._validation.run(self.progress.iteration, log, stop)
                    missing = loss if self._scorer is None else self._score(log)
                self._finish_epoch(log, loss, missing)

    def step(self, batch: Sample) -> list[mx.nd.NDArray]:
        """Update the parameters; returns per device the summed losses of every stage and kind of maps."""
        return self.learner.update(batch, self.progress)

    def save(self, name: str, resumable: bool = True) -> None:
        """Write a checkpoint to the folder of the run, with all that it needs to go on or the network alone.

        Raises
        ------
        CpmError
            If a parameter or a loss is no longer a number; nothing is written then.
        """
        self._keeper.save(name, self.progress, resumable)

    def _resume(self, checkpoint: Checkpoint) -> None:
        people = self._keeper.people
        check_people(checkpoint, people, self._epoch_batches)
        self._notes = notes_of(checkpoint, self.config, self._epoch_batches, people, len(self.contexts))
        self.progress = self._keeper.restore(checkpoint).progress
        self._source = checkpoint.path.parent

    def _announce(self) -> None:
        epochs = self.config.train.epochs
        precision = self.learner.precision
        devices = ", ".join(map(str, self.contexts)) + (f" in {precision}" if precision else "")
        size = self.config.train.batch_size
        logger.info(
            "%s on %s: %d epochs of %d batches of %d samples", self.net.name, devices, epochs, self._epoch_batches, size
        )
        for note in self._notes:
            logger.warning(note)

    def _train_epoch(self, log: RunLog, stop: StopSignal) -> None:
        first = self.progress
        title = f"epoch {first.epoch + 1}/{self.config.train.epochs}"
        batches = self.train.epoch(first.epoch, first.batch, stop=stop.requested)
        try:
            with tqdm(total=self._epoch_batches, initial=first.batch, desc=title, unit="batch") as bar:
                while self.progress.batch < self._epoch_batches and not stop.requested():
                    batch = next(batches, None)
                    if batch is None:  # the wait for it was broken off
                        break
                    self._learn(batch, log, bar)
        except LossError as error:
            self._evidence.write(error.place)
            raise
        except DataError:
            if self.progress != first:
                self.save("last.npz")
                logger.info("%s holds the run up to the batch that failed", self.output / "last.npz")
            raise
        if self.progress.batch < self._epoch_batches:
            self.save("last.npz")
            self._stop()

    def _learn(self, batch: Sample, log: RunLog, bar: tqdm) -> None:
        options = self.config.train
        self._problems.report(batch.problems)
        iteration = self.progress.iteration + 1
        place = f"in iteration {iteration}"
        self._evidence.remember(place, batch, self.progress.epoch, self.progress.batch)
        losses = self.step(batch)
        self.progress = replace(self.progress, batch=self.progress.batch + 1, iteration=iteration)
        self._meter.add(losses, options.batch_size, place)
        bar.update()
        ended = self.progress.batch == self._epoch_batches
        if ended or iteration % options.log_every == 0:
            figures = self._meter.take()
            figures["lr"] = self.learner.trainer.learning_rate
            bar.set_postfix(loss=f"{figures['loss']:.4g}", lr=f"{figures['lr']:.2g}")
            log.scalars(iteration, "train", figures)
        if not ended and iteration % options.checkpoint_every == 0:
            self.save("last.npz")

    def _stop(self) -> NoReturn:
        logger.info("stopped; --resume=%s goes on from here", self.output / "last.npz")
        raise KeyboardInterrupt

    def _score(self, log: RunLog) -> float:
        """Score the network if the epoch is one of those; returns how far its figure is from the top."""
        if self._scorer is None or (self.progress.epoch + 1) % self.config.train.score_every:
            return math.inf
        score = self._scorer(self.net)
        log.scalars(self.progress.iteration, SPLIT, {score.name: score.value})
        logger.info("epoch %d: %s %.4g", self.progress.epoch + 1, score.name, score.value)
        return score.missing

    def _finish_epoch(self, log: RunLog, loss: float | None, missing: float | None) -> None:
        if loss is None or missing is None:
            self._stop()
        best = missing < self.progress.best
        self.progress = replace(
            self.progress,
            epoch=self.progress.epoch + 1,
            batch=0,
            best=min(missing, self.progress.best),
            stale=0 if best else self.progress.stale + 1,
        )
        epoch = self.progress.epoch
        logger.info("epoch %d: validation loss %.5g%s", epoch, loss, ", the best so far" if best else "")
        options = self.config.train
        if best:
            with self.learner.average.in_place():
                self.save("best.npz", resumable=False)
        self._keeper.save_average("average.npz", self.progress)
        if options.keep_every and epoch % options.keep_every == 0:
            self.save(f"epoch-{epoch:03d}.npz", resumable=False)
            drop_older(self.output, options.keep_last)
        if is_over(self.progress, self.config) and epoch < options.epochs:
            logger.info("no better validation in %d epochs: the run ends (train.patience)", options.patience)
        log.draw_curve()
        # The last of all: a run that is killed before goes on from the validation and does all of this again.
        self.save("last.npz")
