"""What a step does: the losses of a batch on all devices, and the update of the parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import mxnet as mx
from easydict import EasyDict
from mxnet import autograd, gluon

from ..codecs import MapKind
from ..datasets import Sample
from ..models import PoseNet
from .amp import backward, choose_precision, lower_precision, scale_gradients
from .average import WeightAverage
from .gradients import add_up, clear, clip, parts_of
from .losses import StageLoss
from .optimizer import TrunkFreezer, gluon_trainer
from .progress import Progress
from .schedule import schedule_of

Arrays = Mapping[str, mx.nd.NDArray]


class Learner:
    """Computes the losses of a network, and updates its parameters.

    Parameters
    ----------
    net
        The network, on all of `contexts`.
    config
        The recipe.
    contexts
        The devices; every batch is shared out among them evenly.
    epoch_batches
        The batches of an epoch.

    Attributes
    ----------
    names
        What the losses are of, in their order.
    precision
        What is computed in, see :func:`cpm.training.amp.choose_precision`.
    schedule
        The learning rate by iteration.
    trainer
        The Gluon trainer.
    average
        The moving average of the weights.

    Raises
    ------
    ConfigError
        If the recipe is one that the network or the devices cannot follow.
    """

    def __init__(self, net: PoseNet, config: EasyDict, contexts: Sequence[mx.Context], epoch_batches: int) -> None:
        options = config.train
        self.net = net
        stages = enumerate(net.kinds, 1)
        self.names = [f"stage{number}_{kind.name}" for number, kinds in stages for kind in kinds]
        self.schedule = schedule_of(config, epoch_batches)
        self.precision = choose_precision(options.amp, contexts)
        if self.precision:
            lower_precision(net, self.precision)
        self.trainer = gluon_trainer(net, config)
        self._config = config
        self.contexts = list(contexts)
        self._kinds = {kind.name: kind for kinds in net.kinds for kind in kinds}
        self._losses = {name: _loss_of(kind, config.loss) for name, kind in self._kinds.items()}
        self._trunk = TrunkFreezer(net, options.freeze_trunk)
        scale_gradients(self.trainer, self.precision)
        self.average = WeightAverage(net, options.average)
        if options.accumulate > 1:
            add_up(self.trainer)

    def update(self, batch: Sample, progress: Progress) -> list[mx.nd.NDArray]:
        """Update the parameters; returns per device the summed losses, in the order of `names`."""
        options = self._config.train
        self._trunk.begin(progress.epoch)
        mx.random.seed((options.seed * 1_000_003 + progress.iteration) % 2**31)
        self.trainer.set_learning_rate(self.schedule(progress.iteration))
        losses = self._gradients(batch, progress.epoch)
        self.trainer.allreduce_grads()
        if self._config.optimizer.clip_norm:
            clip(self.trainer, self._config.optimizer.clip_norm, options.batch_size)
        self.trainer.update(options.batch_size)
        self.average.update()
        return losses

    def _gradients(self, batch: Sample, epoch: float) -> list[mx.nd.NDArray]:
        """Compute the gradients of a batch, in parts if the recipe says so; returns what `update` does."""
        parts = self._config.train.accumulate
        if parts == 1:
            return self._backward(self._share_out(batch), epoch)
        clear(self.trainer)
        of_devices = zip(*(parts_of(share, parts) for share in self._share_out(batch)))
        of_parts = [self._backward(list(shares), epoch) for shares in of_devices]
        return [mx.nd.add_n(*losses) for losses in zip(*of_parts)]

    def _backward(self, shares: Sequence[Arrays], epoch: float) -> list[mx.nd.NDArray]:
        with autograd.record():
            losses = [self._stage_losses(share, epoch) for share in shares]
            totals = [each.sum() for each in losses]
        backward(totals, self.trainer)
        return losses

    def losses(self, batch: Sample, epoch: float = math.inf) -> list[mx.nd.NDArray]:
        """Return per device the summed losses, in the order of `names`, as they count in an epoch, or in the last."""
        return [self._stage_losses(part, epoch) for part in self._share_out(batch)]

    def _stage_losses(self, part: Arrays, epoch: float) -> mx.nd.NDArray:
        stages = self.net(part["image"])
        masks = {name: self._mask(kind, part, stages[-1], epoch) for name, kind in self._kinds.items()}
        losses = [
            self._losses[name](maps, part[f"maps.{name}"], masks[name]).sum()
            for stage in stages
            for name, maps in stage.items()
        ]
        return mx.nd.concat(*losses, dim=0)

    def _mask(self, kind: MapKind, part: Arrays, last: Arrays, epoch: float) -> mx.nd.NDArray:
        """Return how much every cell of a kind of maps counts, given the maps of the last stage."""
        targets = {name: part[f"maps.{name}"] for name in self._kinds}
        mask = part["mask"]
        of_sample = part.get(f"weights.{kind.name}")
        of_kind = kind.counting(mx.nd, targets, last, self._config.loss, epoch)
        for weights in (of_sample, of_kind):
            if weights is not None:
                mask = mx.nd.broadcast_mul(mask, weights)
        return mask

    def _share_out(self, batch: Sample) -> list[dict[str, mx.nd.NDArray]]:
        """Return the arrays that each device trains on, by their names in `Sample.arrays`."""
        arrays = batch.arrays()
        contexts = self.contexts[: len(batch.image)]
        shares = [
            gluon.utils.split_and_load(mx.nd.array(array, dtype=array.dtype), contexts, even_split=False)
            for array in arrays.values()
        ]
        return [dict(zip(arrays, share)) for share in zip(*shares)]


def _loss_of(kind: MapKind, options: EasyDict) -> StageLoss:
    """Return the loss of a kind of maps."""
    plain = "l2" if options.kind == "bce" else options.kind
    loss = StageLoss(options.reduction, options.kind if kind.is_probability else plain)
    loss.hybridize()
    return loss
