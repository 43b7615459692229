"""A jointed body in three dimensions: bones, rotations and how a camera sees them.

In the body's own frames x points to the person's left, y up and z forward; lengths are parts of the
stature. In the camera's frame x points right, y down and z towards the viewer, in pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np

from .poses import Pose

SIDES = ("left", "right")

# Rest lengths and half-widths as parts of the stature; `sample_build` varies them.
_BUILD = {
    "spine": 0.10,
    "chest": 0.205,
    "neck": 0.050,
    "head": 0.080,  # half the height of the head
    "shoulder": 0.108,  # from the middle to the joint, as the next one
    "hip": 0.063,
    "upper_arm": 0.165,
    "forearm": 0.150,
    "thigh": 0.240,
    "shin": 0.235,
    "foot": 0.105,
    "girth": 1.0,  # factor on all thicknesses
}


@dataclass(frozen=True)
class Body:
    """A posed body in the camera's frame.

    Attributes
    ----------
    points
        (3,) float arrays by name: the 17 joints of COCO, and the ends of the parts to be drawn.
    frames
        (3, 3) float arrays by name; the columns are left, up and forward of the part as the camera sees it.
    build
        Lengths as parts of the stature, by name.
    stature
        Pixels per unit of `build`.
    """

    points: Mapping[str, np.ndarray]
    frames: Mapping[str, np.ndarray]
    build: Mapping[str, float]
    stature: float

    def placed(self, stature: float, x: float, y: float) -> Body:
        """Return the body `stature` pixels tall, shifted so that the pelvis is at (x, y)."""
        scale = stature / self.stature
        origin = np.array([x, y, 0.0])
        points = {name: (point - self.points["pelvis"]) * scale + origin for name, point in self.points.items()}
        return Body(points, self.frames, self.build, stature)

    def extent(self) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom of the body in pixels, about the thickness of the flesh included."""
        flat = np.array([point[:2] for point in self.points.values()])
        margin = 0.03 * self.stature
        (left, top), (right, bottom) = flat.min(axis=0) - margin, flat.max(axis=0) + margin
        return float(left), float(top), float(right), float(bottom)


def sample_build(rng: np.random.Generator) -> dict[str, float]:
    """Draw the lengths of one person's bones."""
    build = {name: length * rng.uniform(0.93, 1.07) for name, length in _BUILD.items()}
    # Children have larger heads and shorter legs.
    youth = rng.uniform(0.0, 1.0) ** 3
    build["head"] *= 1.12 + 0.4 * youth
    for name in ("thigh", "shin"):
        build[name] *= 1 - 0.12 * youth
    build["girth"] = rng.uniform(0.88, 1.22)
    build["shoulder"] *= rng.uniform(0.88, 1.08)
    return build


def articulate(build: Mapping[str, float], pose: Pose, yaw: float, pitch: float, roll: float) -> Body:
    """Put the bones together and look at them.

    Parameters
    ----------
    build, pose
        Lengths of :func:`sample_build` and angles of :func:`~.poses.sample_pose`.
    yaw, pitch, roll
        Degrees: how far the person is turned to its left away from the camera (180: seen from the back),
        how far the camera looks down, and how far the picture is turned.

    Returns
    -------
    Body
        Of stature 1, its pelvis at the origin.
    """
    hips = _rotation("y", yaw)
    chest = hips @ _rotation("x", pose["bend"]) @ _rotation("z", pose["side"]) @ _rotation("y", pose["twist"])
    head = chest @ _rotation("y", pose["turn"]) @ _rotation("x", pose["nod"] - 0.45 * pose["bend"])
    head = head @ _rotation("z", pose["tilt"] - 0.4 * pose["side"])
    frames = {"hips": hips, "chest": chest, "head": head}
    points = _trunk(build, hips, chest, head)
    for index, side in enumerate(SIDES):
        _arm(points, frames, build, pose, index, side)
        _leg(points, frames, build, pose, index, side)
    camera = np.diag([1.0, -1.0, 1.0]) @ _rotation("z", roll) @ _rotation("x", pitch)
    return Body(
        {name: camera @ point for name, point in points.items()},
        {name: camera @ frame for name, frame in frames.items()},
        build,
        1.0,
    )


