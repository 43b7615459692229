"""Augmentation: scale, rotation, shift and flip as one affine warp of image, mask and joints alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..errors import ConfigError
from ..skeletons import Skeleton


@dataclass(frozen=True)
class Augmentation:
    """The distribution of the warps, and the crop they lead to (Cao et al. 2017; the defaults are the authors').

    Attributes
    ----------
    crop
        Side of the square crop in pixels.
    reference
        What is brought to one size: the box of the ``person``, as the authors do, or the whole ``image``, as a
        network sees it that is to be evaluated at one scale.
    height
        Height of the reference as a share of the crop, at scale 1.
    scale
        Lowest and highest factor, drawn uniformly.
    rotation
        Largest rotation in degrees either way, drawn uniformly.
    shift
        Largest shift of the person from the middle of the crop in pixels, per axis, drawn uniformly.
    flip
        How likely the crop is mirrored.
    fill
        Grey level outside the image.
    supervise_border
        Whether the loss counts outside the image, where the labels say background.

    Raises
    ------
    ConfigError
        If the reference is none of these.
    """

    crop: int = 368
    reference: str = "person"
    height: float = 0.6
    scale: tuple[float, float] = (0.5, 1.1)
    rotation: float = 40.0
    shift: float = 40.0
    flip: float = 0.5
    fill: int = 128
    supervise_border: bool = True

    def __post_init__(self) -> None:
        if self.reference not in ("person", "image"):
            raise ConfigError(f"augment.reference={self.reference!r}: expected person or image")

    def without_chance(self) -> Augmentation:
        """Return the middle of the distribution: the same crop every time, for validation."""
        middle = (self.scale[0] + self.scale[1]) / 2
        return replace(self, scale=(middle, middle), rotation=0.0, shift=0.0, flip=0.0)

    def draw(self, center: tuple[float, float], height: float, rng: np.random.Generator) -> Warp:
        """Draw the warp around a person with this centre, for a reference of this height, in pixels."""
        scale = self.height * self.crop / max(height, 1.0) * rng.uniform(*self.scale)
        angle = np.deg2rad(rng.uniform(-self.rotation, self.rotation))
        shift = rng.uniform(-self.shift, self.shift, 2)
        mirrored = bool(rng.random() < self.flip)
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        linear = np.array([[cos, sin], [-sin, cos]])
        offset = (self.crop - 1) / 2 + shift - linear @ np.asarray(center, float)
        matrix = np.column_stack([linear, offset])
        if mirrored:
            matrix[0] = -matrix[0]
            matrix[0, 2] += self.crop - 1
        return Warp(matrix, mirrored, self.crop)


@dataclass(frozen=True)
class Warp:
    """An affine map from image pixels to crop pixels; integers are pixel centres on both sides.

    Attributes
    ----------
    matrix
        (2, 3): crop = matrix @ (x, y, 1).
    mirrored
        Whether left and right change places.
    crop
        Side of the square crop in pixels.
    """

    matrix: np.ndarray
    mirrored: bool
    crop: int

    def image(self, image: np.ndarray, fill: int) -> np.ndarray:
        """Warp an image or mask (H, W[, 3]) uint8 to the crop, with `fill` outside of it."""
        border = (fill,) * 3
        return cv2.warpAffine(image, self.matrix, (self.crop, self.crop), flags=cv2.INTER_LINEAR, borderValue=border)

    def keypoints(self, keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
        """Warp keypoints (N, K, 3); those outside of the crop become unlabelled (zeros)."""
        warped = keypoints.astype(np.float32)
        warped[..., :2] = keypoints[..., :2] @ self.matrix[:, :2].T + self.matrix[:, 2]
        inside = ((warped[..., :2] >= -0.5) & (warped[..., :2] < self.crop - 0.5)).all(axis=-1)
        warped[~(inside & (keypoints[..., 2] > 0))] = 0
        return warped[:, skeleton.flip_joints] if self.mirrored else warped
