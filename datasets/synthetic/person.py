"""Skin, hair and clothes: the solids that make a body look like somebody."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import pi
from typing import Union

import numpy as np

from . import colours
from .body import SIDES, Body
from .canvas import Ellipsoid, Mark, Tube

Parts = list[Union[Tube, Ellipsoid]]

_ALL = (-9.0, 9.0)


@dataclass(frozen=True)
class Outfit:
    """What somebody looks like; colours are (3,) RGB, 0..255.

    Attributes
    ----------
    sleeves, legs
        How far the shirt covers the arms and the trousers the legs: 0 to 2, one for each of the two bones.
    skirt
        Whether a skirt hides the thighs.
    front
        What the chest shows: "buttons", "print", "zip", "tie" or "plain" (the collar is always there).
    stripes
        0 none, 1 on the shirt, 2 on the trousers.
    hairdo
        "short", "long", "bun", "bald" or "cap".
    bag
        Whether there is a bag on the back.
    """

    skin: np.ndarray
    hair: np.ndarray
    shirt: np.ndarray
    detail: np.ndarray
    trousers: np.ndarray
    shoes: np.ndarray
    sleeves: float
    legs: float
    skirt: bool
    front: str
    stripes: int
    hairdo: str
    bag: bool


def sample_outfit(rng: np.random.Generator, surroundings: np.ndarray) -> Outfit:
    """Draw somebody's looks, mostly in contrast to the colour (3,) of the surroundings."""
    skin = colours.blend(colours.SKIN, rng)
    shirt = colours.cloth(rng, surroundings, skin)
    detail = colours.cloth(rng, shirt)
    trousers = colours.cloth(rng, surroundings, shirt)
    skirt = rng.random() < 0.14
    return Outfit(
        skin=skin,
        hair=colours.blend(colours.HAIR, rng),
        shirt=shirt,
        detail=detail,
        trousers=trousers,
        shoes=colours.cloth(rng, trousers, surroundings),
        sleeves=float(rng.choice([0.0, 0.55, 1.0, 1.95], p=[0.1, 0.35, 0.1, 0.45])),
        legs=0.0 if skirt else float(rng.choice([0.55, 0.95, 1.5, 1.95], p=[0.12, 0.13, 0.1, 0.65])),
        skirt=skirt,
        front=str(rng.choice(["buttons", "print", "zip", "tie", "plain"], p=[0.28, 0.27, 0.15, 0.12, 0.18])),
        stripes=int(rng.choice(3, p=[0.72, 0.18, 0.1])),
        hairdo=str(rng.choice(["short", "long", "bun", "bald", "cap"], p=[0.45, 0.22, 0.1, 0.08, 0.15])),
        bag=bool(rng.random() < 0.12),
    )


def dress(body: Body, outfit: Outfit) -> Parts:
    """Return the solids of a placed body."""
    parts: Parts = [*_trunk(body, outfit), *_head(body, outfit)]
    for side in SIDES:
        parts += [*_arm(body, outfit, side), *_leg(body, outfit, side)]
    return parts


def _trunk(body: Body, outfit: Outfit) -> Parts:
    points = body.points
    unit = body.stature * body.build["girth"]
    wide = body.build["shoulder"] * body.stature
    chest = body.frames["chest"]
    lift = chest[:, 1] * 0.012 * body.stature
    shirt = Tube(
        points["collar"] - 2 * lift,
        points["waist"] - lift,
        (wide * 0.98, max(wide * 0.78, 0.080 * unit)),
        chest,
        outfit.shirt,
        flatness=0.62,
        cap=0.42,
        marks=_shirt_marks(outfit),
    )
    hips = body.frames["hips"]
    seat = points["pelvis"] - hips[:, 1] * 0.022 * body.stature
    belt = (Mark((0.22, 0.42), 0, pi, outfit.detail * 0.5), Mark((0.22, 0.42), 0, 0.18, (225, 205, 120)))
    hem = (Mark((-9, 0.22), 0, pi, outfit.shirt),)
    trousers = Tube(
        points["waist"],
        seat,
        (max(wide * 0.76, 0.082 * unit), 0.106 * unit),
        hips,
        outfit.trousers,
        flatness=0.74,
        cap=0.5,
        marks=hem + belt,
    )
    neck = Tube(points["collar"] - 2 * lift, points["nape"], (0.036 * unit, 0.03 * unit), chest, outfit.skin * 0.93)
    parts: Parts = [shirt, trousers, neck]
    if outfit.skirt:
        knees = (points["left_knee"] + points["right_knee"]) / 2
        stride = float(np.linalg.norm(points["left_knee"] - points["right_knee"]))
        hem_point = points["pelvis"] * 0.35 + knees * 0.65
        radii = (body.build["hip"] * body.stature + 0.062 * unit, 0.33 * stride + 0.07 * unit)
        parts.append(Tube(seat, hem_point, radii, hips, outfit.trousers, flatness=0.9, cap=0.12))
    if outfit.bag:
        back = -chest[:, 2] * 0.085 * unit
        top, bottom = points["collar"] - 3 * lift + back, points["waist"] + back
        flap = Mark((0.1, 0.3), pi, 1.2, outfit.shoes)
        size = (0.062 * unit, 0.068 * unit)
        parts.append(Tube(top, bottom, size, chest, outfit.detail, flatness=0.6, cap=0.4, marks=(flap,)))
    return parts


