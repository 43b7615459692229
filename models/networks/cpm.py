"""CPM: a trunk, a feature block and stages that refine part affinity fields and heatmaps."""

from __future__ import annotations

from typing import Any, Callable

import mxnet as mx
from mxnet.gluon import HybridBlock, nn

from ...checks import check_number
from ..registry import register_model
from . import trunks
from .backbones import ResNet50, mobilenet_v2, sequence, vgg19
from .heads import Heads, join
from .posenet import MAX_STAGES, PoseNet

# The published head starts well below the unit gain of He et al.: the published learning rates, for a summed
# squared error, were found with first values as small as these (0.01 for every layer in the original).
_XAVIER = mx.init.Xavier(magnitude=1)


class CpmNet(PoseNet):
    """The multi-stage network of Cao et al. 2017, section 2.2 and figure 3.

    The paper is "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields". The first stage sees the
    features; each later one sees the maps of the stage before it and the features, in the order pafs,
    heatmaps, features.

    Parameters
    ----------
    trunk, features
        Called without arguments, return the blocks up to the features.
    first, refinement
        Called with the heads, return the first stage and each of the others; these map
        (B, C, h, w) to pafs (B, 2L, h, w) and heatmaps with offsets, if any.
    heads
        What the stages predict.
    normalisation
        See `PoseNet`.
    stages
        How many stages there are, the first included.
    stride, multiple
        See `PoseNet`.

    Attributes
    ----------
    trunk, features, stages
        The blocks, by which training schedules tell their parameters apart.
    """

    def __init__(
        self,
        trunk: Callable[[], HybridBlock],
        features: Callable[[], HybridBlock],
        first: Callable[[Heads], HybridBlock],
        refinement: Callable[[Heads], HybridBlock],
        heads: Heads,
        stages: int,
        normalisation: str,
        stride: int = 8,
        multiple: int = 8,
    ) -> None:
        super().__init__(heads.skeleton, normalisation)
        check_number("stages", stages, 1, MAX_STAGES)
        self.stride = stride
        self.multiple = multiple
        self.heads = heads
        self.sigmoid = heads.sigmoid
        self.kinds = (heads.kinds,) * stages
        with self.name_scope():
            self.trunk = trunk()
            self.features = features()
            self.stages = nn.HybridSequential()
            with self.stages.name_scope():
                self.stages.add(first(heads))
                for _ in range(1, stages):
                    self.stages.add(refinement(heads))

    def hybrid_forward(self, F: Any, images: Any) -> list[list[Any]]:
        """Return the maps of every stage."""
        features = self.features(self.trunk(self.normalise(images)))
        outputs: list[list[Any]] = []
        for stage in self.stages:
            seen = join(F, *outputs[-1], features) if outputs else features
            outputs.append(list(stage(seen)))
        return [self.heads.split(F, *maps) for maps in outputs]


class Stage(HybridBlock):
    """A body shared by two branches: pafs, and heatmaps with offsets, if any.

    Parameters
    ----------
    heads
        Tells their channels.
    body
        Layers that both branches see the result of; may be empty.
    hidden
        Called for each branch, returns its layers before the last, linear one.
    last
        Initialises the linear layers.
    """

    def __init__(
        self, heads: Heads, body: list[HybridBlock], hidden: Callable[[], list[HybridBlock]], last: mx.init.Initializer
    ) -> None:
        super().__init__()
        with self.name_scope():
            self.body = sequence(body)
            self.paf = sequence([*hidden(), nn.Conv2D(heads.pafs, 1, weight_initializer=last)])
            self.heatmap = sequence([*hidden(), nn.Conv2D(heads.heatmaps, 1, weight_initializer=last)])

    def hybrid_forward(self, F: Any, x: Any) -> tuple[Any, Any]:
        """Return pafs and heatmaps."""
        x = self.body(x)
        return self.paf(x), self.heatmap(x)


def _conv(channels: int, kernel: int, init: mx.init.Initializer = _XAVIER) -> HybridBlock:
    """Return a convolution with ReLU of the published head."""
    return nn.Conv2D(channels, kernel, padding=kernel // 2, activation="relu", weight_initializer=init)


def _cpm_features() -> HybridBlock:
    return sequence([_conv(256, 3), _conv(128, 3)])


def _cpm_first(heads: Heads) -> Stage:
    return Stage(heads, [], lambda: [*(_conv(128, 3) for _ in range(3)), _conv(512, 1)], _XAVIER)


def _cpm_refinement(heads: Heads) -> Stage:
    return Stage(heads, [], lambda: [*(_conv(128, 7) for _ in range(5)), _conv(128, 1)], _XAVIER)


@register_model(zoo=trunks.gluon_vgg19)
def cpm_vgg19(heads: Heads, *, stages: int = 6, normalisation: str = "imagenet") -> CpmNet:
    """Build the network of Cao et al. 2017, with the first ten convolutions of VGG19 as its trunk."""
    return CpmNet(vgg19, _cpm_features, _cpm_first, _cpm_refinement, heads, stages, normalisation)


@register_model(zoo=trunks.gluoncv_resnet)
def cpm_res50(heads: Heads, *, stages: int = 6, normalisation: str = "imagenet") -> CpmNet:
    """Build the same stages on a dilated ResNet50."""
    return CpmNet(ResNet50, _cpm_features, _cpm_first, _cpm_refinement, heads, stages, normalisation)


@register_model(zoo=trunks.gluon_vgg19)
def cpm_vgg19_bn(heads: Heads, *, stages: int = 6, dropout: float = 0.2, normalisation: str = "imagenet") -> CpmNet:
    """Build `cpm_vgg19` with batch normalisation and dropout before every convolution of a stage but its first."""
    first, refinement = _normalised_stages(dropout)
    return CpmNet(vgg19, _cpm_features, first, refinement, heads, stages, normalisation)


@register_model(zoo=trunks.gluon_mobilenet_v2)
def cpm_mobilenet_v2(
    heads: Heads, *, stages: int = 6, width: float = 0.5, dropout: float = 0.2, normalisation: str = "imagenet"
) -> CpmNet:
    """Build the stages of `cpm_vgg19_bn` directly on the first blocks of a MobileNetV2, all times `width`."""
    check_number("width", width, 0.125, 2)
    first, refinement = _normalised_stages(dropout)
    return CpmNet(lambda: mobilenet_v2(width), nn.HybridSequential, first, refinement, heads, stages, normalisation)


def _normalised_stages(dropout: float) -> tuple[Callable[[Heads], Stage], Callable[[Heads], Stage]]:
    """Return the published stages with batch normalisation and dropout after every ReLU."""
    check_number("dropout", dropout, 0.0, 0.95)
    small = mx.init.Normal(0.01)

    def hidden(*shapes: tuple[int, int]) -> list[HybridBlock]:
        layers: list[HybridBlock] = []
        for channels, kernel in shapes:
            layers += [_conv(channels, kernel, small), nn.BatchNorm(), nn.Dropout(dropout)]
        return layers

    def first(heads: Heads) -> Stage:
        return Stage(heads, [], lambda: hidden((128, 3), (128, 3), (128, 3), (512, 1)), small)

    def refinement(heads: Heads) -> Stage:
        return Stage(heads, [], lambda: hidden(*[(128, 7)] * 5, (128, 1)), small)

    return first, refinement
