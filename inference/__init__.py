"""From images to people."""

from .estimator import Maps, PoseEstimator, stage_from_last
from .onnx_network import OnnxNetwork

__all__ = ["Maps", "OnnxNetwork", "PoseEstimator", "stage_from_last"]
