"""What is used of GluonCV, which is imported when it is used: it takes a second, and refuses to load beside PyTorch."""

from __future__ import annotations

from functools import cache
from typing import Any

from mxnet.gluon import HybridBlock

from ... import _compat


def resnet(depth: int, dilated: bool = False) -> HybridBlock:
    """Build a ResNet v1b without its parameters; `dilated` keeps its last two groups of blocks at stride 8."""
    return _model_zoo().get_model(f"resnet{depth}_v1b", pretrained=False, dilated=dilated)


def simple_pose_resnet(depth: int, maps: int, channels: int) -> HybridBlock:
    """Build a ResNet v1b with three deconvolutions of `channels` channels and a last convolution to `maps`."""
    _model_zoo()
    from gluoncv.model_zoo.simple_pose.simple_pose_resnet import SimplePoseResNet

    return SimplePoseResNet(base_name=f"resnet{depth}_v1b", num_joints=maps, num_deconv_filters=(channels,) * 3)


def model_store() -> Any:
    """Return the module that downloads and keeps the files of the zoo."""
    return _model_zoo().model_store


def list_detectors() -> list[str]:
    """Return the names of the detectors of one stage whose classes are those of COCO or VOC."""
    detectors = [name for name in _model_zoo().get_model_list() if name.startswith(("ssd_", "yolo3_"))]
    return sorted(name for name in detectors if name.endswith(("_coco", "_voc")))


def detector_network(name: str) -> Any:
    """Build a detector without its parameters; it returns class numbers, scores and corners in pixels of its input."""
    return _model_zoo().get_model(name, pretrained=False, pretrained_base=False)


@cache
def _model_zoo() -> Any:
    _compat.load_gluoncv()
    from gluoncv import model_zoo

    return model_zoo
