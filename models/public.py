"""All that `cpm.models` offers; the networks are loaded with it, and so is MXNet."""

from .exporting.accuracy import Accuracy
from .exporting.export import export_onnx, export_symbol
from .exporting.quantize import CALIBRATIONS, quantize_network
from .files.checkpoint import Checkpoint, load_parameters, read_checkpoint, save_network, skeleton_from_meta
from .importing import INPUTS, import_trunk, import_weights
from .loading import get_model, load_network
from .networks.cpm import CpmNet
from .networks.posenet import NORMALISATIONS, PoseNet, freeze_batch_norm
from .published.fetch import fetch
from .published.find import find_network
from .published.pretrained import PRETRAINED
from .registry import check_model, construct, list_models, register_model

__all__ = [
    "CALIBRATIONS",
    "INPUTS",
    "NORMALISATIONS",
    "PRETRAINED",
    "Accuracy",
    "Checkpoint",
    "CpmNet",
    "PoseNet",
    "check_model",
    "construct",
    "export_onnx",
    "export_symbol",
    "fetch",
    "find_network",
    "freeze_batch_norm",
    "get_model",
    "import_trunk",
    "import_weights",
    "list_models",
    "load_network",
    "load_parameters",
    "quantize_network",
    "read_checkpoint",
    "register_model",
    "save_network",
    "skeleton_from_meta",
]
