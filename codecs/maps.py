"""The kinds of maps that networks predict: what there is to know of each, in one object."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..draw import Scale, draw_arrows, draw_heatmaps, draw_pafs, limb_colours
from ..skeletons import Skeleton

Maps = Mapping[str, np.ndarray]  # by the names of their kinds


class MapKind(ABC):
    """One kind of maps of a body with K joints and L limbs, (..., C, h, w).

    Attributes
    ----------
    name
        What the maps are called in samples, stages, files and messages.
    is_probability
        Whether the values are from 0 to 1, so that a cross entropy can be trained on.
    is_resampled
        Whether the maps of several scales can be averaged on one grid; of others those of the largest scale count.
    is_dense
        Whether predictions say something in every cell, so that a picture of them can be read.
    loss_options
        The keys of a recipe's section ``loss`` that are of this kind alone.
    """

    name: str
    is_probability = False
    is_resampled = True
    is_dense = True
    loss_options: ClassVar[Mapping[str, LossOption]] = {}

    @abstractmethod
    def channel_names(self, skeleton: Skeleton) -> list[str]:
        """Return what each of the C channels is of."""

    @abstractmethod
    def unmirror(self, maps: np.ndarray, skeleton: Skeleton) -> np.ndarray:
        """Turn maps (..., C, h, w) of a mirrored image into those of the image itself."""

    @abstractmethod
    def known_channels(self, joints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
        """Return (C,) bool: the channels that say something of a person of whom only these joints (K,) are known."""

    @abstractmethod
    def picture(self, image: np.ndarray, maps: np.ndarray, skeleton: Skeleton, scale: Scale, stride: int) -> np.ndarray:
        """Draw maps (C, h, w) over an image (H, W, 3) RGB uint8; scale and stride as of `cpm.draw.draw_heatmaps`."""

    def label_picture(
        self, image: np.ndarray, maps: np.ndarray, skeleton: Skeleton, scale: float, stride: int
    ) -> np.ndarray:
        """Draw targets (C, h, w) over a crop that is enlarged enough to tell one cell from the next."""
        return self.picture(image, maps, skeleton, scale, stride)

    def channels(self, skeleton: Skeleton) -> int:
        """Return C."""
        return len(self.channel_names(skeleton))

    def average(self, maps: np.ndarray, mirrored: np.ndarray, skeleton: Skeleton) -> np.ndarray:
        """Average maps (..., C, h, w) of an image with those of its mirror image."""
        averaged: np.ndarray = (maps + self.unmirror(mirrored, skeleton)) / 2
        return averaged

    def counting(
        self, F: Any, targets: Mapping[str, Any], predicted: Mapping[str, Any], options: Any, epoch: float
    ) -> Any:
        """Return how much the loss of these maps counts, beside the mask and weights of the sample.

        Parameters
        ----------
        F
            Gluon's operators.
        targets, predicted
            The maps of a batch and of the last stage, (B, C, h, w), by the names of their kinds.
        options
            The section ``loss`` of the recipe.
        epoch
            That is trained, from 0; validation counts as one after all of them.

        Returns
        -------
        array or None
            (B, C, h, w), or None where all counts alike.
        """
        return None

    def check_loss(self, options: Any, epochs: int) -> None:  # noqa: B027  (most kinds have no such options)
        """Make sure that the options of a loss make sense in so many epochs, else raise a `ConfigError`."""


@dataclass(frozen=True)
class LossOption:
    """A key of a recipe's section ``loss`` that is of one kind of maps alone.

    Attributes
    ----------
    default
        What holds without it.
    choices
        The values that text may have.
    limits
        The lowest and the highest value of a number.
    """

    default: Any
    choices: tuple[str, ...] = ()
    limits: tuple[float, float] = (0, 2**31 - 1)


@dataclass(frozen=True)
class Heatmaps(MapKind):
    """One map per joint, highest where it is; of many people with one more, the background.

    Attributes
    ----------
    background
        Whether there is a last channel, 1 - the largest of the others.
    """

    background: bool
    name = "heatmaps"
    is_probability = True

    def channel_names(self, skeleton: Skeleton) -> list[str]:
        """Return the names of the joints and "background"."""
        return [*skeleton.joints, *(["background"] if self.background else [])]

    def unmirror(self, maps: np.ndarray, skeleton: Skeleton) -> np.ndarray:
        """Reverse the columns and exchange left and right joints."""
        joints = skeleton.flip_joints
        if self.background:
            joints = np.append(joints, skeleton.num_joints)
        return maps[..., joints, :, ::-1]

    def known_channels(self, joints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
        """Return the known joints; the background always is."""
        return np.append(joints, True) if self.background else joints

    def picture(self, image: np.ndarray, maps: np.ndarray, skeleton: Skeleton, scale: Scale, stride: int) -> np.ndarray:
        """Lay the highest of the joints over a darkened image."""
        return draw_heatmaps(image, maps, scale, stride, self.background)


@dataclass(frozen=True)
class Pafs(MapKind):
    """Two maps per limb, x and y of the unit vector along it where it is; channels 2k and 2k + 1 for limb k."""

    name = "pafs"

    def channel_names(self, skeleton: Skeleton) -> list[str]:
        """Return the limbs, each with x and with y."""
        return [f"{a}-{b} {axis}" for a, b in skeleton.limbs for axis in "xy"]

    def unmirror(self, maps: np.ndarray, skeleton: Skeleton) -> np.ndarray:
        """Reverse the columns, exchange left and right limbs and turn the vectors round."""
        channels, signs = skeleton.flip_pafs
        return maps[..., channels, :, ::-1] * signs[:, None, None]

    def known_channels(self, joints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
        """Return the limbs both of whose ends are known."""
        return np.repeat(joints[skeleton.limb_joints].all(axis=1), 2)

    def picture(self, image: np.ndarray, maps: np.ndarray, skeleton: Skeleton, scale: Scale, stride: int) -> np.ndarray:
        """Lay the strongest vector of every place over a darkened image."""
        return draw_pafs(image, maps, scale, stride)

    def label_picture(
        self, image: np.ndarray, maps: np.ndarray, skeleton: Skeleton, scale: float, stride: int
    ) -> np.ndarray:
        """Draw one arrow for every cell with a field, in the colour of the limb that is strongest there."""
        return draw_arrows(image, maps, limb_colours(skeleton), stride / scale)


PAFS = Pafs()
HEATMAPS = Heatmaps(background=True)
JOINT_HEATMAPS = Heatmaps(background=False)


def named(maps: Mapping[str, Any]) -> str:
    """Return the names and shapes of maps, for messages."""
    return " and ".join(f"{name} {tuple(array.shape)}" for name, array in maps.items())
