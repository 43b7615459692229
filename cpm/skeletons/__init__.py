"""Bodies: their joints and limbs, the published ones by name, and keypoints of one as those of another."""

from .bodies import COCO_17, MPI_15, MPII_16, OPENPOSE_18, SKELETONS
from .conversion import convert
from .skeleton import Skeleton
from .specs import skeleton_from_spec, skeleton_to_spec

__all__ = [
    "COCO_17",
    "MPII_16",
    "MPI_15",
    "OPENPOSE_18",
    "SKELETONS",
    "Skeleton",
    "convert",
    "skeleton_from_spec",
    "skeleton_to_spec",
]
