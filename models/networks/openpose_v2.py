"""The second network of OpenPose: first the stages of the PAFs, then those of the heatmaps."""

from __future__ import annotations

from typing import Any

import mxnet as mx
from mxnet.gluon import HybridBlock, nn

from ...checks import check_number
from ...codecs import PAFS
from ..registry import register_model
from . import trunks
from .backbones import sequence, vgg19
from .heads import Heads, join
from .posenet import MAX_STAGES, PoseNet

_XAVIER = mx.init.Xavier(rnd_type="gaussian", magnitude=2)


class OpenPoseV2(PoseNet):
    """The network of Cao et al. 2019, section 3.2 and figure 3.

    The paper is "OpenPose: Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields" (TPAMI). The
    stages of the PAFs see the PAFs of the stage before them and the features; those of the heatmaps see the
    last PAFs, the heatmaps of the stage before them and the features.

    The two kinds of stages are paired from the last one: with four of PAFs and two of heatmaps, the network
    returns two stages of PAFs alone and two of both.

    Parameters
    ----------
    heads
        What the stages predict; the offsets, if any, are those of the heatmap stages.
    normalisation
        See `PoseNet`.
    paf_stages, heatmap_stages
        How many stages there are of each kind; not more of heatmaps than of PAFs.
    """

    def __init__(self, heads: Heads, normalisation: str, paf_stages: int, heatmap_stages: int) -> None:
        super().__init__(heads.skeleton, normalisation)
        self.heads = heads
        self.sigmoid = heads.sigmoid
        alone = paf_stages - heatmap_stages
        self.kinds = ((PAFS,),) * alone + (heads.kinds,) * heatmap_stages
        with self.name_scope():
            self.trunk = vgg19(last_activation=False)
            self.features = sequence([_PReLU(512), *_conv(256, 3), *_conv(128, 3)])
            self.pafs = sequence(_stage(k, heads.pafs) for k in range(paf_stages))
            self.heatmaps = sequence(_stage(k, heads.heatmaps) for k in range(heatmap_stages))

    def hybrid_forward(self, F: Any, images: Any) -> list[list[Any]]:
        """Return [pafs] of the first stages and all maps of the last ones."""
        features = self.features(self.trunk(self.normalise(images)))
        pafs: list[Any] = []
        for stage in self.pafs:
            pafs.append(stage(join(F, pafs[-1], features) if pafs else features))
        heatmaps: list[Any] = []
        for stage in self.heatmaps:
            heatmaps.append(stage(join(F, pafs[-1], *heatmaps[-1:], features)))
        alone = len(pafs) - len(heatmaps)
        both = [self.heads.split(F, *maps) for maps in zip(pafs[alone:], heatmaps)]
        return [[paf] for paf in pafs[:alone]] + both


class _DenseBlock(HybridBlock):
    """Three convolutions in turn, whose outputs are concatenated."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        with self.name_scope():
            self.layers = sequence(sequence(_conv(channels, 3)) for _ in range(3))

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Return the outputs of all three."""
        outputs = []
        for layer in self.layers:
            x = layer(x)
            outputs.append(x)
        return F.concat(*outputs, dim=1)


def _stage(number: int, maps: int) -> HybridBlock:
    """Return a stage of one kind of maps; the first is narrower than the others."""
    channels, hidden = (128, 512) if number else (96, 256)
    blocks = [_DenseBlock(channels) for _ in range(5)]
    return sequence([*blocks, *_conv(hidden, 1), nn.Conv2D(maps, 1, weight_initializer=_XAVIER)])


def _conv(channels: int, kernel: int) -> list[HybridBlock]:
    convolution = nn.Conv2D(channels, kernel, padding=kernel // 2, weight_initializer=_XAVIER)
    return [convolution, _PReLU(channels)]


class _PReLU(HybridBlock):
    """A ReLU with a slope per channel for negative values (He et al. 2015, section 2.1), at first 0.

    Gluon's own computes in place in a hybridized network, and its slopes get no gradients then.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        with self.name_scope():
            self.alpha = self.params.get("alpha", shape=(channels,), init=mx.init.Zero())

    def hybrid_forward(self, F: Any, x: Any, alpha: Any) -> Any:
        """Return x where it is positive, else the slope of its channel times x."""
        positive = F.relu(x)
        return positive + F.broadcast_mul(x - positive, F.reshape(alpha, shape=(1, -1, 1, 1)))


@register_model(zoo=trunks.gluon_vgg19)
def openpose_v2(
    heads: Heads, *, paf_stages: int = 4, heatmap_stages: int = 2, normalisation: str = "imagenet"
) -> OpenPoseV2:
    """Build the network of Cao et al. 2019, with the first ten convolutions of VGG19 as its trunk."""
    check_number("paf_stages", paf_stages, 1, MAX_STAGES)
    check_number("heatmap_stages", heatmap_stages, 1, paf_stages)
    return OpenPoseV2(heads, normalisation, paf_stages, heatmap_stages)
