"""Pose representations: each class turns keypoints into training targets and maps back into people."""

from .heatmap import HeatmapCodec, HeatmapTargets
from .limb_weights import limb_weights
from .offset import Codec, OffsetCodec, OffsetTargets, crowd_codec
from .paf import RULES, DecodeRules, PafCodec, Targets

__all__ = [
    "RULES",
    "Codec",
    "DecodeRules",
    "HeatmapCodec",
    "HeatmapTargets",
    "OffsetCodec",
    "OffsetTargets",
    "PafCodec",
    "Targets",
    "crowd_codec",
    "limb_weights",
]
