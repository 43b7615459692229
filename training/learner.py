"""What a step does: the losses of a batch on all devices, and the update of the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

import mxnet as mx
from easydict import EasyDict
from mxnet import autograd, gluon

from ..datasets import Example
from ..models import PoseNet
from .amp import backward, choose_precision, lower_precision, scale_gradients
from .losses import StageLoss, offset_weights
from .optimizer import TrunkFreezer, make_trainer
from .progress import Progress
from .schedule import schedule_of

Maps = Mapping[str, mx.nd.NDArray]


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

    Raises
    ------
    ConfigError
        If the recipe is one that the network or the devices cannot follow.
    """

    def __init__(self, net: PoseNet, config: EasyDict, contexts: Sequence[mx.Context], epoch_batches: int) -> None:
        options = config.train
        self.net = net
        self.names = [f"stage{number}_{kind}" for number, kinds in enumerate(net.kinds, 1) for kind in kinds]
        self.schedule = schedule_of(config, epoch_batches)
        self.precision = choose_precision(options.amp, contexts)
        if self.precision:
            lower_precision(net, self.precision)
        self.trainer = make_trainer(net, config)
        self._config = config
        self.contexts = list(contexts)
        self._kinds = sorted({kind for kinds in net.kinds for kind in kinds})
        self._losses = _losses_of(self._kinds, config.loss)
        self._trunk = TrunkFreezer(net, options.freeze_trunk)
        scale_gradients(self.trainer, self.precision)

    def update(self, batch: Example, progress: Progress) -> list[mx.nd.NDArray]:
        """Update the parameters; returns per device the summed losses, in the order of `names`."""
        options = self._config.train
        self._trunk.begin(progress.epoch)
        mx.random.seed((options.seed * 1_000_003 + progress.iteration) % 2**31)
        self.trainer.set_learning_rate(self.schedule(progress.iteration))
        with autograd.record():
            losses = self.losses(batch, offsets=progress.epoch >= self._config.loss.get("offset_epoch", 0))
            totals = [each.sum() for each in losses]
        backward(totals, self.trainer)
        self.trainer.step(options.batch_size)
        return losses

    def losses(self, batch: Example, offsets: bool = True) -> list[mx.nd.NDArray]:
        """Return per device the summed losses, in the order of `names`; without `offsets` those of offsets are 0."""
        return [self._stage_losses(part, offsets) for part in self._share_out(batch)]

    def _stage_losses(self, part: Maps, offsets: bool) -> mx.nd.NDArray:
        stages = self.net(part["image"])
        masks = self._masks(part, stages[-1], offsets)
        losses = [
            self._losses[kind](maps, part[kind], masks[kind]).sum()
            for kinds, stage in zip(self.net.kinds, stages)
            for kind, maps in zip(kinds, stage)
        ]
        return mx.nd.concat(*losses, dim=0)

    def _masks(self, part: Maps, last: Sequence[mx.nd.NDArray], offsets: bool) -> dict[str, mx.nd.NDArray]:
        """Return how much every cell of each kind of maps counts, given the maps of the last stage."""
        masks = {}
        for kind in self._kinds:
            weights = [part[f"weights.{kind}"]] if f"weights.{kind}" in part else []
            if kind == "offsets":
                weights += self._offset_weights(part, last, offsets)
            masks[kind] = reduce(mx.nd.broadcast_mul, weights, part["mask"])
        return masks

    def _offset_weights(self, part: Maps, last: Sequence[mx.nd.NDArray], count: bool) -> list[mx.nd.NDArray]:
        if self._config.loss.offset_weights == "predicted":
            weights = offset_weights(mx.nd, last[self.net.kinds[-1].index("heatmaps")])
        else:
            weights = offset_weights(mx.nd, part["heatmaps"]) * (part["offsets"] > 0)
        return [weights] if count else [weights, mx.nd.zeros_like(weights)]

    def _share_out(self, batch: Example) -> list[dict[str, mx.nd.NDArray]]:
        """Return the arrays that each device trains on, by the names of their fields."""
        arrays = {name: getattr(batch, name) for name in ("image", "mask", *self._kinds)}
        arrays.update({f"weights.{kind}": weights for kind, weights in batch.weights.items()})
        contexts = self.contexts[: len(batch.image)]
        shares = [
            gluon.utils.split_and_load(mx.nd.array(array, dtype=array.dtype), contexts, even_split=False)
            for array in arrays.values()
        ]
        return [dict(zip(arrays, share)) for share in zip(*shares)]


def _losses_of(kinds: Sequence[str], options: EasyDict) -> dict[str, StageLoss]:
    """Return the loss of each kind of maps."""
    plain = "l2" if options.kind == "bce" else options.kind  # only heatmaps are probabilities
    losses = {}
    for kind in kinds:
        losses[kind] = StageLoss(options.reduction, options.kind if kind == "heatmaps" else plain)
        losses[kind].hybridize()
    return losses
