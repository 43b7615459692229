"""Networks that are small enough for a CPU, or fine enough to need light stages."""

from __future__ import annotations

from typing import Any, Callable

import mxnet as mx
from mxnet.gluon import HybridBlock, nn

from ..errors import ConfigError, quote
from ..skeletons import COCO_17, Skeleton
from . import trunks
from .backbones import Pyramid, Residual, ResNet50, conv_bn, mobilenet, residual_trunk, sequence
from .cpm import MAX_STAGES, CpmNet, Stage
from .posenet import Heads, PoseNet
from .registry import check_number, register_model


@register_model(zoo=trunks.gluon_mobilenet)
def cpm_mobilenet(
    skeleton: Skeleton,
    *,
    stages: int = 3,
    width: float = 1.0,
    offsets: bool = False,
    sigmoid: bool = False,
    normalisation: str = "imagenet",
) -> CpmNet:
    """Build a small network for training on a CPU: a MobileNet trunk and light stages, all times `width`.

    The idea of light stages is that of Lightweight OpenPose (Osokin 2018, arXiv 1811.12004, section 4.2):
    both branches share all but their last layers, and dilated 3x3 convolutions see as far as 7x7 ones.
    Here they are narrow and dense: the CPU kernels of MXNet train a dilated depthwise convolution no
    faster than a dense one of half the channels.
    """
    check_number("stages", stages, 1, MAX_STAGES)
    check_number("width", width, 0.125, 2)
    heads = Heads(skeleton, offsets, sigmoid)
    return _light_cpm(lambda: mobilenet(width), int(128 * width), heads, stages, normalisation)


@register_model()
def cpm_small(
    skeleton: Skeleton,
    *,
    stages: int = 2,
    channels: int = 64,
    offsets: bool = False,
    sigmoid: bool = False,
    normalisation: str = "imagenet",
) -> CpmNet:
    """Build the network of the quick start, which learns from scratch in minutes on a CPU.

    The stages are those of `cpm_mobilenet`; the trunk has few and dense convolutions with shortcuts, which
    learn in fewer steps than a MobileNet and train faster on a CPU.
    """
    check_number("stages", stages, 1, MAX_STAGES)
    check_number("channels", channels, 8, 1024)
    heads = Heads(skeleton, offsets, sigmoid)
    return _light_cpm(lambda: residual_trunk(channels), channels, heads, stages, normalisation)


class SmallPose(PoseNet):
    """The trunk of `cpm_small` and one deconvolution: the heatmaps of the one person in a crop, at stride 4.

    Parameters
    ----------
    skeleton, normalisation
        See `PoseNet`.
    channels
        Of the trunk and of the deconvolution.
    """

    stride = 4
    kinds = (("heatmaps",),)

    def __init__(self, skeleton: Skeleton, normalisation: str, channels: int) -> None:
        super().__init__(skeleton, normalisation)
        with self.name_scope():
            self.trunk = residual_trunk(channels)
            self.head = sequence(
                [
                    nn.Conv2DTranspose(channels, 4, 2, 1, use_bias=False),
                    nn.BatchNorm(),
                    nn.Activation("relu"),
                    nn.Conv2D(skeleton.num_joints, 1, weight_initializer=mx.init.Normal(0.001)),
                ]
            )

    def hybrid_forward(self, F: Any, images: Any) -> list[list[Any]]:
        """Return the one stage."""
        return [[self.head(self.trunk(self.normalise(images)))]]


@register_model(skeleton=COCO_17)
def pose_small(skeleton: Skeleton, *, channels: int = 64, normalisation: str = "imagenet") -> SmallPose:
    """Build the top-down network of the quick start, which learns from scratch in minutes on a CPU."""
    check_number("channels", channels, 8, 1024)
    return SmallPose(skeleton, normalisation, channels)


@register_model(zoo=trunks.gluoncv_resnet)
def cpm_res50_fpn(
    skeleton: Skeleton, *, stages: int = 3, channels: int = 128, normalisation: str = "imagenet"
) -> CpmNet:
    """Build light stages at stride 4 on a feature pyramid of ResNet50, for people who are small in the image."""
    check_number("stages", stages, 1, MAX_STAGES)
    check_number("channels", channels, 8, 1024)
    return _light_cpm(
        lambda: ResNet50(pyramid=True),
        channels,
        Heads(skeleton),
        stages,
        normalisation,
        neck=lambda: [Pyramid()],
        stride=4,
        multiple=32,
    )


