"""A top-down network for training on a CPU."""

from __future__ import annotations

from typing import Any

import mxnet as mx
from mxnet.gluon import nn

from ...checks import check_number
from ...codecs import JOINT_HEATMAPS
from ...skeletons import COCO_17, Skeleton
from ..registry import register_model
from .backbones import residual_trunk, sequence
from .posenet import PoseNet


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
    kinds = ((JOINT_HEATMAPS,),)

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


@register_model(skeleton=COCO_17, heads=None)
def pose_small(skeleton: Skeleton, *, channels: int = 64, normalisation: str = "imagenet") -> SmallPose:
    """Build the top-down network of the quick start, which learns from scratch in minutes on a CPU."""
    check_number("channels", channels, 8, 1024)
    return SmallPose(skeleton, normalisation, channels)
