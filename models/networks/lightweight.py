"""Lightweight OpenPose, in both of its releases.

Osokin, "Real-time 2D Multi-Person Pose Estimation on CPU: Lightweight OpenPose", 2018, arXiv 1811.12004.
"""

from __future__ import annotations

from typing import Any

import mxnet as mx
from mxnet.gluon import HybridBlock, nn

from ...errors import ConfigError, quote
from ..registry import register_model
from . import trunks
from .backbones import conv_bn, mobilenet, sequence
from .cpm import CpmNet, Stage
from .heads import Heads


@register_model(zoo=trunks.gluon_mobilenet)
def lightweight_openpose(
    heads: Heads, *, stages: int = 2, block: str = "separable", normalisation: str = "openpose"
) -> CpmNet:
    """Build Lightweight OpenPose (Osokin 2018, arXiv 1811.12004, section 4): MobileNet trunk, light shared stages.

    Its two releases differ in the block before the first stage: "separable" is that of the PyTorch release,
    "reduced" that of the OpenVINO one, human-pose-estimation-0001.
    """
    if not isinstance(block, str) or block not in _BLOCKS:
        raise ConfigError(f"block={quote(block)}, expected one of {', '.join(_BLOCKS)}")
    last = mx.init.Xavier(magnitude=1)

    def features() -> HybridBlock:
        align, layers = _BLOCKS[block]()
        return sequence([*align, _Shortcut(layers), *_biased(128, 3)])

    def first(heads: Heads) -> Stage:
        body = [layer for _ in range(3) for layer in _biased(128, 3)]
        return Stage(heads, body, lambda: _biased(512, 1), last)

    def refinement(heads: Heads) -> Stage:
        body = []
        for _ in range(5):
            both = [*conv_bn(128, 3, bias=True), *conv_bn(128, 3, dilation=2, bias=True)]
            body += [*_biased(128, 1), _Shortcut(both)]
        return Stage(heads, body, lambda: _biased(128, 1), last)

    return CpmNet(mobilenet, features, first, refinement, heads, stages, normalisation)


class _Shortcut(HybridBlock):
    """Layers whose input is added to their output."""

    def __init__(self, layers: list[HybridBlock]) -> None:
        super().__init__()
        with self.name_scope():
            self.body = sequence(layers)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Return input plus output."""
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
