"""From images to people."""

from .estimator import Maps, PoseEstimator, stage_from_last

__all__ = ["Maps", "PoseEstimator", "stage_from_last"]
