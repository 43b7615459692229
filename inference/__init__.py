"""From images to people."""

from ..choices import BACKENDS, REFERENCES, RUNTIMES
from .averaging import ScaledMaps
from .backends import is_exported, open_network
from .box_estimator import BoxEstimator
from .box_sources import detected_people, given_boxes, whole_image
from .detector import PersonDetector
from .estimator import PoseEstimator
from .look import Estimator, Look
from .onnx_network import OnnxNetwork
from .predictions import Predictions, predict_files, visible_part
from .resizing import fit_image
from .stages import stage_from_last

__all__ = [
    "BACKENDS",
    "REFERENCES",
    "RUNTIMES",
    "BoxEstimator",
    "Estimator",
    "Look",
    "OnnxNetwork",
    "PersonDetector",
    "PoseEstimator",
    "Predictions",
    "ScaledMaps",
    "detected_people",
    "fit_image",
    "given_boxes",
    "is_exported",
    "open_network",
    "predict_files",
    "stage_from_last",
    "visible_part",
    "whole_image",
]
