"""The trunks: from normalised images (B, 3, H, W) to features, (B, C, H/8, W/8) unless they say otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mxnet.gluon import HybridBlock, nn
from mxnet.gluon.model_zoo import vision

from . import gluoncv_models


def vgg19(last_activation: bool = True) -> nn.HybridSequential:
    """Return conv1_1 to conv4_2 of VGG19 (Simonyan and Zisserman 2015, table 1, column E): 512 channels.

    Without `last_activation` the network that follows brings an activation of its own.
    """
    trunk = nn.HybridSequential()
    for block, (layers, channels) in enumerate(((2, 64), (2, 128), (4, 256), (2, 512))):
        if block:
            trunk.add(nn.MaxPool2D(pool_size=2, strides=2))
        for _ in range(layers):
            trunk.add(nn.Conv2D(channels, kernel_size=3, padding=1), nn.Activation("relu"))
    return trunk if last_activation else trunk[:-1]


class ResNet50(HybridBlock):
    """GluonCV's ResNet50 v1b without its classifier.

    Parameters
    ----------
    pyramid
        False: the strides of the last two groups of blocks are replaced by dilation (Yu and Koltun 2016), and
        the last group returns 2048 channels at stride 8. True: every group keeps its stride and returns its
        256, 512, 1024 and 2048 channels at the strides 4, 8, 16 and 32.
    """

    PARTS = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")

    def __init__(self, pyramid: bool = False) -> None:
        super().__init__()
        self._pyramid = pyramid
        with self.name_scope():
            classifier = gluoncv_models.resnet(50, dilated=not pyramid)
        for part in self.PARTS:
            setattr(self, part, getattr(classifier, part))

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Run the parts in turn."""
        levels = []
        for part in self.PARTS:
            x = getattr(self, part)(x)
            levels.append(x)
        return levels[-4:] if self._pyramid else x


class Pyramid(HybridBlock):
    """The finest level of a feature pyramid (Lin et al. 2017, section 3): `channels` at the stride of the first input.

    Each level is brought to `channels`, and coarser ones are doubled in size and added to finer ones.
    """

    def __init__(self, channels: int = 256) -> None:
        super().__init__()
        with self.name_scope():
            self.lateral = nn.HybridSequential()
            self.lateral.add(*(nn.Conv2D(channels, kernel_size=1) for _ in range(4)))
            self.smooth = nn.Conv2D(channels, kernel_size=3, padding=1)

    def hybrid_forward(self, F: Any, levels: Any) -> Any:
        """Merge the levels, given finest first."""
        merged = None
        for level, lateral in reversed(list(zip(levels, self.lateral))):
            level = lateral(level)
            merged = level if merged is None else level + F.UpSampling(merged, scale=2, sample_type="nearest")
        return self.smooth(merged)


def mobilenet(width: float = 1.0) -> nn.HybridSequential:
    """Return MobileNet (Howard et al. 2017, table 1) up to its last block of 512 channels, times `width`.

    The stride of the fourth downsampling is removed and the depthwise convolution after it dilated
    by 2, as in Lightweight OpenPose (Osokin 2018, arXiv 1811.12004, section 4.1).
    """
    trunk = nn.HybridSequential()
    channels = int(32 * width)
    trunk.add(*conv_bn(channels, 3, stride=2))
    blocks = [(64, 1, 1), (128, 2, 1), (128, 1, 1), (256, 2, 1), (256, 1, 1), (512, 1, 1), (512, 1, 2)]
    blocks += [(512, 1, 1)] * 4
    for wider, stride, dilation in blocks:
        trunk.add(*conv_bn(channels, 3, stride, dilation, groups=channels))
        channels = int(wider * width)
        trunk.add(*conv_bn(channels, 1))
    return trunk


def residual_trunk(channels: int) -> nn.HybridSequential:
    """Return three strided convolutions and dilated residual blocks: `channels` channels.

    Every block works at the stride of the maps; growing dilations let it see far (Yu and Koltun 2016).
    """
    trunk = nn.HybridSequential()
    for part in (4, 2, 1):
        trunk.add(*conv_bn(channels // part, 3, stride=2))
    for dilation in (1, 2, 4, 1, 2, 4):
        trunk.add(Residual(channels, dilation))
    return trunk


class Residual(HybridBlock):
    """A dilated 3x3 convolution with batch normalisation and ReLU, added to its input."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        with self.name_scope():
            self.body = nn.HybridSequential()
            self.body.add(*conv_bn(channels, 3, dilation=dilation))

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Add."""
        return x + self.body(x)


def mobilenet_v2(width: float = 0.5) -> nn.HybridSequential:
    """Return MobileNetV2 (Sandler et al. 2018, table 2) up to its last block at stride 8: 32 channels times `width`."""
    return vision.MobileNetV2(width).features[:9]


def conv_bn(
    channels: int, kernel: int, stride: int = 1, dilation: int = 1, groups: int = 1, bias: bool = False
) -> list[HybridBlock]:
    """Return a convolution that keeps H and W but for its stride, batch normalisation and ReLU."""
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2D(channels, kernel, stride, padding, dilation, groups, use_bias=bias)
    return [convolution, nn.BatchNorm(), nn.Activation("relu")]


def sequence(layers: Iterable[HybridBlock]) -> nn.HybridSequential:
    """Return layers that run in turn."""
    blocks = nn.HybridSequential()
    blocks.add(*layers)
    return blocks
