"""From images to people."""

from .detector import PersonDetector
from .estimator import REFERENCES, PoseEstimator, ScaledMaps, fit_image, stage_from_last
from .onnx_network import RUNTIMES, OnnxNetwork
from .opening import BACKENDS, open_network
from .predicting import detected_people, given_boxes, predict_files, visible_part, whole_image
from .topdown import BoxEstimator

__all__ = [
    "BACKENDS",
    "REFERENCES",
    "RUNTIMES",
    "BoxEstimator",
    "OnnxNetwork",
    "PersonDetector",
    "PoseEstimator",
    "ScaledMaps",
    "detected_people",
    "fit_image",
    "given_boxes",
    "open_network",
    "predict_files",
    "stage_from_last",
    "visible_part",
    "whole_image",
]
