"""The bodies of the published data sets and networks."""

from __future__ import annotations

from .skeleton import Skeleton

# COCO's constants of the object keypoint similarity, the same on both sides; the neck has that of the shoulders.
_SIGMAS = {
    "nose": 0.026,
    "eye": 0.025,
    "ear": 0.035,
    "neck": 0.079,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
}


def _joints(*names: str) -> tuple[str, ...]:
    return tuple(" ".join(names).split())


def _limbs(*chains: str) -> tuple[tuple[str, str], ...]:
    """Return the limbs of chains of joints, from each joint of a chain to the next."""
    words = [chain.split() for chain in chains]
    return tuple(limb for joints in words for limb in zip(joints, joints[1:]))


def _sigmas(joints: tuple[str, ...]) -> tuple[float, ...]:
    return tuple(_SIGMAS[joint.rpartition("_")[2]] for joint in joints)


_COCO = _joints(
    "nose left_eye right_eye left_ear right_ear",
    "left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist",
    "left_hip right_hip left_knee right_knee left_ankle right_ankle",
)
COCO_17 = Skeleton(
    "COCO_17",
    joints=_COCO,
    limbs=_limbs(
        "left_ankle left_knee left_hip",
        "right_ankle right_knee right_hip",
        "left_hip right_hip",
        "left_shoulder left_hip",
        "right_shoulder right_hip",
        "left_shoulder right_shoulder",
        "left_shoulder left_elbow",
        "right_shoulder right_elbow",
        "left_elbow left_wrist",
        "right_elbow right_wrist",
        "left_eye right_eye",
        "nose left_eye",
        "nose right_eye",
        "left_eye left_ear",
        "right_eye right_ear",
        "left_ear left_shoulder",
        "right_ear right_shoulder",
    ),
    sigmas=_sigmas(_COCO),
)

_OPENPOSE = _joints(
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist",
    "right_hip right_knee right_ankle left_hip left_knee left_ankle",
    "right_eye left_eye right_ear left_ear",
)
OPENPOSE_18 = Skeleton(
    "OPENPOSE_18",
    joints=_OPENPOSE,
    limbs=_limbs(
        "neck right_hip right_knee right_ankle",
        "neck left_hip left_knee left_ankle",
        "neck right_shoulder right_elbow right_wrist",
        "right_shoulder right_ear",
        "neck left_shoulder left_elbow left_wrist",
        "left_shoulder left_ear",
        "neck nose right_eye",
        "nose left_eye",
        "right_eye right_ear",
        "left_eye left_ear",
    ),
    sigmas=_sigmas(_OPENPOSE),
    derived={"neck": ("left_shoulder", "right_shoulder")},
)

MPII_16 = Skeleton(
    "MPII_16",
    joints=_joints(
        "right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis thorax upper_neck head_top",
        "right_wrist right_elbow right_shoulder left_shoulder left_elbow left_wrist",
    ),
    limbs=_limbs(
        "pelvis right_hip right_knee right_ankle",
        "pelvis left_hip left_knee left_ankle",
        "pelvis thorax upper_neck head_top",
        "thorax right_shoulder right_elbow right_wrist",
        "thorax left_shoulder left_elbow left_wrist",
    ),
)

MPI_15 = Skeleton(
    "MPI_15",
    joints=_joints(
        "head_top upper_neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist",
        "right_hip right_knee right_ankle left_hip left_knee left_ankle chest",
    ),
    limbs=_limbs(
        "head_top upper_neck right_shoulder right_elbow right_wrist",
        "upper_neck left_shoulder left_elbow left_wrist",
        "upper_neck chest right_hip right_knee right_ankle",
        "chest left_hip left_knee left_ankle",
    ),
    derived={"chest": ("thorax", "pelvis")},
)

SKELETONS = {skeleton.name: skeleton for skeleton in (COCO_17, OPENPOSE_18, MPII_16, MPI_15)}
