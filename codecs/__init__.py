"""Pose representations: each class turns keypoints into training targets and maps back into people."""

from .paf import DecodeRules, PafCodec, Targets

__all__ = ["DecodeRules", "PafCodec", "Targets"]