def _shirt_marks(outfit: Outfit) -> tuple[Mark, ...]:
    light = outfit.detail
    marks = []
    if outfit.stripes == 1:
        marks.append(Mark(_ALL, 0, pi, 0.5 * outfit.shirt + 0.5 * light, period=0.22))
    if outfit.front == "buttons":
        marks += [Mark((0.0, 1.2), 0, 0.2, outfit.shirt * 0.75), Mark((0.1, 1.1), 0, 0.09, (240, 240, 235), 0.2)]
    elif outfit.front == "print":
        marks += [Mark((0.22, 0.66), 0, 0.55, light), Mark((0.34, 0.54), 0, 0.3, outfit.shirt)]
    elif outfit.front == "zip":
        marks.append(Mark((-1, 1.2), 0, 0.1, light))
    elif outfit.front == "tie":
        marks += [Mark((-0.3, 0.9), 0, 0.3, (238, 238, 236)), Mark((-0.1, 0.85), 0, 0.13, light)]
    if outfit.bag:
        marks += [Mark((-1, 0.7), centre, 0.12, light * 0.8) for centre in (-0.75, 0.75)]
    marks += [Mark((-1, -0.02), 0, 0.5, outfit.skin), Mark((-1, 0.06), 0, 0.28, outfit.skin)]
    return tuple(marks)


def _limb_marks(covered: float, clothes: np.ndarray, skin: np.ndarray) -> tuple[np.ndarray, tuple[Mark, ...]]:
    """Colour of a bone whose upper part, from 0 to `covered`, is clothed, and the marks that do it."""
    if covered <= 0:
        return skin, ()
    if covered >= 1:
        return clothes, ()
    return skin, (Mark((-9, covered), 0, pi, clothes), Mark((covered - 0.06, covered), 0, pi, clothes * 0.8))


