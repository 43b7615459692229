"""Augmentation: scale, rotation, shift and flip as one affine warp of image, mask and joints alike."""

from __future__ import annotations

import math
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
        angle = math.radians(rng.uniform(-self.rotation, self.rotation))
        shift = rng.uniform(-self.shift, self.shift, 2)
        mirrored = bool(rng.random() < self.flip)
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        linear = np.array([[cos, sin], [-sin, cos]])
        matrix = np.empty((2, 3))
        matrix[:, :2] = linear
        matrix[:, 2] = (self.crop - 1) / 2 + shift - linear @ np.asarray(center, float)
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

    def image(self, image: np.ndarray, fill: int, out: np.ndarray | None = None) -> np.ndarray:
        """Warp an image or mask (H, W[, 3]) uint8 to the crop, with `fill` outside of it; into `out`, if given."""
        return _warp(image, self.matrix, (self.crop, self.crop), fill, out)

    def mask(self, mask: np.ndarray, border: int, stride: int) -> np.ndarray:
        """Warp a mask to the cells of the crop; a cell is the share of its pixels that count.

        It is the mean of the pixels of the cell in the bilinearly warped mask, up to the rounding of OpenCV to 1/255.

        Parameters
        ----------
        mask
            (H, W) uint8, 255 where a pixel counts, 0 where not; quickest if its transpose is contiguous.
        border
            Its value outside.
        stride
            Pixels per cell.

        Returns
        -------
        ndarray
            (crop / stride, crop / stride) float32, 0 to 1.
        """
        side = self.crop // stride
        cells = np.full((side, side), border, np.uint8)
        columns = np.ascontiguousarray(mask.T)
        left, top, right, bottom = self._touched(columns, border, stride)
        if left < right and top < bottom:
            # On rows as columns, that is with x and y exchanged, and only where anything but the border is seen.
            matrix = self.matrix[:, [1, 0, 2]]
            matrix[:, 2] -= stride * left, stride * top
            size = (right - left, bottom - top)
            warped = _warp(columns, matrix, (stride * size[0], stride * size[1]), border)
            cells[top:bottom, left:right] = cv2.resize(warped, size, interpolation=cv2.INTER_AREA)
        return cells.astype(np.float32) / 255

    def _touched(self, columns: np.ndarray, border: int, stride: int) -> tuple[int, int, int, int]:
        """Return the left, top, right and bottom of the cells where the mask (W, H) may not be its border."""
        side = self.crop // stride
        if border != 255:
            return 0, 0, side, side
        top, left, height, width = cv2.boundingRect(cv2.bitwise_not(columns))
        if width == 0:
            return 0, 0, 0, 0
        # A pixel is seen from less than 1 pixel away; plain numbers, as NumPy is slow on so few.
        (a, b, c), (d, e, f) = self.matrix.tolist()
        corners = [(x, y) for x in (left - 1, left + width) for y in (top - 1, top + height)]
        seen_x, seen_y = [a * x + b * y + c for x, y in corners], [d * x + e * y + f for x, y in corners]
        first = [min(max(math.floor((min(seen) - 1) / stride), 0), side) for seen in (seen_x, seen_y)]
        after = [min(max(math.floor((max(seen) + 1) / stride) + 1, 0), side) for seen in (seen_x, seen_y)]
        return first[0], first[1], after[0], after[1]

    def keypoints(self, keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
        """Warp keypoints (N, K, 3); those outside of the crop become unlabelled (zeros)."""
        warped = keypoints.astype(np.float32)
        warped[..., :2] = keypoints[..., :2] @ self.matrix[:, :2].T + self.matrix[:, 2]
        inside = ((warped[..., :2] >= -0.5) & (warped[..., :2] < self.crop - 0.5)).all(axis=-1)
        warped[~(inside & (keypoints[..., 2] > 0))] = 0
        return warped[:, skeleton.flip_joints] if self.mirrored else warped


def _warp(
    image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], fill: int, out: np.ndarray | None = None
) -> np.ndarray:
    return cv2.warpAffine(image, matrix, size, dst=out, flags=cv2.INTER_LINEAR, borderValue=(fill,) * 3)
