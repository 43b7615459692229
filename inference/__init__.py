"""From images to people."""

from .estimator import Maps, PoseEstimator, fit_image, stage_from_last
from .onnx_network import RUNTIMES, OnnxNetwork
from .opening import BACKENDS, open_network

__all__ = [
    "BACKENDS",
    "RUNTIMES",
    "Maps",
    "OnnxNetwork",
    "PoseEstimator",
    "fit_image",
    "open_network",
    "stage_from_last",
]
