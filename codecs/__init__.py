"""Pose representations: each class turns keypoints into training targets and maps back into people."""

from .base import Codec, Targets
from .choosing import KINDS, REFINEMENTS, Network, bottom_up_codec, kinds_of
from .heatmap import HeatmapCodec
from .limb_weights import limb_weights
from .maps import HEATMAPS, JOINT_HEATMAPS, PAFS, MapKind, Maps, named
from .offset import OFFSETS, OffsetCodec
from .paf import PafCodec
from .rules import RULES, DecodeRules

__all__ = [
    "HEATMAPS",
    "JOINT_HEATMAPS",
    "KINDS",
    "OFFSETS",
    "PAFS",
    "REFINEMENTS",
    "RULES",
    "Codec",
    "DecodeRules",
    "HeatmapCodec",
    "MapKind",
    "Maps",
    "Network",
    "OffsetCodec",
    "PafCodec",
    "Targets",
    "bottom_up_codec",
    "kinds_of",
    "limb_weights",
    "named",
]
