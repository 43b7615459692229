"""What every network of the package is: images in, a sequence of stages of maps out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mxnet as mx
import numpy as np
from mxnet.gluon import Block, HybridBlock, nn

from ...codecs import MapKind
from ...errors import ConfigError, DataError, quote
from ...skeletons import Skeleton

# Mean and standard deviation of each RGB channel, in the units of the images, 0 to 255.
NORMALISATIONS: dict[str, tuple[Sequence[float], Sequence[float]]] = {
    # What the networks of the Gluon and GluonCV model zoos were trained with.
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    # The same figures the wrong way round: red by those of blue. Some published networks were trained so.
    "imagenet_swapped": ((103.53, 116.28, 123.675), (57.375, 57.12, 58.395)),
    # x / 255 - 0.5
    "centred": ((127.5, 127.5, 127.5), (255.0, 255.0, 255.0)),
    # x / 256 - 0.5, what the networks of OpenPose were trained with.
    "openpose": ((128.0, 128.0, 128.0), (256.0, 256.0, 256.0)),
    # What the VGG networks of Caffe were trained with.
    "caffe": ((123.68, 116.779, 103.939), (1.0, 1.0, 1.0)),
}

MAX_STAGES = 16  # so that a broken file or option cannot ask for all the memory


class PoseNet(HybridBlock):
    """A pose network: it normalises the images itself and returns its stages, first to last.

    Derived networks implement `hybrid_forward(F, images)`, which returns the stages as lists of the maps that
    `kinds` lists, begin it with ``self.normalise(images)`` and name their ImageNet backbone, if they have one,
    ``self.trunk``.

    Parameters
    ----------
    skeleton
        The body whose maps the network predicts.
    normalisation
        One of `NORMALISATIONS`.

    Attributes
    ----------
    name : str
        The name in the registry, by which `get_model` and checkpoints know the network.
    options : dict
        What `get_model` needs besides the name to build the network again, fit for JSON; the
        skeleton is among them as a dictionary.
    skeleton : Skeleton
    stride : int
        Input pixels per cell of the maps.
    multiple : int
        Both sides of the images must be multiples of it.
    kinds : tuple
        What the stages return: for each the kinds of its maps, see `cpm.codecs.MapKind`.
    sigmoid : bool
        Whether its heatmaps are squeezed to (0, 1).

    Raises
    ------
    ConfigError
        If the normalisation is unknown.
    """

    stride = 8
    multiple = 8
    kinds: tuple[tuple[MapKind, ...], ...] = ()
    sigmoid = False

    def __init__(self, skeleton: Skeleton, normalisation: str = "imagenet") -> None:
        super().__init__()
        self.skeleton = skeleton
        self.options: dict[str, Any] = {}
        self.registry_name = ""
        with self.name_scope():
            self.normalise = Normalise(normalisation)

    @property
    def name(self) -> str:
        """The name in the registry."""
        return self.registry_name or str(super().name)

    def initialize(self, init: Any = None, ctx: Any = None, verbose: bool = False, force_reinit: bool = False) -> None:
        """Give every parameter its shape and its first value.

        Biases start at 0. Convolutions that do not name their own initialiser start as He et al. 2015
        ("Delving Deep into Rectifiers", section 2.2) derive for layers that end in a ReLU.

        Parameters
        ----------
        init
            The initialiser of those convolutions, in place of He's.
        ctx
            A context or a list of them.
        verbose, force_reinit
            As in Gluon.
        """
        self.infer_shape(mx.nd.zeros((1, 64, 64, 3)))
        init = init or mx.init.Xavier(rnd_type="gaussian", factor_type="in", magnitude=2)
        super().initialize(init, ctx or mx.cpu(), verbose, force_reinit)

    def forward(self, images: Any, *args: Any) -> Any:
        """Compute the maps of all stages.

        Parameters
        ----------
        images
            (B, H, W, 3) RGB, uint8 or float32 from 0 to 255, of MXNet or of NumPy, which is brought to the (first)
            device of the network; H and W multiples of `multiple`.

        Returns
        -------
        list of dict
            The stages, first to last, each its maps (B, C, h, w) float32 by the names of their `kinds`, with
            h = H / stride.

        Raises
        ------
        DataError
            If the images have another shape.
        """
        if isinstance(images, np.ndarray):
            images = mx.nd.array(images, ctx=self.normalise.mean.list_ctx()[0], dtype=images.dtype)
        if isinstance(images, mx.nd.NDArray):
            shape = images.shape
            if len(shape) != 4 or shape[3] != 3 or shape[1] % self.multiple or shape[2] % self.multiple:
                raise DataError(
                    f"{self.name}: images of shape {shape}, expected (batch, height, width, 3) "
                    f"with both sides multiples of {self.multiple}"
                )
        stages = super().forward(images, *args)
        return [dict(zip([kind.name for kind in kinds], maps)) for kinds, maps in zip(self.kinds, stages)]


class Normalise(HybridBlock):
    """Turn (B, H, W, 3) images from 0 to 255 into (B, 3, H, W) float32 of about unit variance."""

    def __init__(self, normalisation: str) -> None:
        super().__init__()
        if not isinstance(normalisation, str) or normalisation not in NORMALISATIONS:
            raise ConfigError(
                f"normalisation {quote(normalisation)} is unknown, expected one of {sorted(NORMALISATIONS)}"
            )
        mean, deviation = (np.array(values, np.float32) for values in NORMALISATIONS[normalisation])
        with self.name_scope():
            self.mean = self.params.get_constant("mean", mean.reshape(1, 3, 1, 1))
            self.scale = self.params.get_constant("scale", (1 / deviation).reshape(1, 3, 1, 1))

    def hybrid_forward(self, F: Any, images: Any, mean: Any, scale: Any) -> Any:
        """Cast, transpose and normalise."""
        planes = F.transpose(F.cast(images, dtype="float32"), axes=(0, 3, 1, 2))
        return F.broadcast_mul(F.broadcast_sub(planes, mean), scale)


def freeze_batch_norm(net: HybridBlock) -> None:
    """Let a network normalise by its running statistics in training too, and keep them; before its first use."""

    def freeze(block: Block) -> None:
        if isinstance(block, nn.BatchNorm):
            block._kwargs["use_global_stats"] = True

    net.apply(freeze)
    net._clear_cached_op()  # the graph that shapes were inferred by still normalises by the batch
