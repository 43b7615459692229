"""Pose representations: each class turns keypoints into training targets and maps back into people."""

from .heatmap import HeatmapCodec, HeatmapTargets
from .offset import OffsetCodec, OffsetTargets
from .paf import RULES, DecodeRules, PafCodec, Targets

__all__ = [
    "RULES",
    "DecodeRules",
    "HeatmapCodec",
    "HeatmapTargets",
    "OffsetCodec",
    "OffsetTargets",
    "PafCodec",
    "Targets",
]
