"""Networks: build them by name, save and load them.

>>> net = get_model("cpm_mobilenet", width=0.5, stages=2)
>>> pafs, heatmaps = net(mx.nd.zeros((1, 368, 368, 3)))[-1]
"""

from .checkpoint import Checkpoint, load_parameters, read_checkpoint, save_network, skeleton_from_meta
from .cpm import CpmNet
from .posenet import NORMALISATIONS, PoseNet, freeze_batch_norm
from .registry import get_model, list_models, load_network, network_from_meta, register_model

__all__ = [
    "NORMALISATIONS",
    "Checkpoint",
    "CpmNet",
    "PoseNet",
    "freeze_batch_norm",
    "get_model",
    "list_models",
    "load_network",
    "load_parameters",
    "network_from_meta",
    "read_checkpoint",
    "register_model",
    "save_network",
    "skeleton_from_meta",
]
