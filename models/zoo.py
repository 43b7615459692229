"""What is used of GluonCV."""

from __future__ import annotations

from typing import Any

from cpm import _compat

_compat.load_gluoncv()

from gluoncv import model_zoo  # noqa: E402
from gluoncv.model_zoo import model_store, resnet50_v1b  # noqa: E402
from gluoncv.model_zoo.simple_pose.simple_pose_resnet import SimplePoseResNet  # noqa: E402

__all__ = ["SimplePoseResNet", "detector_network", "list_detectors", "model_store", "resnet50_v1b"]


def list_detectors() -> list[str]:
    """Return the names of the detectors of one stage whose classes are those of COCO or VOC."""
    names = model_zoo.get_model_list()
    return sorted(name for name in names if name.startswith(("ssd_", "yolo3_")) and name.endswith(("_coco", "_voc")))


def detector_network(name: str) -> Any:
    """Build a detector without its parameters; it returns class numbers, scores and corners in pixels of its input."""
    return model_zoo.get_model(name, pretrained=False, pretrained_base=False)
