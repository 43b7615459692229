"""Augmentation: scale, rotation, shift and flip as one affine warp of image, mask and joints alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...checks import check_image
from ...errors import ConfigError, DataError
from ...opencv import cv2
from ...skeletons import Skeleton

OPENCV_LIMIT = 32767  # sides of images that it warps are shorter


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
        matrix = similarity(scale, angle, center, (self.crop - 1) / 2 + shift)
        return Warp(mirror(matrix, self.crop) if mirrored else matrix, mirrored, (self.crop, self.crop))


def similarity(scale: float, angle: float, center: Sequence[float], middle: np.ndarray) -> np.ndarray:
    """Return the matrix (2, 3) that scales and turns about `center`, which lands on `middle`; angles in radians."""
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    linear = np.array([[cos, sin], [-sin, cos]])
    matrix = np.empty((2, 3))
    matrix[:, :2] = linear
    matrix[:, 2] = middle - linear @ np.asarray(center, float)
    return matrix


def mirror(matrix: np.ndarray, width: int) -> np.ndarray:
    """Return the matrix (2, 3) that does the same and then mirrors the crop: x becomes width - 1 - x."""
    mirrored = matrix.copy()
    mirrored[0] = -mirrored[0]
    mirrored[0, 2] += width - 1
    return mirrored


@dataclass(frozen=True)
class Warp:
    """An affine map from image pixels to crop pixels; integers are pixel centres on both sides.

    Attributes
    ----------
    matrix
        (2, 3): crop = matrix @ (x, y, 1).
    mirrored
        Whether left and right change places.
    size
        Height and width of the crop in pixels.
    """

    matrix: np.ndarray
    mirrored: bool
    size: tuple[int, int]

    @property
    def inverse(self) -> np.ndarray:
        """(2, 3): the map from crop pixels back to image pixels."""
        inverse: np.ndarray = cv2.invertAffineTransform(self.matrix)
        return inverse

    def image(self, image: np.ndarray, fill: int = 0) -> np.ndarray:
        """Warp an image.

        Parameters
        ----------
        image
            (H', W', 3) uint8.
        fill
            Grey level outside of it.

        Returns
        -------
        ndarray
            (H, W, 3) uint8, interpolated bilinearly.

        Raises
        ------
        DataError
            If the image has another shape or type or is too large.
        """
        check_image(image)
        if max(image.shape[:2]) >= OPENCV_LIMIT:
            raise DataError(f"an image is {image.shape[1]} x {image.shape[0]} pixels, expected below {OPENCV_LIMIT}")
        return _warp(image, self.matrix, self.size, fill)

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
            (H / stride, W / stride) float32, 0 to 1.
        """
        cells = np.full([side // stride for side in self.size], border, np.uint8)
        columns = np.ascontiguousarray(mask.T)
        left, top, right, bottom = self._touched(columns, border, stride)
        if left < right and top < bottom:
            # On rows as columns, that is with x and y exchanged, and only where anything but the border is seen.
            matrix = self.matrix[:, [1, 0, 2]]
            matrix[:, 2] -= stride * left, stride * top
            height = bottom - top
            width = right - left
            warped = _warp(columns, matrix, (stride * height, stride * width), border)
            cells[top:bottom, left:right] = cv2.resize(warped, (width, height), interpolation=cv2.INTER_AREA)
        return cells.astype(np.float32) / 255

    def _touched(self, columns: np.ndarray, border: int, stride: int) -> tuple[int, int, int, int]:
        """Return the left, top, right and bottom of the cells where the mask (W, H) may not be its border."""
        down, across = (side // stride for side in self.size)
        if border != 255:
            return 0, 0, across, down
        top, left, height, width = cv2.boundingRect(cv2.bitwise_not(columns))
        if width == 0:
            return 0, 0, 0, 0
        # A pixel is seen from less than 1 pixel away; plain numbers, as NumPy is slow on so few.
        (a, b, c), (d, e, f) = self.matrix.tolist()
        corners = [(x, y) for x in (left - 1, left + width) for y in (top - 1, top + height)]
        seen_x = [a * x + b * y + c for x, y in corners]
        seen_y = [d * x + e * y + f for x, y in corners]
        axes = ((seen_x, across), (seen_y, down))
        first = [min(max(math.floor((min(seen) - 1) / stride), 0), side) for seen, side in axes]
        after = [min(max(math.floor((max(seen) + 1) / stride) + 1, 0), side) for seen, side in axes]
        return first[0], first[1], after[0], after[1]

    def keypoints(self, keypoints: np.ndarray, skeleton: Skeleton, margin: float = 0.0) -> np.ndarray:
        """Warp keypoints.

        Parameters
        ----------
        keypoints
            (..., K, 3) x, y in image pixels and visibility.
        skeleton
            Names the joints that change places in a mirror image.
        margin
            How many pixels outside of the crop a joint may lie.

        Returns
        -------
        ndarray
            (..., K, 3) float32 x, y in crop pixels and visibility; unlabelled joints and those farther outside are
            zeros.

        Raises
        ------
        DataError
            If the shape is another.
        """
        points = np.asarray(keypoints, np.float64)
        if points.shape[-2:] != (skeleton.num_joints, 3):
            raise DataError(
                f"keypoints have the shape {points.shape}, {skeleton.name} expects (..., {skeleton.num_joints}, 3)"
            )
        places = points[..., :2] @ self.matrix[:, :2].T + self.matrix[:, 2]
        inside = (places >= -0.5 - margin) & (places < np.array(self.size[::-1]) - 0.5 + margin)
        labelled = inside.all(axis=-1) & (points[..., 2] > 0)
        warped = np.zeros(points.shape, np.float32)
        warped[labelled, :2] = places[labelled]
        warped[labelled, 2] = points[labelled, 2]
        return warped[..., skeleton.flip_joints, :] if self.mirrored else warped


def _warp(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], fill: int) -> np.ndarray:
    return cv2.warpAffine(image, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderValue=(fill,) * 3)