def _arm(body: Body, outfit: Outfit, side: str) -> Parts:
    points = body.points
    unit = body.stature * body.build["girth"]
    upper = body.frames[f"{side}_upper_arm"]
    fore = body.frames[f"{side}_forearm"]
    shoulder, elbow, wrist = (points[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist"))
    loose = 1.12 if outfit.sleeves > 1 else 1.0
    colour, marks = _limb_marks(outfit.sleeves, outfit.shirt, outfit.skin)
    parts: Parts = [
        Tube(shoulder, elbow, (0.040 * unit * loose, 0.030 * unit * loose), upper, colour * 0.97, marks=marks)
    ]
    colour, marks = _limb_marks(outfit.sleeves - 1, outfit.shirt, outfit.skin)
    parts.append(Tube(elbow, wrist, (0.031 * unit * loose, 0.022 * unit * loose), fore, colour, marks=marks))
    parts.append(Tube(wrist, points[f"{side}_hand"], (0.021 * unit, 0.026 * unit), fore, outfit.skin, flatness=0.8))
    return parts


def _leg(body: Body, outfit: Outfit, side: str) -> Parts:
    points = body.points
    unit = body.stature * body.build["girth"]
    thigh, shin, foot = (body.frames[f"{side}_{name}"] for name in ("thigh", "shin", "foot"))
    hip, knee, ankle = (points[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
    loose = 1.1 if outfit.legs > 1 else 1.0
    colour, marks = _limb_marks(outfit.legs, outfit.trousers, outfit.skin)
    seam = (Mark(_ALL, pi / 2 if side == "left" else -pi / 2, 0.3, outfit.detail),) if outfit.stripes == 2 else ()
    parts: Parts = [Tube(hip, knee, (0.058 * unit, 0.042 * unit * loose), thigh, colour, marks=seam + marks)]
    colour, marks = _limb_marks(outfit.legs - 1, outfit.trousers, outfit.skin)
    cover = seam if outfit.legs > 1.9 else ()
    parts.append(Tube(knee, ankle, (0.043 * unit * loose, 0.027 * unit * loose), shin, colour, marks=marks + cover))
    sole = Mark(_ALL, pi, 0.9, (225, 225, 220))
    # Seen along the foot, "forward" is up: the sole is the back of the tube.
    along = np.stack([foot[:, 0], -foot[:, 2], foot[:, 1]], axis=1)
    heel = points[f"{side}_heel"]
    toe = points[f"{side}_toe"]
    parts.append(Tube(heel, toe, (0.028 * unit, 0.026 * unit), along, outfit.shoes, flatness=0.85, marks=(sole,)))
    return parts


def _head(body: Body, outfit: Outfit) -> Parts:
    points = body.points
    frame = body.frames["head"]
    size = body.build["head"] * body.stature
    left = frame[:, 0] * size
    up = frame[:, 1] * size
    front = frame[:, 2] * size
    middle = points["head"]
    paint = partial(_paint_face, outfit=outfit)
    parts: Parts = [
        Ellipsoid(middle, (0.76 * size, size, 0.84 * size), frame, outfit.skin, paint),
        Ellipsoid(middle + 0.8 * front - 0.14 * up, (0.13 * size, 0.2 * size, 0.2 * size), frame, outfit.skin * 0.94),
    ]
    if outfit.hairdo != "long":
        ears = (points["left_ear"], points["right_ear"])
        small = (0.1 * size, 0.2 * size, 0.14 * size)
        parts += [Ellipsoid(ear, small, frame, outfit.skin * 0.86) for ear in ears]
    else:
        behind = middle - 0.38 * front
        volume = (0.66 * size, 0.6 * size)
        parts.append(Tube(behind + 0.3 * up, behind - 1.35 * up, volume, frame, outfit.hair, flatness=0.62, cap=0.5))
    if outfit.hairdo == "bun":
        parts.append(Ellipsoid(middle + 0.75 * up - 0.65 * front, (0.34 * size,) * 3, frame, outfit.hair * 0.9))
    if outfit.hairdo == "cap":
        brim = middle + 0.85 * front + 0.42 * up
        parts.append(Ellipsoid(brim + 0 * left, (0.6 * size, 0.1 * size, 0.5 * size), frame, outfit.detail * 0.8))
    return parts


def _paint_face(picture: np.ndarray, place: np.ndarray, outfit: Outfit) -> None:
    """Paint hair and features on the unit sphere; `place` is (left, up, front) of each pixel."""
    left, up, front = place
    side = np.abs(left)

    def spot(x: float, y: float, width: float, height: float, colour: object) -> None:
        shape = np.square((side - x) / width) + np.square((up - y) / height)
        weight = np.maximum(np.minimum((1.25 - shape) * 2, 1), 0) * (front > 0)
        picture[:] += (np.asarray(colour, np.float32) - picture) * weight[..., None].astype(np.float32)

    spot(0.44, 0.14, 0.2, 0.14, (245, 245, 245))
    spot(0.44, 0.14, 0.1, 0.13, (38, 30, 28))
    spot(0.44, 0.36, 0.24, 0.05, outfit.hair * 0.8)
    spot(0.0, -0.52, 0.28, 0.07, outfit.skin * (0.55, 0.35, 0.35))
    if outfit.hairdo == "bald":
        hair = (front < 0.0) & (up < 0.4)
    else:
        hair = (up > 0.56 + 0.12 * front) | ((front < 0.12) & (up > 0.3 * side - 0.1)) | ((front < -0.3) & (up > -0.6))
    top = outfit.detail if outfit.hairdo == "cap" else outfit.hair
    picture[hair] = np.where((up[hair] > 0.3)[:, None], top, outfit.hair)
