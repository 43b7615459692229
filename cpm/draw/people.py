"""People as sticks and dots, and the colours of limbs and joints."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence

import numpy as np

from ..checks import check_image
from ..errors import DataError
from ..opencv import cv2
from ..person import Person
from ..skeletons import Skeleton

Colour = tuple[int, int, int]

# The hues (degrees) of the limbs of each side, from the first limb of the skeleton to the last.
_HUES = {"left": (172.0, 222.0), "right": (48.0, 4.0), "middle": (285.0, 325.0)}
_BITS = 4  # cv2 draws at sixteenths of a pixel


def draw_people(image: np.ndarray, people: Sequence[Person], skeleton: Skeleton, opacity: float = 0.85) -> np.ndarray:
    """Draw limbs as sticks and joints as dots; the left side is blue to green, the right side yellow to red.

    Parameters
    ----------
    image
        (H, W, 3) RGB uint8; it stays as it is.
    people
        Keypoints in image pixels, K as in the skeleton; joints of score 0 are left out.
    skeleton
        The body the keypoints belong to.
    opacity
        How much the sticks hide of the image, 0 to 1.

    Returns
    -------
    ndarray
        (H, W, 3) RGB uint8.

    Raises
    ------
    DataError
        If the image is not (H, W, 3) uint8 or a person has another number of joints.
    """
    check_image(image)
    sticks = image.copy()
    for person in sorted(people, key=lambda person: person.bbox[3]):
        if person.keypoints.shape != (skeleton.num_joints, 3):
            expected = f"({skeleton.num_joints}, 3) of {skeleton.name}"
            raise DataError(f"a person has keypoints of shape {person.keypoints.shape}, expected {expected}")
        _draw_person(sticks, person, skeleton)
    mixed: np.ndarray = cv2.addWeighted(sticks, opacity, image, 1 - opacity, 0)
    return mixed


def mark_occluded(image: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """Hollow out the dots of joints that are labelled but cannot be seen.

    Parameters
    ----------
    image
        (H, W, 3) RGB uint8, from :func:`draw_people`.
    keypoints
        (N, K, 3) x, y in its pixels and visibility, 1 of occluded joints.

    Returns
    -------
    ndarray
        (H, W, 3) RGB uint8.
    """
    picture = image.copy()
    for person in keypoints:
        sides = np.ptp(person[person[:, 2] > 0, :2], axis=0) if (person[:, 2] > 0).any() else np.zeros(2)
        radius = max(1.2, float(np.hypot(*sides)) / 130)  # draw_people makes larger dots of larger people
        for x, y, _ in person[person[:, 2] == 1].tolist():
            draw_dot(picture, x, y, radius, (255, 255, 255))
    return picture


def limb_colours(skeleton: Skeleton) -> list[tuple[int, int, int]]:
    """Return one RGB colour per limb: the sides in different hues, the limbs of a side in neighbouring ones."""
    sides = [_side(*limb) for limb in skeleton.limbs]
    colours = []
    for k, side in enumerate(sides):
        first, last = _HUES[side]
        place = sides[:k].count(side) / max(sides.count(side) - 1, 1)
        red, green, blue = colorsys.hsv_to_rgb((first + (last - first) * place) / 360, 0.82, 1.0)
        colours.append((round(255 * red), round(255 * green), round(255 * blue)))
    return colours


def joint_colours(skeleton: Skeleton) -> list[Colour]:
    """Return one RGB colour per joint, those of its dot in :func:`draw_people`."""
    dots: dict[int, Colour] = {}
    for (a, b), colour in zip(skeleton.limb_joints.tolist(), limb_colours(skeleton)):
        dots.setdefault(a, colour)
        dots[b] = colour
    return [dots.get(k, (255, 255, 255)) for k in range(skeleton.num_joints)]


def draw_dot(picture: np.ndarray, x: float, y: float, radius: float, colour: Colour) -> None:
    """Draw a disc into a picture; place and radius in its pixels, fractions included."""
    one = 1 << _BITS
    cv2.circle(picture, (round(x * one), round(y * one)), round(radius * one), colour, cv2.FILLED, cv2.LINE_AA, _BITS)


def _side(joint_a: str, joint_b: str) -> str:
    left = joint_a.startswith("left_") or joint_b.startswith("left_")
    right = joint_a.startswith("right_") or joint_b.startswith("right_")
    if left == right:
        return "middle"
    return "left" if left else "right"


def _draw_person(sticks: np.ndarray, person: Person, skeleton: Skeleton) -> None:
    """Draw into `sticks`; thickness follows the person's size, so that neither a child nor a crowd blots."""
    width = max(1, round(math.hypot(*person.bbox[2:]) / 60))
    one = 1 << _BITS
    places = [(round(float(x) * one), round(float(y) * one)) for x, y in person.keypoints[:, :2]]
    found = person.found
    for (a, b), colour in zip(skeleton.limb_joints, limb_colours(skeleton)):
        if found[a] and found[b]:
            cv2.line(sticks, places[a], places[b], colour, width, cv2.LINE_AA, _BITS)
    dots = joint_colours(skeleton)
    for k in np.flatnonzero(found).tolist():
        radius = round(0.9 * width * one) + one // 2
        cv2.circle(sticks, places[k], radius + one // 2, (30, 30, 30), cv2.FILLED, cv2.LINE_AA, _BITS)
        cv2.circle(sticks, places[k], radius, dots[k], cv2.FILLED, cv2.LINE_AA, _BITS)
