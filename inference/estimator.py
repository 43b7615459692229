"""From an image to the people in it: resize, mirror, run the network, average, decode."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Callable, NamedTuple

import cv2
import mxnet as mx
import numpy as np

from ..checks import check_image
from ..codecs import Codec, OffsetCodec
from ..errors import ConfigError, quote
from ..models.posenet import MAPS
from ..person import Person
from .averaging import join_offsets, resample, unmirror

logger = logging.getLogger(__name__)

REFERENCES = ("height", "shorter")
LONGEST = 16  # times as long as its reference is the longer side of a network's input at most

_LARGEST = 10_000  # pixels of the side of an input that the scales refer to: beyond that no memory is enough


class Maps(NamedTuple):
    """The averaged output of the network for one image, on the grid of the largest scale.

    Attributes
    ----------
    heatmaps
        (K + 1, h, w) float32; the last channel is the background.
    pafs
        (2L, h, w) float32.
    scale
        Pixels of the network's input per image pixel in x and y.
    offsets
        (2K, h, w) float32 of the largest scale, for an `OffsetCodec`.
    """

    heatmaps: np.ndarray
    pafs: np.ndarray
    scale: tuple[float, float]
    offsets: np.ndarray | None = None


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
        Called with images (B, H, W, 3) RGB uint8; returns the stages, first to last, of which the chosen one is
        pafs (B, 2L, h, w), heatmaps (B, K + 1, h, w) and, for an `OffsetCodec`, offsets (B, 2K, h, w), of MXNet
        or NumPy. Its `multiple`, if it has that attribute, divides H and W; else the stride of the codec does.
    codec
        Decodes the maps; its skeleton and stride are those of the network. :func:`cpm.codecs.crowd_codec` makes the
        one that fits. Of several scales, an `OffsetCodec` reads the offsets of the largest.
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

    def maps(self, image: np.ndarray) -> Maps:
        """Return the averaged maps that are decoded; parameters and errors as for a call."""
        check_image(image)
        of_scales = [self._at_scale(image, scale) for scale in self.scales]
        if len(of_scales) == 1:
            return of_scales[0]
        largest = of_scales[int(np.argmax(self.scales))]
        aligned = [_align(maps, largest) for maps in of_scales]
        heatmaps = np.mean([maps.heatmaps for maps in aligned], axis=0)
        pafs = np.mean([maps.pafs for maps in aligned], axis=0)
        return Maps(heatmaps, pafs, largest.scale, largest.offsets)

    def decode(self, maps: Maps, size: tuple[int, ...]) -> list[Person]:
        """Return the people that the maps of an image of `size` (H, W) show."""
        if isinstance(self.codec, OffsetCodec):
            if maps.offsets is None:
                raise ConfigError("these maps have no offsets, which an OffsetCodec decodes")
            people = self.codec.decode(maps.heatmaps, maps.pafs, maps.offsets, maps.scale)
        else:
            people = self.codec.decode(maps.heatmaps, maps.pafs, maps.scale)
        margin = (self.codec.stride / maps.scale[0], self.codec.stride / maps.scale[1])
        inside = [_keep_inside(person, size, margin) for person in people]
        return [person for person in inside if person.found.any()]

    def _at_scale(self, image: np.ndarray, scale: float) -> Maps:
        """Run the network on the image, resized and padded, and its mirror image."""
        length = len(image) if self.reference == "height" else min(image.shape[:2])
        multiple = getattr(self.net, "multiple", self.codec.stride)
        pixels = scale * self.box_size
        height = pixels * len(image) / length
        padded, scale_xy = fit_image(image, height, multiple, self.pad_value, LONGEST * pixels)
        batch = np.stack([padded, padded[:, ::-1]] if self.flip else [padded])
        heatmaps, pafs, *offsets = self._forward(batch)
        if not self.flip:
            return Maps(heatmaps[0], pafs[0], scale_xy, *(maps[0] for maps in offsets))
        mirrored = unmirror(heatmaps[1], pafs[1], self.codec.skeleton)
        joined = [join_offsets(maps[0], maps[1], self.codec.skeleton) for maps in offsets]
        return Maps((heatmaps[0] + mirrored[0]) / 2, (pafs[0] + mirrored[1]) / 2, scale_xy, *joined)

    def _forward(self, batch: np.ndarray) -> list[np.ndarray]:
        """Run the network on (B, H, W, 3); return heatmaps, PAFs and offsets of the stage, as the codec needs them."""
        stages = self.net(mx.nd.array(batch, ctx=self.ctx, dtype=np.uint8))
        if not -len(stages) <= self.stage < len(stages):
            raise ConfigError(f"stage={self.stage}, but the network has {len(stages)} stages")
        needed = ("heatmaps", "pafs", "offsets") if isinstance(self.codec, OffsetCodec) else ("heatmaps", "pafs")
        named = getattr(self.net, "kinds", ())
        kinds = named[self.stage] if named else MAPS[: len(stages[self.stage])]
        if not set(needed) <= set(kinds):
            found, wanted = " and ".join(kinds), " and ".join(kind for kind in MAPS if kind in needed)
            raise ConfigError(f"stage={self.stage} of the network has only {found}, people need {wanted}")
        maps = {kind: _to_numpy(array) for kind, array in zip(kinds, stages[self.stage])}
        skeleton, stride = self.codec.skeleton, self.codec.stride
        channels = {
            "heatmaps": skeleton.num_joints + 1,
            "pafs": 2 * skeleton.num_limbs,
            "offsets": 2 * skeleton.num_joints,
        }
        grid = (batch.shape[1] // stride, batch.shape[2] // stride)
        wrong = [kind for kind in needed if maps[kind].shape[1:] != (channels[kind], *grid)]
        if wrong:
            found = " and ".join(f"{kind} {maps[kind].shape[1:]}" for kind in needed)
            wanted = " and ".join(str((channels[kind], *grid)) for kind in needed)
            raise ConfigError(f"the network returns {found}, but {skeleton.name} at stride {stride} needs {wanted}")
        return [maps[kind] for kind in needed]


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


def stage_from_last(net: Callable, number: int, ctx: mx.Context | None = None) -> int:
    """Translate a stage of the command line, where 0 is the last, to the natural order.

    Parameters
    ----------
    net
        The network, which is run once on a small blank image to count its stages.
    number
        0 for the last stage, 1 for the one before it, and so on.
    ctx
        Where the network's parameters are; by default MXNet's current context.

    Returns
    -------
    int
        The stage as :class:`PoseEstimator` takes it.

    Raises
    ------
    ConfigError
        If the network has no such stage.
    """
    count = len(net(mx.nd.zeros((1, 64, 64, 3), ctx=ctx, dtype=np.uint8)))
    if not 0 <= number < count:
        stages = "one stage: 0" if count == 1 else f"{count} stages: 0 (the last) to {count - 1} (the first)"
        raise ConfigError(f"--stage={number}: the network has {stages}")
    return count - 1 - number


def _to_numpy(maps: mx.nd.NDArray | np.ndarray) -> np.ndarray:
    array: np.ndarray = maps.asnumpy() if isinstance(maps, mx.nd.NDArray) else maps
    return array.astype(np.float32, copy=False)


def _align(maps: Maps, largest: Maps) -> Maps:
    """Bring maps to the grid of the largest; both start at the top left corner of the image, so no shift is left."""
    if maps is largest:
        return maps
    size = largest.heatmaps.shape[1:]
    ratio = (maps.scale[0] / largest.scale[0], maps.scale[1] / largest.scale[1])
    return Maps(resample(maps.heatmaps, size, ratio), resample(maps.pafs, size, ratio), largest.scale)


def _keep_inside(person: Person, size: tuple[int, ...], margin: tuple[float, float]) -> Person:
    """Move joints up to `margin` outside the image to its border, and drop those farther out."""
    keypoints = person.keypoints.copy()
    last = np.array([size[1] - 1, size[0] - 1])
    outside = np.maximum(-keypoints[:, :2], keypoints[:, :2] - last)
    keypoints[:, :2] = keypoints[:, :2].clip(0, last)
    keypoints[(outside > margin).any(axis=1)] = 0
    return replace(person, keypoints=keypoints)
