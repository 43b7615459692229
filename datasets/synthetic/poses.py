"""Joint angles of people who stand, walk, run, sit, crouch, lean or raise their arms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

# Angles in degrees that a healthy body reaches. Flexion lifts a limb forward (elbow and knee: folds it),
# abduction lifts it sideways, rotation turns it inward about its own axis.
LIMITS: Mapping[str, tuple[float, float]] = {
    "shoulder_flexion": (-50, 175),
    "shoulder_abduction": (-15, 170),
    "shoulder_rotation": (-60, 90),
    "elbow": (0, 145),
    "hip_flexion": (-30, 120),
    "hip_abduction": (-15, 50),
    "hip_rotation": (-40, 30),
    "knee": (0, 140),
    "ankle": (-35, 30),
    "bend": (-20, 75),
    "side": (-35, 35),
    "twist": (-40, 40),
    "nod": (-40, 45),
    "turn": (-65, 65),
    "tilt": (-25, 25),
}
_PAIRED = tuple(LIMITS)[:9]

Ranges = Mapping[str, tuple[float, float]]

_NEUTRAL: Ranges = {
    "shoulder_flexion": (-12, 18),
    "shoulder_abduction": (5, 18),
    "shoulder_rotation": (-10, 40),
    "elbow": (3, 35),
    "hip_flexion": (-6, 8),
    "hip_abduction": (1, 9),
    "hip_rotation": (-15, 5),
    "knee": (0, 10),
    "ankle": (-5, 5),
    "bend": (-4, 10),
    "side": (-6, 6),
    "twist": (-12, 12),
    "nod": (-12, 18),
    "turn": (-35, 35),
    "tilt": (-10, 10),
}

_ARMS: Mapping[str, Ranges] = {
    "hanging": {},
    "bent": {"shoulder_flexion": (-10, 45), "elbow": (50, 125), "shoulder_rotation": (-30, 60)},
    "on hips": {
        "shoulder_flexion": (-25, 0),
        "shoulder_abduction": (35, 55),
        "elbow": (80, 110),
        "shoulder_rotation": (55, 85),
    },
    "forward": {"shoulder_flexion": (50, 110), "shoulder_abduction": (0, 25), "elbow": (0, 60)},
    "spread": {"shoulder_abduction": (55, 105), "elbow": (0, 60), "shoulder_rotation": (-50, 50)},
    "raised": {"shoulder_flexion": (125, 175), "shoulder_abduction": (-5, 40), "elbow": (0, 80)},
    "up": {"shoulder_abduction": (110, 165), "elbow": (0, 100), "shoulder_rotation": (-60, 20)},
}
_ARM_NAMES = tuple(_ARMS)

_LEGS: Mapping[str, Ranges] = {
    "straight": {},
    "astride": {"hip_abduction": (10, 26)},
    "lunge": {"hip_flexion": (-25, 60), "knee": (5, 75)},
    "sitting": {"hip_flexion": (72, 98), "hip_abduction": (2, 22), "knee": (60, 110), "ankle": (-15, 15)},
    "crouching": {"hip_flexion": (75, 118), "hip_abduction": (4, 28), "knee": (90, 135), "ankle": (5, 30)},
}


@dataclass(frozen=True)
class _Family:
    """One kind of pose: what its legs and arms may do, and how far the spine bends."""

    name: str
    weight: float
    legs: tuple[str, ...]
    arms: tuple[str, ...]
    spine: Ranges


FAMILIES = (
    _Family("standing", 0.30, ("straight", "straight", "astride"), _ARM_NAMES[:5], {}),
    _Family("walking", 0.16, ("walk",), ("swing", "swing", "swing", "bent", "hanging"), {}),
    _Family("running", 0.10, ("run",), ("swing",), {"bend": (5, 25)}),
    _Family("arms raised", 0.16, ("straight", "astride"), ("raised", "up", "up", "spread"), {"bend": (-10, 6)}),
    _Family("sitting", 0.12, ("sitting",), ("bent", "forward", "hanging", "raised"), {"bend": (-12, 20)}),
    _Family("crouching", 0.06, ("crouching",), ("bent", "forward", "hanging"), {"bend": (10, 40)}),
    _Family("leaning", 0.10, ("straight", "astride", "lunge"), _ARM_NAMES, {"bend": (-8, 65), "side": (-32, 32)}),
)

Pose = Mapping[str, np.ndarray]


def sample_pose(rng: np.random.Generator) -> Pose:
    """Draw the joint angles of one person.

    Returns
    -------
    mapping of str to ndarray
        Degrees by the names of :data:`LIMITS`: (2,) arrays (left, right) for the limbs, 0-d arrays for
        spine and head. All angles lie within the limits.
    """
    weights = np.array([family.weight for family in FAMILIES])
    family = FAMILIES[rng.choice(len(FAMILIES), p=weights / weights.sum())]
    legs = family.legs[rng.integers(len(family.legs))]
    arms = [family.arms[rng.integers(len(family.arms))] for _ in range(2)]
    if rng.random() < 0.5 or "swing" in arms:
        arms[1] = arms[0]

    pose = {name: np.asarray(rng.uniform(*_NEUTRAL[name], size=2 if name in _PAIRED else None)) for name in LIMITS}
    pose.update({name: np.asarray(rng.uniform(*bounds)) for name, bounds in family.spine.items()})
    if legs in _LEGS:
        pose.update({name: rng.uniform(*bounds, size=2) for name, bounds in _LEGS[legs].items()})
    else:
        _stride(pose, rng, running=legs == "run", swing=arms[0] == "swing")
    for side in range(2):
        for name, bounds in _ARMS.get(arms[side], {}).items():
            pose[name][side] = rng.uniform(*bounds)
    return {name: np.clip(pose[name], *bounds) for name, bounds in LIMITS.items()}


def _stride(pose: dict[str, np.ndarray], rng: np.random.Generator, running: bool, swing: bool) -> None:
    """Set the legs to one moment of a gait; `swing`: the arms move against the legs."""
    phase = rng.uniform(0, 2 * np.pi) + np.array([0, np.pi])
    reach = rng.uniform(32, 50) if running else rng.uniform(14, 30)
    pose["hip_flexion"] = reach * np.sin(phase) + (12 if running else 4)
    # The knee folds most while the thigh comes forward (cosine > 0).
    fold = np.maximum(np.cos(phase - 0.3), 0)
    pose["knee"] = (20 + rng.uniform(60, 95) * fold) if running else (6 + rng.uniform(25, 50) * fold)
    pose["ankle"] = -25 * fold
    if swing:
        pose["shoulder_flexion"] = -reach * rng.uniform(0.6, 1.2) * np.sin(phase) + 3
        pose["elbow"] = rng.uniform(60, 110, size=2) if running else rng.uniform(8, 45, size=2)
        pose["shoulder_rotation"] = rng.uniform(0, 40, size=2)
