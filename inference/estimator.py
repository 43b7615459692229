"""From an image to the people in it: resize, mirror, run the network, average, decode."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Callable

import cv2
import mxnet as mx
import numpy as np

from ..checks import check_image
from ..codecs import Codec, Network
from ..datasets import PersonBox
from ..draw import draw_people
from ..errors import ConfigError, quote
from ..person import Person
from .averaging import resample
from .look import Look

logger = logging.getLogger(__name__)

REFERENCES = ("height", "shorter")
LONGEST = 16  # times as long as its reference is the longer side of a network's input at most

_LARGEST = 10_000  # pixels of the side of an input that the scales refer to: beyond that no memory is enough


@dataclass(frozen=True)
class ScaledMaps:
    """The averaged output of the network for one image, on the grid of the largest scale.

    Attributes
    ----------
    maps
        (C, h, w) float32 by the names of their kinds.
    scale
        Pixels of the network's input per image pixel in x and y.
    """

    maps: Mapping[str, np.ndarray]
    scale: tuple[float, float]


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
        Called with images (B, H, W, 3) RGB uint8; returns the stages, first to last, each its maps (B, C, h, w) of
        MXNet or NumPy by the names of their kinds. Its `multiple`, if it has that attribute, divides H and W; else the
        stride of the codec does.
    codec
        Decodes the maps; its skeleton and stride are those of the network. :func:`cpm.codecs.bottom_up_codec` makes the
        one that fits.
    scales
        Heights of the network's input in units of `box_size`.
    flip
        Whether to average with the maps of the mirror image.
    box_size
        Height in pixels that scale 1 stands for.
    ctx
        Where the network's parameters are; by default MXNet's current context.
    stage
        The stage whose maps are used, 0 for the first; negative numbers count from the last.
    pad_value
        Grey level of the padding.
    reference
        What has `box_size` pixels at scale 1: the "height" of the image, or its "shorter" side.

    Raises
    ------
    ConfigError
        If a scale, the box size or the padding is out of range, or the reference unknown.
    """

    aspect: float | None = None  # whole images need no boxes

    def __init__(
        self,
        net: Callable[[mx.nd.NDArray], Sequence[Any]],
        codec: Codec,
        scales: Sequence[float] = (0.5, 1, 1.5, 2),
        flip: bool = True,
        box_size: int = 368,
        ctx: mx.Context | None = None,
        stage: int = -1,
        pad_value: int = 128,
        reference: str = "height",
    ) -> None:
        self.net = net
        self.codec = codec
        self.scales = tuple(float(scale) for scale in scales)
        self.flip = flip
        self.box_size = box_size
        self.ctx = ctx
        self.stage = stage
        self.pad_value = pad_value
        self.reference = reference
        if reference not in REFERENCES:
            raise ConfigError(f"reference={quote(reference)}, expected one of {', '.join(REFERENCES)}")
        if not self.scales or not all(0 < scale < float("inf") for scale in self.scales):
            raise ConfigError(f"scales={quote(tuple(scales))}, expected one or more positive numbers")
        if box_size <= 0:
            raise ConfigError(f"box_size={box_size}, expected a positive number of pixels")
        if max(self.scales) * box_size > _LARGEST:
            raise ConfigError(
                f"scales={quote(tuple(scales))} of box_size={box_size}: expected inputs of up to {_LARGEST} pixels"
            )
        if not 0 <= pad_value <= 255:
            raise ConfigError(f"pad_value={pad_value}, expected a grey level from 0 to 255")

    def __call__(self, image: np.ndarray) -> list[Person]:
        """Return the people in an image.

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
        return self.decode(self.maps(image), image.shape[:2])

    def look(self, image: np.ndarray, boxes: Sequence[PersonBox] = ()) -> Look:
        """Return the people in the whole image and pictures of the maps; parameters and errors as for a call."""
        maps = self.maps(image)
        people = self.decode(maps, image.shape[:2])
        return Look(people, lambda: self._draw(image, people, maps))

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
        check_image(image)
        of_scales = [self._at_scale(image, scale) for scale in self.scales]
        if len(of_scales) == 1:
            return of_scales[0]
        largest = of_scales[int(np.argmax(self.scales))]
        averaged = {
            kind.name: _average(kind.name, of_scales, largest) if kind.is_resampled else largest.maps[kind.name]
            for kind in self.codec.kinds
        }
        return ScaledMaps(averaged, largest.scale)

    def decode(self, maps: ScaledMaps, size: tuple[int, ...]) -> list[Person]:
        """Return the people that the maps of an image of `size` (H, W) show."""
        people = self.codec.decode(maps.maps, maps.scale)
        margin = (self.codec.stride / maps.scale[0], self.codec.stride / maps.scale[1])
        inside = [_keep_inside(person, size, margin) for person in people]
        return [person for person in inside if person.found.any()]

    def _draw(self, image: np.ndarray, people: list[Person], maps: ScaledMaps) -> list[np.ndarray]:
        skeleton, stride = self.codec.skeleton, self.codec.stride
        dense = [kind for kind in self.codec.kinds if kind.is_dense]
        pictures = [kind.picture(image, maps.maps[kind.name], skeleton, maps.scale, stride) for kind in dense]
        return [draw_people(image, people, skeleton), *pictures]

    def _at_scale(self, image: np.ndarray, scale: float) -> ScaledMaps:
        """Run the network on the image, resized and padded, and its mirror image."""
        length = len(image) if self.reference == "height" else min(image.shape[:2])
        multiple = getattr(self.net, "multiple", self.codec.stride)
        pixels = scale * self.box_size
        height = pixels * len(image) / length
        padded, scale_xy = fit_image(image, height, multiple, self.pad_value, LONGEST * pixels)
        batch = np.stack([padded, padded[:, ::-1]] if self.flip else [padded])
        maps = self._forward(batch)
        first = {name: array[0] for name, array in maps.items()}
        if not self.flip:
            return ScaledMaps(first, scale_xy)
        mirrored = {name: array[1] for name, array in maps.items()}
        return ScaledMaps(self.codec.average(first, mirrored), scale_xy)

    def _forward(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Run the network on (B, H, W, 3); return the maps of the stage that the codec decodes."""
        stages = self.net(mx.nd.array(batch, ctx=self.ctx, dtype=np.uint8))
        if not -len(stages) <= self.stage < len(stages):
            raise ConfigError(f"stage={self.stage}, but the network has {len(stages)} stages")
        found = stages[self.stage]
        codec = self.codec
        if not all(kind.name in found for kind in codec.kinds):
            wanted = " and ".join(kind.name for kind in codec.kinds)
            raise ConfigError(f"stage={self.stage} of the network has only {' and '.join(found)}, people need {wanted}")
        maps = {kind.name: _to_numpy(found[kind.name]) for kind in codec.kinds}
        grid = (batch.shape[1] // codec.stride, batch.shape[2] // codec.stride)
        expected = {name: (channels, *grid) for name, channels in codec.channels.items()}
        if any(array.shape[1:] != expected[name] for name, array in maps.items()):
            found = " and ".join(f"{name} {array.shape[1:]}" for name, array in maps.items())
            wanted = " and ".join(f"{name} {shape}" for name, shape in expected.items())
            raise ConfigError(
                f"the network returns {found}, but {codec.skeleton.name} at stride {codec.stride} needs {wanted}"
            )
        return maps


def fit_image(
    image: np.ndarray, height: float, multiple: int, pad_value: int = 128, longest: float | None = None
) -> tuple[np.ndarray, tuple[float, float]]:
    """Resize an image, keeping its proportions, and pad it on the right and at the bottom.

    Parameters
    ----------
    image
        (H, W, 3) uint8.
    height
        Pixels that H becomes.
    multiple
        Both sides of the result are multiples of it.
    pad_value
        Grey level of the padding.
    longest
        Most pixels of a side, by default `LONGEST` times the height. An image that would have more becomes smaller in
        all, with a warning.

    Returns
    -------
    tuple
        The padded image, and how many of its pixels a pixel of the image became in x and y.
    """
    factor = height / len(image)
    longer = max(image.shape[:2])
    if factor * longer > (longest or LONGEST * height):
        factor = (longest or LONGEST * height) / longer
        sides = f"{image.shape[1]} x {image.shape[0]}"
        logger.warning("a sliver of %s pixels: the network sees its longer side at %.0f", sides, factor * longer)
    size = tuple(max(1, round(factor * length)) for length in image.shape[:2])
    resized = image
    if size != image.shape[:2]:
        interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        resized = cv2.resize(image, size[::-1], interpolation=interpolation)
    bottom, right = (-length % multiple for length in size)
    padded = np.pad(resized, ((0, bottom), (0, right), (0, 0)), constant_values=pad_value)
    return padded, (size[1] / image.shape[1], size[0] / image.shape[0])


def stage_from_last(net: Network, number: int) -> int:
    """Translate a stage of the command line, where 0 is the last, to the natural order.

    Parameters
    ----------
    net
        The network.
    number
        0 for the last stage, 1 for the one before it, and so on.

    Returns
    -------
    int
        The stage as :class:`PoseEstimator` takes it.

    Raises
    ------
    ConfigError
        If the network has no such stage.
    """
    count = len(net.kinds)
    if not 0 <= number < count:
        stages = "one stage: 0" if count == 1 else f"{count} stages: 0 (the last) to {count - 1} (the first)"
        raise ConfigError(f"--stage={number}: the network has {stages}")
    return count - 1 - number


def _to_numpy(maps: mx.nd.NDArray | np.ndarray) -> np.ndarray:
    array: np.ndarray = maps.asnumpy() if isinstance(maps, mx.nd.NDArray) else maps
    return array.astype(np.float32, copy=False)


def _average(name: str, of_scales: Sequence[ScaledMaps], largest: ScaledMaps) -> np.ndarray:
    """Return the mean of one kind of maps of several scales on the grid of the largest.

    All grids start at the top left corner of the image, so no shift is left.
    """
    size = largest.maps[name].shape[1:]
    aligned = []
    for each in of_scales:
        maps = each.maps[name]
        if each is not largest:
            ratio = (each.scale[0] / largest.scale[0], each.scale[1] / largest.scale[1])
            maps = resample(maps, size, ratio)
        aligned.append(maps)
    averaged: np.ndarray = np.mean(aligned, axis=0)
    return averaged


def _keep_inside(person: Person, size: tuple[int, ...], margin: tuple[float, float]) -> Person:
    """Move joints up to `margin` outside the image to its border, and drop those farther out."""
    keypoints = person.keypoints.copy()
    last = np.array([size[1] - 1, size[0] - 1])
    outside = np.maximum(-keypoints[:, :2], keypoints[:, :2] - last)
    keypoints[:, :2] = keypoints[:, :2].clip(0, last)
    keypoints[(outside > margin).any(axis=1)] = 0
    return replace(person, keypoints=keypoints)
