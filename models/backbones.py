"""The trunks: from normalised images (B, 3, H, W) to features (B, C, H/8, W/8)."""

from __future__ import annotations

from typing import Any

from gluoncv.model_zoo import resnet50_v1b
from mxnet.gluon import HybridBlock, nn


def vgg19() -> nn.HybridSequential:
    """Return conv1_1 to conv4_2 of VGG19 (Simonyan and Zisserman 2015, table 1, column E): 512 channels."""
    trunk = nn.HybridSequential()
    for block, (layers, channels) in enumerate(((2, 64), (2, 128), (4, 256), (2, 512))):
        if block:
            trunk.add(nn.MaxPool2D(pool_size=2, strides=2))
        for _ in range(layers):
            trunk.add(nn.Conv2D(channels, kernel_size=3, padding=1), nn.Activation("relu"))
    return trunk


class ResNet50(HybridBlock):
    """GluonCV's ResNet50 v1b without its classifier: 2048 channels.

    The strides of the last two groups of blocks are replaced by dilation (Yu and Koltun 2016).
    """

    PARTS = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")

    def __init__(self) -> None:
        super().__init__()
        with self.name_scope():
            classifier = resnet50_v1b(dilated=True)
        for part in self.PARTS:
            setattr(self, part, getattr(classifier, part))

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Run the parts in turn."""
        for part in self.PARTS:
            x = getattr(self, part)(x)
        return x


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


def conv_bn(channels: int, kernel: int, stride: int = 1, dilation: int = 1, groups: int = 1) -> list[HybridBlock]:
    """Return a convolution that keeps H and W but for its stride, batch normalisation and ReLU."""
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2D(channels, kernel, stride, padding, dilation, groups, use_bias=False)
    return [convolution, nn.BatchNorm(), nn.Activation("relu")]