def _trunk(build: Mapping[str, float], hips: np.ndarray, chest: np.ndarray, head: np.ndarray) -> dict[str, np.ndarray]:
    size = build["head"]
    points = {"pelvis": np.zeros(3)}
    points["waist"] = hips @ np.array([0, build["spine"], 0])
    points["collar"] = points["waist"] + chest @ np.array([0, build["chest"], 0])
    points["nape"] = points["collar"] + chest @ np.array([0, build["neck"], 0.004])
    points["head"] = points["nape"] + head @ np.array([0, 0.75 * size, 0.2 * size])
    points["crown"] = points["head"] + head @ np.array([0, size, 0])
    face = {
        "nose": (0, -0.12, 0.98),
        "left_eye": (0.34, 0.14, 0.74),
        "right_eye": (-0.34, 0.14, 0.74),
        "left_ear": (0.76, 0.0, -0.05),
        "right_ear": (-0.76, 0.0, -0.05),
    }
    points.update({name: points["head"] + head @ (size * np.array(place)) for name, place in face.items()})
    for sign, side in zip((1, -1), SIDES):
        points[f"{side}_shoulder"] = points["collar"] + chest @ np.array([sign * build["shoulder"], -0.018, 0])
        points[f"{side}_hip"] = hips @ np.array([sign * build["hip"], 0, 0])
    return points


def _arm(
    points: dict[str, np.ndarray],
    frames: dict[str, np.ndarray],
    build: Mapping[str, float],
    pose: Pose,
    index: int,
    side: str,
) -> None:
    sign = 1 - 2 * index
    upper = frames["chest"] @ _rotation("z", sign * pose["shoulder_abduction"][index])
    upper = upper @ _rotation("x", -pose["shoulder_flexion"][index])
    upper = upper @ _rotation("y", -sign * pose["shoulder_rotation"][index])
    fore = upper @ _rotation("x", -pose["elbow"][index])
    frames[f"{side}_upper_arm"], frames[f"{side}_forearm"] = upper, fore
    points[f"{side}_elbow"] = points[f"{side}_shoulder"] - upper[:, 1] * build["upper_arm"]
    points[f"{side}_wrist"] = points[f"{side}_elbow"] - fore[:, 1] * build["forearm"]
    points[f"{side}_hand"] = points[f"{side}_wrist"] - fore[:, 1] * 0.055


def _leg(
    points: dict[str, np.ndarray],
    frames: dict[str, np.ndarray],
    build: Mapping[str, float],
    pose: Pose,
    index: int,
    side: str,
) -> None:
    sign = 1 - 2 * index
    thigh = frames["hips"] @ _rotation("z", sign * pose["hip_abduction"][index])
    thigh = thigh @ _rotation("x", -pose["hip_flexion"][index])
    thigh = thigh @ _rotation("y", -sign * pose["hip_rotation"][index])
    shin = thigh @ _rotation("x", pose["knee"][index])
    foot = shin @ _rotation("x", -pose["ankle"][index])
    frames[f"{side}_thigh"], frames[f"{side}_shin"], frames[f"{side}_foot"] = thigh, shin, foot
    points[f"{side}_knee"] = points[f"{side}_hip"] - thigh[:, 1] * build["thigh"]
    points[f"{side}_ankle"] = points[f"{side}_knee"] - shin[:, 1] * build["shin"]
    points[f"{side}_heel"] = points[f"{side}_ankle"] + foot @ np.array([0, -0.030, -0.012])
    points[f"{side}_toe"] = points[f"{side}_heel"] + foot @ np.array([0, -0.004, build["foot"]])


def _rotation(axis: str, degrees: float | np.ndarray) -> np.ndarray:
    """(3, 3): a right-handed turn about one axis."""
    angle = radians(float(degrees))
    c = cos(angle)
    s = sin(angle)
    if axis == "x":
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    if axis == "y":
        return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
