"""From an image to the people in it: resize, mirror, run the network, average, decode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Callable

import numpy as np

from ..checks import check_image
from ..choices import REFERENCES
from ..codecs import Codec
from ..datasets import PersonBox
from ..draw import draw_people
from ..errors import ConfigError, quote
from ..person import Person
from .averaging import ScaledMaps, average_scales
from .look import Look
from .resizing import LONGEST, fit_image
from .stages import run_stage

_LARGEST = 10_000  # pixels of the side of an input that the scales refer to: beyond that no memory is enough


@dataclass(eq=False, repr=False)
class PoseEstimator:
    """Find the people in an image, averaging the network's maps over scales and mirror images.

    At scale s the image is resized to the height s * `box_size`, keeping its proportions (so a very wide
    image costs more than a high one; see `reference`), and padded on the right and at the bottom to what the network
    takes. An image whose longer side would have more than 16 times as many pixels as that height, a sliver, becomes
    smaller, with a warning. The maps of several scales are resampled to the grid of the largest; those of a single
    scale stay untouched. A joint found in the padding by more than a cell is dropped, one that is closer moves to the
    border.

    Parameters
    ----------
    net
        Called with images (B, H, W, 3) RGB uint8 of NumPy; returns the stages, first to last, each its maps
        (B, C, h, w) of MXNet or NumPy by the names of their kinds. Its `multiple`, if it has that attribute, divides H
        and W; else the stride of the codec does.
    codec
        Decodes the maps; its skeleton and stride are those of the network. :func:`cpm.codecs.bottom_up_codec` makes the
        one that fits.
    scales
        Heights of the network's input in units of `box_size`.
    flip
        Whether to average with the maps of the mirror image.
    box_size
        Height in pixels that scale 1 stands for.
    stage
        The stage whose maps are used, 0 for the first; negative numbers count from the last.
    pad_value
        Grey level of the padding.
    reference
        What has `box_size` pixels at scale 1: the "height" of the image, or its "shorter" side.
    batch_size
        Most images to run at once.

    Raises
    ------
    ConfigError
        If a scale, the box size or the padding is out of range, or the reference unknown.
    """

    net: Callable[[np.ndarray], Sequence[Any]]
    codec: Codec
    scales: Sequence[float] = (0.5, 1, 1.5, 2)
    flip: bool = True
    box_size: int = 368
    stage: int = -1
    pad_value: int = 128
    reference: str = "height"
    batch_size: int = 8

    def __post_init__(self) -> None:
        self.scales = tuple(self.scales)
        if self.reference not in REFERENCES:
            raise ConfigError(f"reference={quote(self.reference)}, expected one of {', '.join(REFERENCES)}")
        if not self.scales or not all(0 < scale < float("inf") for scale in self.scales):
            raise ConfigError(f"scales={quote(self.scales)}, expected one or more positive numbers")
        if self.box_size <= 0:
            raise ConfigError(f"box_size={self.box_size}, expected a positive number of pixels")
        if max(self.scales) * self.box_size > _LARGEST:
            raise ConfigError(
                f"scales={quote(self.scales)} of box_size={self.box_size}: expected inputs of up to {_LARGEST} pixels"
            )
        if self.batch_size < 1:
            raise ConfigError(f"batch_size={self.batch_size}, expected 1 or more")
        if not 0 <= self.pad_value <= 255:
            raise ConfigError(f"pad_value={self.pad_value}, expected a grey level from 0 to 255")
        self.scales = tuple(map(float, self.scales))

    @property
    def aspect(self) -> float | None:
        """None: whole images need no boxes."""
        return None

    @property
    def enlarge(self) -> float:
        """1: there are no boxes to grow."""
        return 1.0

    def __call__(self, image: np.ndarray) -> list[Person]:
        """Return the people in an image; see :meth:`find_all` for many.

        Parameters
        ----------
        image
            (H, W, 3) RGB uint8.

        Returns
        -------
        list of Person
            Keypoints (K, 3) in image pixels.

        Raises
        ------
        DataError
            If the image has another shape or type.
        ConfigError
            If the network lacks the stage or its maps are not those of the codec.
        """
        return self.find_all([image])[0]

    def find_all(self, images: Sequence[np.ndarray], boxes: Sequence[Sequence[PersonBox]] = ()) -> list[list[Person]]:
        """Return the people in each of several images; those of one size run through the network together.

        Parameters
        ----------
        images
            (H, W, 3) RGB uint8 each.
        boxes
            Not looked at: people are found in whole images.

        Raises
        ------
        DataError, ConfigError
            As for a call.
        """
        of_images = self._maps_of(images)
        return [self.decode(maps, image.shape[:2]) for maps, image in zip(of_images, images)]

    def look(self, image: np.ndarray, boxes: Sequence[PersonBox] = ()) -> Look:
        """Return the people in the whole image and pictures of the maps; parameters and errors as for a call."""
        maps = self.maps(image)
        people = self.decode(maps, image.shape[:2])
        return Look(people, lambda: self._draw(image, people, maps))

    def at_one_scale(self) -> PoseEstimator:
        """Return the same at the scale 1 alone."""
        return replace(self, scales=(1.0,))

    def settings(self) -> dict[str, Any]:
        """Return what decides about the people, fit for JSON."""
        return {
            "scales": list(self.scales),
            "flip": self.flip,
            "box_size": self.box_size,
            "reference": self.reference,
            "stage": self.stage,  # in natural order: 0 is the first, -1 the last
        }

    def describe(self) -> str:
        """Return scales and flip in words."""
        sides = f"{', '.join(map(str, self.scales))} x {self.box_size} pixels of {self.reference}"
        return f"scales {sides}, {'with' if self.flip else 'no'} flip"

    def maps(self, image: np.ndarray) -> ScaledMaps:
        """Return the averaged maps that are decoded; parameters and errors as for a call."""
        return self._maps_of([image])[0]

    def _maps_of(self, images: Sequence[np.ndarray]) -> list[ScaledMaps]:
        for image in images:
            check_image(image)
        of_scales = [self._at_scale(images, scale) for scale in self.scales]
        if len(of_scales) == 1:
            return of_scales[0]
        return [average_scales(of_image, self.codec.kinds) for of_image in zip(*of_scales)]

    def decode(self, maps: ScaledMaps, size: tuple[int, ...]) -> list[Person]:
        """Return the people that the maps of an image of `size` (H, W) show."""
        people = self.codec.decode(maps.maps, maps.scale)
        margin = (self.codec.stride / maps.scale[0], self.codec.stride / maps.scale[1])
        inside = [_keep_inside(person, size, margin) for person in people]
        return [person for person in inside if person.found.any()]

    def _draw(self, image: np.ndarray, people: list[Person], maps: ScaledMaps) -> list[np.ndarray]:
        skeleton = self.codec.skeleton
        stride = self.codec.stride
        dense = [kind for kind in self.codec.kinds if kind.is_dense]
        pictures = [kind.picture(image, maps.maps[kind.name], skeleton, maps.scale, stride) for kind in dense]
        return [draw_people(image, people, skeleton), *pictures]

    def _at_scale(self, images: Sequence[np.ndarray], scale: float) -> list[ScaledMaps]:
        """Run the network on images, resized and padded, those that then have one size together."""
        fitted = [self._fit(image, scale) for image in images]
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for place, (padded, _) in enumerate(fitted):
            by_shape.setdefault(padded.shape, []).append(place)
        found: dict[int, ScaledMaps] = {}
        for places in by_shape.values():
            for first in range(0, len(places), self.batch_size):
                batch = places[first : first + self.batch_size]
                of_batch = self._run(np.stack([fitted[place][0] for place in batch]))
                found.update({place: ScaledMaps(maps, fitted[place][1]) for place, maps in zip(batch, of_batch)})
        return [found[place] for place in range(len(images))]

    def _fit(self, image: np.ndarray, scale: float) -> tuple[np.ndarray, tuple[float, float]]:
        length = len(image) if self.reference == "height" else min(image.shape[:2])
        multiple = getattr(self.net, "multiple", self.codec.stride)
        pixels = scale * self.box_size
        return fit_image(image, pixels * len(image) / length, multiple, self.pad_value, LONGEST * pixels)

    def _run(self, batch: np.ndarray) -> list[Mapping[str, np.ndarray]]:
        """Return the maps of each image of a batch (B, H, W, 3), averaged with those of its mirror image."""
        seen = np.concatenate([batch, batch[:, :, ::-1]]) if self.flip else batch
        maps = run_stage(self.net, seen, self.codec, self.stage)
        of_images = [{name: array[place] for name, array in maps.items()} for place in range(len(seen))]
        if not self.flip:
            return list(of_images)
        mirrored = of_images[len(batch) :]
        return [self.codec.average(plain, other) for plain, other in zip(of_images, mirrored)]


def _keep_inside(person: Person, size: tuple[int, ...], margin: tuple[float, float]) -> Person:
    """Move joints up to `margin` outside the image to its border, and drop those farther out."""
    keypoints = person.keypoints.copy()
    last = np.array([size[1] - 1, size[0] - 1])
    outside = np.maximum(-keypoints[:, :2], keypoints[:, :2] - last)
    keypoints[:, :2] = keypoints[:, :2].clip(0, last)
    keypoints[(outside > margin).any(axis=1)] = 0
    return replace(person, keypoints=keypoints)
