"""One person in each box: crop, mirror, run the network, average, decode, and back to the image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, Callable

import numpy as np

from ..checks import check_image
from ..codecs import HeatmapCodec
from ..datasets import PersonBox, crop_warp
from ..draw import draw_people
from ..errors import ConfigError
from ..person import Person
from .look import Look
from .selection import Selection
from .stages import run_stage

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
    batch_size
        Most crops to run at once.
    enlarge
        By how much boxes of people grow before they are given to it, as in its training.

    Raises
    ------
    ConfigError
        If a number is not positive, or the size is too large or not one that the network takes.
    """

    def __init__(
        self,
        net: Callable[[np.ndarray], Sequence[Any]],
        codec: HeatmapCodec,
        size: tuple[int, int],
        flip: bool = True,
        batch_size: int = 32,
        enlarge: float = 1.25,
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
        self.batch_size = batch_size
        self.enlarge = enlarge

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
        return self.find_all([image], [boxes])[0]

    def find_all(self, images: Sequence[np.ndarray], boxes: Sequence[Sequence[PersonBox]] = ()) -> list[list[Person]]:
        """Return a person for each box of each image; boxes of several images run through the network together.

        Parameters
        ----------
        images
            (H, W, 3) RGB uint8 each.
        boxes
            Those of each image.

        Raises
        ------
        DataError, ConfigError
            As for a call.
        """
        for image in images:
            check_image(image)
        crops = [(image, box) for image, of_image in zip(images, boxes) for box in of_image]
        people: list[Person] = []
        for start in range(0, len(crops), self.batch_size):
            people += self._some(crops[start : start + self.batch_size])
        found = iter(people)
        return [list(islice(found, len(of_image))) for of_image in boxes]

    def look(self, image: np.ndarray, boxes: Sequence[PersonBox] = ()) -> Look:
        """Return the people in the boxes and a picture of them; parameters and errors as for a call."""
        people = self(image, boxes)
        return Look(people, lambda: [self._draw(image, people)])

    def at_one_scale(self) -> BoxEstimator:
        """Return itself: crops have one size."""
        return self

    def settings(self) -> dict[str, Any]:
        """Return what decides about the people, fit for JSON."""
        return {"size": list(self.size), "flip": self.flip, "unbiased": self.codec.unbiased}

    def describe(self) -> str:
        """Return size and flip in words."""
        height, width = self.size
        return f"crops of {height}x{width} pixels, {'with' if self.flip else 'no'} flip"

    def _draw(self, image: np.ndarray, people: list[Person]) -> np.ndarray:
        return draw_people(image, _SHOWN(people), self.codec.skeleton)

    def _some(self, crops: Sequence[tuple[np.ndarray, PersonBox]]) -> list[Person]:
        warps = [crop_warp(box, self.size) for _, box in crops]
        seen = np.stack([warp.image(image) for warp, (image, _) in zip(warps, crops)])
        keypoints = self.codec.find_joints(self.heatmaps(seen))
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
        found = run_stage(self.net, batch, self.codec)["heatmaps"]
        if not self.flip:
            return found
        plain, mirrored = np.split(found, 2)
        return self.codec.average({"heatmaps": plain}, {"heatmaps": mirrored})["heatmaps"]
