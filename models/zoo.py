"""What is used of GluonCV."""

from cpm import _compat

_compat.load_gluoncv()

from gluoncv.model_zoo import model_store, resnet50_v1b  # noqa: E402
from gluoncv.model_zoo.simple_pose.simple_pose_resnet import SimplePoseResNet  # noqa: E402

__all__ = ["SimplePoseResNet", "model_store", "resnet50_v1b"]
