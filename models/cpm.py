"""CPM: a trunk, a feature block and stages that refine part affinity fields and heatmaps."""

from __future__ import annotations

from typing import Any, Callable

import mxnet as mx
from mxnet.gluon import HybridBlock, nn

from ..skeletons import Skeleton
from . import trunks
from .backbones import Residual, ResNet50, conv_bn, mobilenet, residual_trunk, vgg19
from .posenet import PoseNet
from .registry import check_number, register_model

MAX_STAGES = 16  # so that a broken file or option cannot ask for all the memory

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
        Called with the skeleton, return the first stage and each of the others; these map
        (B, C, h, w) to pafs (B, 2L, h, w) and heatmaps (B, K + 1, h, w).
    skeleton, normalisation
        See `PoseNet`.
    stages
        How many stages there are, the first included.

    Attributes
    ----------
    trunk, features, stages
        The blocks, by which training schedules tell their parameters apart.
    """

    def __init__(
        self,
        trunk: Callable[[], HybridBlock],
        features: Callable[[], HybridBlock],
        first: Callable[[Skeleton], HybridBlock],
        refinement: Callable[[Skeleton], HybridBlock],
        skeleton: Skeleton,
        stages: int,
        normalisation: str,
    ) -> None:
        super().__init__(skeleton, normalisation)
        with self.name_scope():
            self.trunk = trunk()
            self.features = features()
            self.stages = nn.HybridSequential()
            with self.stages.name_scope():
                self.stages.add(first(skeleton))
                for _ in range(1, stages):
                    self.stages.add(refinement(skeleton))

    def hybrid_forward(self, F: Any, images: Any) -> list[list[Any]]:
        """Return [pafs, heatmaps] of every stage."""
        features = self.features(self.trunk(self.normalise(images)))
        outputs: list[list[Any]] = []
        for stage in self.stages:
            seen = F.concat(*outputs[-1], features, dim=1) if outputs else features
            outputs.append(list(stage(seen)))
        return outputs


class Stage(HybridBlock):
    """A body shared by two branches: pafs (2L channels) and heatmaps (K + 1 channels).

    Parameters
    ----------
    skeleton
        Tells L and K.
    body
        Layers that both branches see the result of; may be empty.
    hidden
        Called for each branch, returns its layers before the last, linear one.
    last
        Initialises the linear layers.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        body: list[HybridBlock],
        hidden: Callable[[], list[HybridBlock]],
        last: mx.init.Initializer,
    ) -> None:
        super().__init__()
        with self.name_scope():
            self.body = _sequence(body)
            self.paf = _sequence([*hidden(), nn.Conv2D(2 * skeleton.num_limbs, 1, weight_initializer=last)])
            self.heatmap = _sequence([*hidden(), nn.Conv2D(skeleton.num_joints + 1, 1, weight_initializer=last)])

    def hybrid_forward(self, F: Any, x: Any) -> tuple[Any, Any]:
        """Return pafs and heatmaps."""
        x = self.body(x)
        return self.paf(x), self.heatmap(x)


def _sequence(layers: list[HybridBlock]) -> nn.HybridSequential:
    sequence = nn.HybridSequential()
    sequence.add(*layers)
    return sequence


def _conv(channels: int, kernel: int) -> HybridBlock:
    """Return a convolution with ReLU of the published head."""
    return nn.Conv2D(channels, kernel, padding=kernel // 2, activation="relu", weight_initializer=_XAVIER)


def _cpm_features() -> HybridBlock:
    return _sequence([_conv(256, 3), _conv(128, 3)])


def _cpm_first(skeleton: Skeleton) -> Stage:
    return Stage(skeleton, [], lambda: [*(_conv(128, 3) for _ in range(3)), _conv(512, 1)], _XAVIER)


def _cpm_refinement(skeleton: Skeleton) -> Stage:
    return Stage(skeleton, [], lambda: [*(_conv(128, 7) for _ in range(5)), _conv(128, 1)], _XAVIER)


@register_model(zoo=trunks.gluon_vgg19)
def cpm_vgg19(skeleton: Skeleton, *, stages: int = 6, normalisation: str = "imagenet") -> CpmNet:
    """Build the network of Cao et al. 2017, with the first ten convolutions of VGG19 as its trunk."""
    check_number("stages", stages, 1, MAX_STAGES)
    return CpmNet(vgg19, _cpm_features, _cpm_first, _cpm_refinement, skeleton, stages, normalisation)


@register_model(zoo=trunks.gluoncv_resnet50)
def cpm_res50(skeleton: Skeleton, *, stages: int = 6, normalisation: str = "imagenet") -> CpmNet:
    """Build the same stages on a dilated ResNet50."""
    check_number("stages", stages, 1, MAX_STAGES)
    return CpmNet(ResNet50, _cpm_features, _cpm_first, _cpm_refinement, skeleton, stages, normalisation)


@register_model(zoo=trunks.gluon_mobilenet)
def cpm_mobilenet(
    skeleton: Skeleton, *, stages: int = 3, width: float = 1.0, normalisation: str = "imagenet"
) -> CpmNet:
    """Build a small network for training on a CPU: a MobileNet trunk and light stages, all times `width`.

    The idea of light stages is that of Lightweight OpenPose (Osokin 2018, arXiv 1811.12004, section 4.2):
    both branches share all but their last layers, and dilated 3x3 convolutions see as far as 7x7 ones.
    Here they are narrow and dense: the CPU kernels of MXNet train a dilated depthwise convolution no
    faster than a dense one of half the channels.
    """
    check_number("stages", stages, 1, MAX_STAGES)
    check_number("width", width, 0.125, 2)
    return _light_cpm(lambda: mobilenet(width), int(128 * width), skeleton, stages, normalisation)


@register_model()
def cpm_small(skeleton: Skeleton, *, stages: int = 2, channels: int = 64, normalisation: str = "imagenet") -> CpmNet:
    """Build the network of the quick start, which learns from scratch in minutes on a CPU.

    The stages are those of `cpm_mobilenet`; the trunk has few and dense convolutions with shortcuts, which
    learn in fewer steps than a MobileNet and train faster on a CPU.
    """
    check_number("stages", stages, 1, MAX_STAGES)
    check_number("channels", channels, 8, 1024)
    return _light_cpm(lambda: residual_trunk(channels), channels, skeleton, stages, normalisation)


def _light_cpm(
    trunk: Callable[[], HybridBlock], channels: int, skeleton: Skeleton, stages: int, normalisation: str
) -> CpmNet:
    """Put stages of a body of `channels` channels that both branches share on a trunk."""
    small = mx.init.Normal(0.001)  # training starts from maps near zero

    def features() -> HybridBlock:
        return _sequence([*conv_bn(channels, 1), *conv_bn(channels, 3)])

    def first(skeleton: Skeleton) -> Stage:
        body = [layer for _ in range(3) for layer in conv_bn(channels, 3)]
        return Stage(skeleton, body, lambda: conv_bn(2 * channels, 1), small)

    def refinement(skeleton: Skeleton) -> Stage:
        body = [*conv_bn(channels, 1), *(Residual(channels, 2) for _ in range(5))]
        return Stage(skeleton, body, lambda: conv_bn(channels, 1), small)

    return CpmNet(trunk, features, first, refinement, skeleton, stages, normalisation)
