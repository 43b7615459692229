"""From images to people."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..choices import BACKENDS, REFERENCES, RUNTIMES
from .averaging import ScaledMaps
from .backends import is_exported, open_network
from .box_estimator import BoxEstimator
from .box_sources import detected_people, given_boxes, whole_image
from .estimator import PoseEstimator
from .look import Estimator, Look
from .onnx_network import OnnxNetwork
from .predictions import Delivery, Predictions, list_pictures, predict_files
from .resizing import fit_image
from .selection import Selection
from .stages import stage_from_last

if TYPE_CHECKING:
    from .detector import PersonDetector

__all__ = [
    "BACKENDS",
    "REFERENCES",
    "RUNTIMES",
    "BoxEstimator",
    "Delivery",
    "Estimator",
    "Look",
    "OnnxNetwork",
    "PersonDetector",
    "PoseEstimator",
    "Predictions",
    "ScaledMaps",
    "Selection",
    "detected_people",
    "fit_image",
    "given_boxes",
    "is_exported",
    "list_pictures",
    "open_network",
    "predict_files",
    "stage_from_last",
    "whole_image",
]


def __getattr__(name: str) -> Any:
    """Return `PersonDetector`, for which MXNet is loaded."""
    if name != "PersonDetector":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.detector").PersonDetector
