"""The training loop: batches over many devices, validation, checkpoints, and a stop that loses nothing."""

from __future__ import annotations

import logging
import math
import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import mxnet as mx
import numpy as np
from easydict import EasyDict
from mxnet import autograd, gluon
from tqdm import tqdm

from ..codecs import MapKind
from ..configs import to_json
from ..datasets import BatchLoader, Sample
from ..errors import ConfigError, CpmError
from ..models import Checkpoint, PoseNet, save_network
from .amp import backward, choose_precision, lower_precision, restore_scaling, scale_gradients, scaling_state
from .logs import RunLog
from .losses import StageLoss
from .optimizer import TrunkFreezer, make_trainer, restore_trainer, trainer_arrays
from .pictures import target_and_prediction
from .schedule import Schedule

logger = logging.getLogger(__name__)

_NUM_PICTURES = 4


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Attributes
    ----------
    epoch, batch
        The epoch under way and its batches that are done.
    iteration
        All batches so far.
    best
        The lowest validation loss so far.
    """

    epoch: int = 0
    batch: int = 0
    iteration: int = 0
    best: float = float("inf")


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

    Raises
    ------
    ConfigError
        If the batch size is not a multiple of the number of devices, or they cannot compute as ``train.amp`` says.
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
    ) -> None:
        options = config.train
        if options.batch_size % len(contexts):
            raise ConfigError(
                f"train.batch_size={options.batch_size}: expected a multiple of the {len(contexts)} devices"
            )
        self.net, self.config, self.contexts, self.output = net, config, list(contexts), Path(output)
        self._train, self._val = train, val
        self._kinds = {kind.name: kind for kinds in net.kinds for kind in kinds}
        plain = "l2" if config.loss.kind == "bce" else config.loss.kind  # only heatmaps are probabilities
        self._losses = {
            name: StageLoss(config.loss.reduction, config.loss.kind if kind.is_probability else plain)
            for name, kind in self._kinds.items()
        }
        for loss in self._losses.values():
            loss.hybridize()
        self._epoch_batches = min(options.max_iterations or len(train), len(train))
        schedule = {key: value for key, value in config.schedule.items()}
        self._schedule = Schedule(
            config.optimizer.lr, options.epochs * self._epoch_batches, epoch=self._epoch_batches, **schedule
        )
        self._precision = choose_precision(options.amp, self.contexts)
        if self._precision:
            lower_precision(net, self._precision)
        self._trainer = make_trainer(net, config)
        self._trunk = TrunkFreezer(net, options.freeze_trunk)
        scale_gradients(self._trainer, self._precision)
        self.progress = Progress()
        self._num_problems = 0
        if checkpoint is not None:
            self.progress = Progress(**checkpoint.meta["progress"])
            updates = checkpoint.meta.get("updates", self.progress.iteration)
            restore_trainer(self._trainer, net, checkpoint.arrays, updates)
            restore_scaling(self._trainer, checkpoint.meta.get("loss_scale", {}))

    def fit(self) -> None:
        """Train to the last epoch of the recipe.

        Raises
        ------
        CpmError
            If the loss is no longer a number.
        KeyboardInterrupt
            After a SIGINT or SIGTERM, once a checkpoint is written.
        """
        epochs = self.config.train.epochs
        with RunLog(self.output, self.progress.iteration) as log, _StopSignal() as stop:
            devices = ", ".join(map(str, self.contexts)) + (f" in {self._precision}" if self._precision else "")
            batches, size = self._epoch_batches, self.config.train.batch_size
            logger.info(
                "%s on %s: %d epochs of %d batches of %d samples", self.net.name, devices, epochs, batches, size
            )
            while self.progress.epoch < epochs:
                self._train_epoch(log, stop)
                if stop.requested:
                    self._save("last.npz", resumable=True)
                    logger.info("stopped; --resume=%s goes on from here", self.output / "last.npz")
                    raise KeyboardInterrupt
                loss = self._validate(log)
                self._finish_epoch(log, loss)

    def _train_epoch(self, log: RunLog, stop: _StopSignal) -> None:
        options = self.config.train
        start = self.progress.batch
        self._trunk.begin(self.progress.epoch)
        batches = self._train.epoch(self.progress.epoch, start)
        meter = _LossMeter(self._loss_names())
        title = f"epoch {self.progress.epoch + 1}/{options.epochs}"
        with tqdm(total=self._epoch_batches, initial=start, desc=title, unit="batch") as bar:
            while self.progress.batch < self._epoch_batches and not stop.requested:
                batch = next(batches)
                self._report(batch.problems)
                losses = self._step(batch)
                self.progress = replace(
                    self.progress, batch=self.progress.batch + 1, iteration=self.progress.iteration + 1
                )
                meter.add(losses, options.batch_size)
                bar.update()
                if self.progress.iteration % options.log_every == 0:
                    figures = meter.take()
                    figures["lr"] = self._trainer.learning_rate
                    bar.set_postfix(loss=f"{figures['loss']:.4g}", lr=f"{figures['lr']:.2g}")
                    log.scalars(self.progress.iteration, "train", figures)
                if self.progress.iteration % options.checkpoint_every == 0:
                    self._save("last.npz", resumable=True)
            meter.take()

    def _step(self, batch: Sample) -> list[mx.nd.NDArray]:
        """Update the parameters; returns per device the summed losses, in the order of `_loss_names`."""
        iteration = self.progress.iteration
        mx.random.seed((self.config.train.seed * 1_000_003 + iteration) % 2**31)
        self._trainer.set_learning_rate(self._schedule(iteration))
        with autograd.record():
            losses = [self._stage_losses(part) for part in self._share_out(batch)]
            totals = [each.sum() for each in losses]
        backward(totals, self._trainer)
        self._trainer.step(self.config.train.batch_size)
        return losses

    def _stage_losses(self, part: Mapping[str, mx.nd.NDArray]) -> mx.nd.NDArray:
        stages = self.net(part["image"])
        masks = {name: self._mask(kind, part, stages[-1]) for name, kind in self._kinds.items()}
        losses = [
            self._losses[name](maps, part[f"maps.{name}"], masks[name]).sum()
            for stage in stages
            for name, maps in stage.items()
        ]
        return mx.nd.concat(*losses, dim=0)

    def _mask(
        self, kind: MapKind, part: Mapping[str, mx.nd.NDArray], last: Mapping[str, mx.nd.NDArray]
    ) -> mx.nd.NDArray:
        """Return how much every cell of a kind of maps counts, given the maps of the last stage."""
        targets = {name: part[f"maps.{name}"] for name in self._kinds}
        epoch = self.progress.epoch if autograd.is_training() else math.inf
        mask = part["mask"]
        for weights in (part.get(f"weights.{kind.name}"), kind.counting(mx.nd, targets, last, self.config.loss, epoch)):
            if weights is not None:
                mask = mx.nd.broadcast_mul(mask, weights)
        return mask

    def _loss_names(self) -> list[str]:
        return [f"stage{number}_{kind.name}" for number, kinds in enumerate(self.net.kinds, 1) for kind in kinds]

    def _share_out(self, batch: Sample) -> list[dict[str, mx.nd.NDArray]]:
        """Return the arrays that each device trains on, by their names in `Sample.arrays`."""
        arrays = batch.arrays()
        contexts = self.contexts[: len(batch.image)]
        shares = [
            gluon.utils.split_and_load(mx.nd.array(array, dtype=array.dtype), contexts, even_split=False)
            for array in arrays.values()
        ]
        return [dict(zip(arrays, share)) for share in zip(*shares)]

    def _validate(self, log: RunLog) -> float:
        """Return the mean loss of all stages over the validation samples."""
        meter = _LossMeter(self._loss_names())
        limit = min(self.config.train.max_val_batches or len(self._val), len(self._val))
        batches = self._val.epoch(0)
        for number in tqdm(range(limit), desc="validation", unit="batch", leave=False):
            batch = next(batches)
            self._report(batch.problems)
            meter.add([self._stage_losses(part) for part in self._share_out(batch)], len(batch.image))
            if number == 0:
                log.picture(self.progress.iteration, "validation", self._draw(batch))
        figures = meter.take()
        log.scalars(self.progress.iteration, "val", figures)
        return figures["loss"]

    def _draw(self, batch: Sample) -> np.ndarray:
        images = mx.nd.array(batch.image[:_NUM_PICTURES], ctx=self.contexts[0], dtype=np.uint8)
        predicted = {name: maps.asnumpy() for name, maps in self.net(images)[-1].items()}
        return target_and_prediction(batch, predicted, self._val.codec)

    def _finish_epoch(self, log: RunLog, loss: float) -> None:
        best = loss < self.progress.best
        self.progress = replace(
            self.progress, epoch=self.progress.epoch + 1, batch=0, best=min(loss, self.progress.best)
        )
        epoch = self.progress.epoch
        logger.info("epoch %d: validation loss %.5g%s", epoch, loss, ", the best so far" if best else "")
        self._save("last.npz", resumable=True)
        if best:
            self._save("best.npz", resumable=False)
        if self.config.train.keep_every and epoch % self.config.train.keep_every == 0:
            self._save(f"epoch-{epoch:03d}.npz", resumable=False)
        log.draw_curve()

    def _save(self, name: str, resumable: bool) -> None:
        for parameter_name, parameter in self.net._collect_params_with_prefix().items():
            if not np.isfinite(parameter.data(self.contexts[0]).asnumpy()).all():
                raise CpmError(f"{parameter_name} is no longer finite; a lower learning rate (--lr) may help")
        extra = {"config": to_json(self.config), "progress": asdict(self.progress), "resumable": resumable}
        arrays = None
        if resumable:
            arrays = trainer_arrays(self._trainer, self.net)
            # Fewer than the iterations where the loss scale has left out steps.
            extra["updates"] = self._trainer.optimizer.num_update
            extra["loss_scale"] = scaling_state(self._trainer)
        save_network(self.output / name, self.net, extra=extra, arrays=arrays)

    def _report(self, problems: Sequence[str]) -> None:
        for problem in problems:
            self._num_problems += 1
            logger.warning("%s; another sample takes its place (%d so far)", problem, self._num_problems)


class _LossMeter:
    """Means of the losses per sample, fetched one step late so that devices never wait."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._sums: Any = 0.0
        self._samples = 0
        self._pending: list[mx.nd.NDArray] = []
        self._pending_samples = 0

    def add(self, losses: list[mx.nd.NDArray], samples: int) -> None:
        self._fetch()
        self._pending, self._pending_samples = losses, samples

    def take(self) -> dict[str, float]:
        """Return the means since the last call: all stages together, and each."""
        self._fetch()
        if self._samples == 0:
            return {}
        means = self._sums / self._samples
        self._sums, self._samples = 0.0, 0
        return {"loss": float(means.sum()), **dict(zip(self._names, means.tolist()))}

    def _fetch(self) -> None:
        if not self._pending:
            return
        losses = np.sum([each.asnumpy().astype(np.float64) for each in self._pending], axis=0)
        if not np.isfinite(losses).all():
            raise CpmError("the loss is no longer a finite number; a lower learning rate (--lr) may help")
        self._sums = self._sums + losses
        self._samples += self._pending_samples
        self._pending = []


class _StopSignal:
    """Turns SIGINT and SIGTERM into a flag, so that a step is always finished; a second one stops at once."""

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _StopSignal:
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._request)
        except ValueError:
            logger.debug("not in the main thread: signals are left alone")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
