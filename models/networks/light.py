"""Light stages, which both branches share: on small trunks for training on a CPU, or on a fine grid."""

from __future__ import annotations

from typing import Callable

import mxnet as mx
from mxnet.gluon import HybridBlock

from ...checks import check_number
from ..registry import register_model
from . import trunks
from .backbones import Pyramid, Residual, ResNet50, conv_bn, mobilenet, residual_trunk, sequence
from .cpm import CpmNet, Stage
from .heads import Heads


@register_model(zoo=trunks.gluon_mobilenet)
def cpm_mobilenet(heads: Heads, *, stages: int = 3, width: float = 1.0, normalisation: str = "imagenet") -> CpmNet:
    """Build a small network for training on a CPU: a MobileNet trunk and light stages, all times `width`.

    The idea of light stages is that of Lightweight OpenPose (Osokin 2018, arXiv 1811.12004, section 4.2):
    both branches share all but their last layers, and dilated 3x3 convolutions see as far as 7x7 ones.
    Here they are narrow and dense: the CPU kernels of MXNet train a dilated depthwise convolution no
    faster than a dense one of half the channels.
    """
    check_number("width", width, 0.125, 2)
    return _light_cpm(lambda: mobilenet(width), int(128 * width), heads, stages, normalisation)


@register_model()
def cpm_small(heads: Heads, *, stages: int = 2, channels: int = 64, normalisation: str = "imagenet") -> CpmNet:
    """Build the network of the quick start, which learns from scratch in minutes on a CPU.

    The stages are those of `cpm_mobilenet`; the trunk has few and dense convolutions with shortcuts, which
    learn in fewer steps than a MobileNet and train faster on a CPU.
    """
    check_number("channels", channels, 8, 1024)
    return _light_cpm(lambda: residual_trunk(channels), channels, heads, stages, normalisation)


@register_model(zoo=trunks.gluoncv_resnet)
def cpm_res50_fpn(heads: Heads, *, stages: int = 3, channels: int = 128, normalisation: str = "imagenet") -> CpmNet:
    """Build light stages at stride 4 on a feature pyramid of ResNet50, for people who are small in the image."""
    check_number("channels", channels, 8, 1024)
    return _light_cpm(
        lambda: ResNet50(pyramid=True),
        channels,
        heads,
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
