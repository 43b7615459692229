"""Crops of single people for top-down networks: the box, the random changes, the warp and the choice of samples.

The rules are those of Xiao et al., "Simple Baselines for Human Pose Estimation and Tracking", ECCV 2018, and of the
code its authors published.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import ConfigError, DataError
from .transforms import OPENCV_LIMIT, Warp, mirror, similarity

_MPII_HEIGHT = 200  # pixels of a person of scale 1
_MPII_DOWN = 15
_MPII_ENLARGE = 1.25  # the annotated centre is above the middle of the body

# The joints must be the nearer to the middle of the box, the more of them are labelled.
_MATCH_SPREAD = 0.2
_MATCH_PER_JOINT = 0.2 / 16
_MATCH_OFFSET = 0.45 - 0.2 / 16


@dataclass(frozen=True)
class PersonBox:
    """What a crop covers: already enlarged and of the shape of the crop.

    Attributes
    ----------
    center
        x and y of its middle in pixels of the image.
    width, height
        In pixels of the image.

    Raises
    ------
    DataError
        If a number is not finite or a side not above 0.
    """

    center: tuple[float, float]
    width: float
    height: float

    def __post_init__(self) -> None:
        if not _are_finite(*self.center, self.width, self.height) or min(self.width, self.height) <= 0:
            raise DataError(
                f"a box has the centre {self.center}, the width {self.width} and the height {self.height}, "
                "expected two sides above 0"
            )


def box_of(bbox: Sequence[float], image_size: Sequence[int], aspect: float, enlarge: float = 1.25) -> PersonBox:
    """Return what to crop for a person with a box of COCO.

    The box is cut at the last pixels of the image, extended to the shape of the crop and enlarged, all about its
    middle. As in the published code, its last pixel is ``left + width - 1``, so that it loses a pixel of its width and
    height, and a box that begins left of the image or above it is moved there as a whole.

    Parameters
    ----------
    bbox
        Left, top, width and height in pixels.
    image_size
        Height and width of the image in pixels.
    aspect
        Width by height of the crop.
    enlarge
        By what factor the sides grow.

    Raises
    ------
    DataError
        If the box is not four finite numbers, or nothing of it is on the image.
    ConfigError
        If the aspect or the factor is not above 0.
    """
    _check_positive(aspect=aspect, enlarge=enlarge)
    height, width = image_size
    if len(bbox) != 4 or not _are_finite(*bbox) or not (_are_finite(width, height) and min(width, height) > 0):
        raise DataError(
            f"box {list(bbox)} on {width} x {height} pixels, expected left, top, width and height in pixels"
        )
    left, right = _clip(bbox[0], bbox[2], width)
    top, bottom = _clip(bbox[1], bbox[3], height)
    outside = min(bbox[2:]) <= 0 or bbox[0] + bbox[2] <= 0 or bbox[1] + bbox[3] <= 0
    if outside or right < left or bottom < top or max(right - left, bottom - top) == 0:
        raise DataError(f"box {list(bbox)} covers nothing of an image of {width} x {height} pixels")
    return _shaped(((left + right) / 2, (top + bottom) / 2), right - left, bottom - top, aspect, enlarge)


def mpii_box_of(center: tuple[float, float], scale: float, aspect: float) -> PersonBox:
    """Return what to crop for a person with MPII's centre and scale.

    As in the published code, the middle of the crop lies 15 pixels times the scale below the annotated centre, and
    its smaller side is 1.25 times 200 pixels times the scale.

    Parameters
    ----------
    center
        x and y in pixels, from 0.
    scale
        Height of the person by 200 pixels.
    aspect
        Width by height of the crop.

    Raises
    ------
    DataError
        If the centre is not finite or the scale not above 0.
    ConfigError
        If the aspect is not above 0.
    """
    _check_positive(aspect=aspect)
    if not (_are_finite(*center, scale) and scale > 0):
        raise DataError(f"a person has the centre {center} and the scale {scale}, expected pixels and a scale above 0")
    side = _MPII_HEIGHT * scale
    return _shaped((center[0], center[1] + _MPII_DOWN * scale), side, side, aspect, _MPII_ENLARGE)


@dataclass(frozen=True)
class CropAugmentation:
    """The distribution of the crops of a person (section 3 of the paper; the defaults are those for COCO).

    Attributes
    ----------
    scale
        Standard deviation of the factor that the box grows by, which is within 1 - scale and 1 + scale.
    rotation
        Standard deviation of the rotation in degrees, which is within twice of that.
    rotation_probability
        How likely the crop is rotated.
    flip
        How likely it is mirrored.

    Raises
    ------
    ConfigError
        If a value is out of its range.
    """

    scale: float = 0.3
    rotation: float = 40.0
    rotation_probability: float = 0.6
    flip: float = 0.5

    def __post_init__(self) -> None:
        _check(0 <= self.scale < 1, "scale", self.scale, "0 to below 1")
        _check(0 <= self.rotation < math.inf, "rotation", self.rotation, "degrees, at least 0")
        _check(0 <= self.rotation_probability <= 1, "rotation_probability", self.rotation_probability, "0 to 1")
        _check(0 <= self.flip <= 1, "flip", self.flip, "0 to 1")

    def without_chance(self) -> CropAugmentation:
        """Return what crops the box as it is, every time: for validation."""
        return replace(self, scale=0.0, rotation=0.0, flip=0.0)

    def draw(self, rng: np.random.Generator) -> tuple[float, float, bool]:
        """Draw the factor, the rotation in degrees and whether to mirror, for :func:`crop_warp`."""
        factor = min(max(1 + self.scale * rng.standard_normal(), 1 - self.scale), 1 + self.scale)
        degrees = min(max(self.rotation * rng.standard_normal(), -2 * self.rotation), 2 * self.rotation)
        rotated, mirrored = rng.random(2) < (self.rotation_probability, self.flip)
        return factor, degrees if rotated else 0.0, bool(mirrored)


def crop_warp(
    box: PersonBox, size: tuple[int, int], factor: float = 1.0, degrees: float = 0.0, mirrored: bool = False
) -> Warp:
    """Return the warp that crops a box.

    The middle of the box lands on the middle of the crop, ((W - 1) / 2, (H - 1) / 2), and a pixel of the crop is
    ``factor * box.width / W`` pixels of the image both ways. The published code lands it on (W / 2, H / 2) in the
    same pixels: its crops show the same half a pixel farther to the right and below. It mirrors first and rotates
    then, which is this with the opposite rotation.

    Parameters
    ----------
    box
        What to crop.
    size
        Height and width of the crop in pixels.
    factor
        By how much more of the image is shown.
    degrees
        Rotation about the middle of the box; above 0 the content turns counterclockwise.
    mirrored
        Whether the crop is mirrored last: x becomes W - 1 - x.

    Raises
    ------
    ConfigError
        If the size is not two whole numbers above 0, the factor not above 0 or the rotation not finite.
    """
    whole = len(size) == 2 and all(0 < side < OPENCV_LIMIT and side == int(side) for side in size)
    _check(whole, "size", size, f"two whole numbers from 1 to {OPENCV_LIMIT - 1}")
    _check_positive(factor=factor)
    _check(math.isfinite(degrees), "degrees", degrees, "a finite number")
    height, width = map(int, size)
    middle = np.array([width - 1, height - 1]) / 2
    matrix = similarity(width / (box.width * factor), math.radians(degrees), box.center, middle)
    return Warp(mirror(matrix, width) if mirrored else matrix, mirrored, (height, width))


def matches_box(keypoints: np.ndarray, box: PersonBox) -> bool:
    """Return whether the joints of a person lie about the middle of their box, as good samples do.

    With n labelled joints, whose mean is at a distance d from the middle of a box with the area A,
    exp(-d² / (2 · 0.2² · A)) must be above 0.2 / 16 · n + 0.45 - 0.2 / 16. This is the optional selection of the
    published code.

    Parameters
    ----------
    keypoints
        (K, 3) x, y in image pixels and visibility.
    box
        What is cropped.

    Raises
    ------
    DataError
        If the shape is another or a number not finite.
    """
    points = np.asarray(keypoints, np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
        raise DataError(f"keypoints have the shape {points.shape}, expected (K, 3) finite numbers")
    labelled = points[points[:, 2] > 0, :2]
    if len(labelled) == 0:
        return False
    distance = math.hypot(*(labelled.mean(axis=0) - box.center))
    similarity = math.exp(-(distance**2) / (2 * _MATCH_SPREAD**2 * box.width * box.height))
    return similarity > _MATCH_PER_JOINT * len(labelled) + _MATCH_OFFSET


def _clip(start: float, length: float, side: int) -> tuple[float, float]:
    """Return the first and last pixel of a box along an axis of the image."""
    first = max(0.0, float(start))
    return first, min(side - 1.0, first + max(0.0, length - 1.0))


def _shaped(center: tuple[float, float], width: float, height: float, aspect: float, enlarge: float) -> PersonBox:
    """Extend a box to the aspect and enlarge it."""
    x, y = map(float, center)
    return PersonBox((x, y), max(width, height * aspect) * enlarge, max(height, width / aspect) * enlarge)


def _are_finite(*values: float) -> bool:
    return all(math.isfinite(value) for value in values)


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        _check(0 < value < math.inf, name, value, "above 0")


def _check(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise ConfigError(f"{name} is {value}, expected {expected}")
