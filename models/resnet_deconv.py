"""ResNets with three deconvolutions: top-down heatmaps, or bottom-up PAFs and heatmaps, at stride 4."""

from __future__ import annotations

from typing import Any

from ..errors import ConfigError, quote
from ..skeletons import COCO_17, Skeleton
from . import trunks
from .posenet import Heads, PoseNet
from .registry import check_number, register_model
from .zoo import SimplePoseResNet

_DEPTHS = (18, 34, 50, 101, 152)
_MOST_CHANNELS = 1024


class ResNetDeconv(PoseNet):
    """The network of Xiao et al. 2018, "Simple Baselines for Human Pose Estimation and Tracking", section 2.

    Parameters
    ----------
    skeleton, normalisation
        See `PoseNet`.
    depth
        Layers of the ResNet (v1b: the stride is on the 3x3 convolutions).
    channels
        Maps of each deconvolution; 256 in the published network.
    pafs
        Whether it predicts PAFs and heatmaps with the background, for the people of a whole image, or the
        heatmaps of one person.
    """

    stride = 4
    multiple = 32

    def __init__(self, skeleton: Skeleton, normalisation: str, depth: int, channels: int, pafs: bool) -> None:
        super().__init__(skeleton, normalisation)
        if isinstance(depth, bool) or depth not in _DEPTHS:
            raise ConfigError(f"depth={quote(depth)}, expected one of {', '.join(map(str, _DEPTHS))}")
        check_number("channels", channels, 1, _MOST_CHANNELS)
        heads = Heads(skeleton) if pafs else None
        self.kinds = (heads.kinds,) if heads else (("heatmaps",),)
        self._num_pafs = heads.pafs if heads else 0
        maps = heads.pafs + heads.heatmaps if heads else skeleton.num_joints
        with self.name_scope():
            published = SimplePoseResNet(
                base_name=f"resnet{depth}_v1b", num_joints=maps, num_deconv_filters=(channels,) * 3
            )
            self.trunk = published.resnet
            self.deconvolutions = published.deconv_layers
            self.last = published.final_layer

    def hybrid_forward(self, F: Any, images: Any) -> list[list[Any]]:
        """Return the one stage."""
        maps = self.last(self.deconvolutions(self.trunk(self.normalise(images))))
        if not self._num_pafs:
            return [[maps]]
        pafs = F.slice_axis(maps, axis=1, begin=0, end=self._num_pafs)
        return [[pafs, F.slice_axis(maps, axis=1, begin=self._num_pafs, end=None)]]


@register_model(zoo=trunks.gluoncv_resnet, skeleton=COCO_17)
def pose_resnet(
    skeleton: Skeleton, *, depth: int = 50, channels: int = 256, normalisation: str = "imagenet"
) -> ResNetDeconv:
    """Build the top-down network: one person's image in, one heatmap per joint out."""
    return ResNetDeconv(skeleton, normalisation, depth, channels, pafs=False)


@register_model(zoo=trunks.gluoncv_resnet)
def paf_resnet(
    skeleton: Skeleton, *, depth: int = 18, channels: int = 256, normalisation: str = "imagenet"
) -> ResNetDeconv:
    """Build the same layers with PAFs and heatmaps as their output, for the people of a whole image."""
    return ResNetDeconv(skeleton, normalisation, depth, channels, pafs=True)
