"""ResNets with three deconvolutions: top-down heatmaps, or bottom-up PAFs and heatmaps, at stride 4."""

from __future__ import annotations

from typing import Any

from ...checks import check_number
from ...codecs import JOINT_HEATMAPS
from ...errors import ConfigError, quote
from ...skeletons import COCO_17, Skeleton
from ..registry import register_model
from . import gluoncv_models, trunks
from .heads import Heads
from .posenet import PoseNet

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
    heads
        What it predicts of the people of a whole image; None for the heatmaps of one person.
    """

    stride = 4
    multiple = 32

    def __init__(self, skeleton: Skeleton, normalisation: str, depth: int, channels: int, heads: Heads | None) -> None:
        super().__init__(skeleton, normalisation)
        if isinstance(depth, bool) or depth not in _DEPTHS:
            raise ConfigError(f"depth={quote(depth)}, expected one of {', '.join(map(str, _DEPTHS))}")
        check_number("channels", channels, 1, _MOST_CHANNELS)
        self.heads = heads
        self.kinds = ((JOINT_HEATMAPS,),)
        maps = skeleton.num_joints
        if heads:
            self.sigmoid = heads.sigmoid
            self.kinds = (heads.kinds,)
            maps = heads.pafs + heads.heatmaps
        with self.name_scope():
            published = gluoncv_models.simple_pose_resnet(depth, maps, channels)
            self.trunk = published.resnet
            self.deconvolutions = published.deconv_layers
            self.last = published.final_layer

    def hybrid_forward(self, F: Any, images: Any) -> list[list[Any]]:
        """Return the one stage."""
        maps = self.last(self.deconvolutions(self.trunk(self.normalise(images))))
        if not self.heads:
            return [[maps]]
        pafs = F.slice_axis(maps, axis=1, begin=0, end=self.heads.pafs)
        others = F.slice_axis(maps, axis=1, begin=self.heads.pafs, end=None)
        return [self.heads.split(F, pafs, others)]


@register_model(zoo=trunks.gluoncv_resnet, skeleton=COCO_17, heads=None)
def pose_resnet(
    skeleton: Skeleton, *, depth: int = 50, channels: int = 256, normalisation: str = "imagenet"
) -> ResNetDeconv:
    """Build the top-down network: one person's image in, one heatmap per joint out."""
    return ResNetDeconv(skeleton, normalisation, depth, channels, heads=None)


@register_model(zoo=trunks.gluoncv_resnet)
def paf_resnet(heads: Heads, *, depth: int = 18, channels: int = 256, normalisation: str = "imagenet") -> ResNetDeconv:
    """Build the same layers with PAFs and heatmaps as their output, for the people of a whole image."""
    return ResNetDeconv(heads.skeleton, normalisation, depth, channels, heads)
