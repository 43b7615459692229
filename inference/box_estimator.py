"""One person in each box: crop, mirror, run the network, average, decode, and back to the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

import mxnet as mx
import numpy as np

from ..checks import check_image
from ..codecs import HeatmapCodec, named
from ..datasets import PersonBox, crop_warp
from ..draw import draw_people
from ..errors import ConfigError
from ..person import Person
from .look import Look
from .selection import Selection

_SHOWN = Selection(min_joint_score=0.2)  # a top-down network answers for every joint
_LARGEST = 4096  # pixels of a side of a crop


class BoxEstimator:
    """Find the joints of the person in each box (Xiao et al. 2018).

    Parameters
    ----------
    net
        Called with images (B, H, W, 3) RGB uint8; returns the stages, of which the last is ``{"heatmaps": maps}``
        with maps (B, K, h, w) of MXNet or NumPy.
    codec
        Decodes the maps; its skeleton and stride are those of the network.
    size
        Height and width of the crops in pixels.
    flip
        Whether to average with the maps of the mirrored crops.
    ctx
        Where the network's parameters are; by default MXNet's current context.
    batch_size
        Most crops to run at once.

    Raises
    ------
    ConfigError
        If a number is not positive, or the size is too large or not one that the network takes.
    """

    def __init__(
        self,
        net: Callable[[mx.nd.NDArray], Sequence[Any]],
        codec: HeatmapCodec,
        size: tuple[int, int],
        flip: bool = True,
        ctx: mx.Context | None = None,
        batch_size: int = 32,
    ) -> None:
        if min(size) < 1 or batch_size < 1:
            raise ConfigError(f"size={size}, batch_size={batch_size}, expected positive numbers")
        if max(size) > _LARGEST:
            raise ConfigError(f"size={size}, expected up to {_LARGEST} pixels")
        multiple = getattr(net, "multiple", 1)
        if size[0] % multiple or size[1] % multiple:
            raise ConfigError(f"size={size} of height and width, expected multiples of {multiple}")
        self.net = net
        self.codec = codec
        self.size = (int(size[0]), int(size[1]))
        self.flip = flip
        self.ctx = ctx
        self.batch_size = batch_size

    @property
    def aspect(self) -> float:
        """Width by height of the crops, which the boxes must have."""
        height, width = self.size
        return width / height

    def __call__(self, image: np.ndarray, boxes: Sequence[PersonBox]) -> list[Person]:
        """Return a person for each box.

        Parameters
        ----------
        image
            (H, W, 3) RGB uint8.
        boxes
            What the crops cover, see `cpm.datasets.box_of`.

        Returns
        -------
        list of Person
            In the order of the boxes. Keypoints (K, 3) in image pixels with the heights of the peaks as scores; the
            score of a person is the mean of these.

        Raises
        ------
        DataError
            If the image has another shape or type.
        ConfigError
            If the network returns other maps than heatmaps of the codec.
        """
        check_image(image)
        people: list[Person] = []
        for start in range(0, len(boxes), self.batch_size):
            people += self._some(image, boxes[start : start + self.batch_size])
        return people

    def look(self, image: np.ndarray, boxes: Sequence[PersonBox] = ()) -> Look:
        """Return the people in the boxes and a picture of them; parameters and errors as for a call."""
        people = self(image, boxes)
        return Look(people, lambda: [self._draw(image, people)])

    def settings(self) -> dict[str, Any]:
        """Return what decides about the people, fit for JSON."""
        return {"size": list(self.size), "flip": self.flip, "unbiased": self.codec.unbiased}

    def describe(self) -> str:
        """Return size and flip in words."""
        height, width = self.size
        return f"crops of {height}x{width} pixels, {'with' if self.flip else 'no'} flip"

    def _draw(self, image: np.ndarray, people: list[Person]) -> np.ndarray:
        return draw_people(image, _SHOWN(people), self.codec.skeleton)

    def _some(self, image: np.ndarray, boxes: Sequence[PersonBox]) -> list[Person]:
        warps = [crop_warp(box, self.size) for box in boxes]
        keypoints = self.codec.find_joints(self.heatmaps(np.stack([warp.image(image) for warp in warps])))
        people = []
        for warp, joints in zip(warps, keypoints):
            found = joints[:, 2] > 0
            inverse = warp.inverse
            joints = joints.astype(np.float64)
            joints[found, :2] = joints[found, :2] @ inverse[:, :2].T + inverse[:, 2]
            people.append(Person(joints, float(joints[:, 2].mean())))
        return people

    def heatmaps(self, crops: np.ndarray) -> np.ndarray:
        """Return the heatmaps (B, K, h, w) of crops (B, H, W, 3) uint8, averaged with those of their mirror images."""
        batch = np.concatenate([crops, crops[:, :, ::-1]]) if self.flip else crops
        stage = self.net(mx.nd.array(batch, ctx=self.ctx, dtype=np.uint8))[-1]
        found = {name: maps.asnumpy() if isinstance(maps, mx.nd.NDArray) else maps for name, maps in stage.items()}
        height, width = (side // self.codec.stride for side in self.size)
        expected = (len(batch), self.codec.skeleton.num_joints, height, width)
        if list(found) != ["heatmaps"] or found["heatmaps"].shape != expected:
            raise ConfigError(f"the network returns {named(found)}, a top-down network heatmaps {expected}")
        if not self.flip:
            return found["heatmaps"]
        plain, mirrored = np.split(found["heatmaps"], 2)
        return self.codec.average({"heatmaps": plain}, {"heatmaps": mirrored})["heatmaps"]