def _light_cpm(
    trunk: Callable[[], HybridBlock],
    channels: int,
    heads: Heads,
    stages: int,
    normalisation: str,
    neck: Callable[[], list[HybridBlock]] = list,
    **grid: int,
) -> CpmNet:
    """Put stages of a body of `channels` channels that both branches share on a trunk, and a neck between them."""
    small = mx.init.Normal(0.001)  # training starts from maps near zero

    def features() -> HybridBlock:
        return sequence([*neck(), *conv_bn(channels, 1), *conv_bn(channels, 3)])

    def first(heads: Heads) -> Stage:
        body = [layer for _ in range(3) for layer in conv_bn(channels, 3)]
        return Stage(heads, body, lambda: conv_bn(2 * channels, 1), small)

    def refinement(heads: Heads) -> Stage:
        body = [*conv_bn(channels, 1), *(Residual(channels, 2) for _ in range(5))]
        return Stage(heads, body, lambda: conv_bn(channels, 1), small)

    return CpmNet(trunk, features, first, refinement, heads, stages, normalisation, **grid)


@register_model(zoo=trunks.gluon_mobilenet)
def lightweight_openpose(
    skeleton: Skeleton, *, stages: int = 2, block: str = "separable", normalisation: str = "openpose"
) -> CpmNet:
    """Build Lightweight OpenPose (Osokin 2018, arXiv 1811.12004, section 4): MobileNet trunk, light shared stages.

    Its two releases differ in the block before the first stage: "separable" is that of the PyTorch release,
    "reduced" that of the OpenVINO one, human-pose-estimation-0001.
    """
    check_number("stages", stages, 1, MAX_STAGES)
    if block not in list(_BLOCKS):  # which takes lists, too, for what they are
        raise ConfigError(f"block={quote(block)}, expected one of {', '.join(_BLOCKS)}")
    last = mx.init.Xavier(magnitude=1)

    def features() -> HybridBlock:
        align, layers = _BLOCKS[block]()
        return sequence([*align, _Shortcut(layers), *_biased(128, 3)])

    def first(heads: Heads) -> Stage:
        return Stage(heads, [layer for _ in range(3) for layer in _biased(128, 3)], lambda: _biased(512, 1), last)

    def refinement(heads: Heads) -> Stage:
        body = []
        for _ in range(5):
            both = [*conv_bn(128, 3, bias=True), *conv_bn(128, 3, dilation=2, bias=True)]
            body += [*_biased(128, 1), _Shortcut(both)]
        return Stage(heads, body, lambda: _biased(128, 1), last)

    return CpmNet(mobilenet, features, first, refinement, Heads(skeleton), stages, normalisation)


class _Shortcut(HybridBlock):
    """Layers whose input is added to their output."""

    def __init__(self, layers: list[HybridBlock]) -> None:
        super().__init__()
        with self.name_scope():
            self.body = sequence(layers)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Add."""
        return x + self.body(x)


def _biased(channels: int, kernel: int, elu: bool = False, groups: int = 1, bias: bool = True) -> list[HybridBlock]:
    """Return a convolution and its ReLU or ELU."""
    convolution = nn.Conv2D(channels, kernel, padding=kernel // 2, groups=groups, use_bias=bias)
    return [convolution, nn.ELU() if elu else nn.Activation("relu")]


def _separable_block() -> tuple[list[HybridBlock], list[HybridBlock]]:
    layers = []
    for _ in range(3):
        layers += [*_biased(128, 3, elu=True, groups=128, bias=False), *_biased(128, 1, elu=True, bias=False)]
    return _biased(128, 1), layers


def _reduced_block() -> tuple[list[HybridBlock], list[HybridBlock]]:
    layers = _biased(128, 1, elu=True)
    for _ in range(3):
        layers += [*_biased(128, 3, elu=True, groups=128), *_biased(128, 1, elu=True)]
    return _biased(128, 1, elu=True), layers


_BLOCKS = {"separable": _separable_block, "reduced": _reduced_block}
