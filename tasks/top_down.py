"""One person in a box: the heatmaps of its joints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from easydict import EasyDict

from ..codecs import JOINT_HEATMAPS, HeatmapCodec
from ..datasets import CropAugmentation, DataRef, KeypointData, PersonChoice, PersonSet
from ..errors import ConfigError
from ..inference import BoxEstimator, OnnxNetwork, Selection
from ..models.files.checkpoint import skeleton_from_meta
from .task import Task, tested_data

if TYPE_CHECKING:
    from ..models import PoseNet


@dataclass(frozen=True)
class TopDownSettings:
    """What determines the scores of a network for one person in a box besides its parameters.

    Attributes
    ----------
    data
        The people.
    sigma, unbiased
        See :class:`cpm.codecs.HeatmapCodec`.
    size, enlarge
        Height and width of the crops in pixels, and by how much the boxes of COCO grow.
    flip
        See :class:`cpm.inference.BoxEstimator`.
    """

    data: DataRef
    sigma: float
    unbiased: bool
    size: tuple[int, int]
    enlarge: float
    flip: bool


class TopDown(Task):
    """The joints of one person in a box."""

    name = "top_down"
    kinds = (JOINT_HEATMAPS,)
    does = "finds the joints of one person in a box"
    trained_by = "train-topdown"
    evaluated_by = "evaluate-topdown"
    overrides = ("flip", "size", "boxes")
    shown = Selection(min_joint_score=0.2)  # it answers for every joint, seen or not

    def check_crops(self, config: EasyDict, net: PoseNet) -> None:
        """Make sure that a network takes the crops of a recipe."""
        size = config.augment["size"]
        if any(side % net.multiple for side in size):
            fitting = tuple(max(round(side / net.multiple), 1) * net.multiple for side in size)
            raise ConfigError(f"augment.size={size}: {net.name} needs multiples of {net.multiple}, such as {fitting}")

    def samples(self, config: EasyDict, net: PoseNet, dataset: KeypointData, augment: bool) -> PersonSet:
        """Return the crop of each person; parameters as of `Task.samples`."""
        options = dict(config.augment)
        size = options.pop("size")
        enlarge = options.pop("enlarge")
        augmentation = CropAugmentation(**options)
        people = PersonChoice(**config.people).people(dataset, size[1] / size[0], enlarge)
        return PersonSet(
            people,
            dataset.skeleton,
            HeatmapCodec(net.skeleton, net.stride, config.labels.sigma, config.labels.unbiased),
            size,
            augmentation if augment else augmentation.without_chance(),
            config.train.seed,
        )

    def settings(self, meta: Mapping[str, Any], path: str | Path) -> TopDownSettings:
        """Return how a network is tested, as its recipe says; parameters and errors as of `Task.recipe_of`.

        Without a recipe the body decides: MPII in squares of 256 pixels, others as COCO in 256x192.
        """
        config = self.recipe_of(meta, path)
        data = tested_data(config)
        size = config.augment["size"]
        if "config" not in meta and skeleton_from_meta(meta).name == "MPII_16":
            data = data.changed(kind="mpii")
            size = (256, 256)
        labels = config.labels
        return TopDownSettings(data, labels.sigma, labels.unbiased, size, config.augment.enlarge, config.test.flip)

    def input_height(self, meta: Mapping[str, Any], path: str | Path) -> int:
        """Return the height of crops; parameters and errors as of `Task.recipe_of`."""
        return self.settings(meta, path).size[0]

    def estimator(self, net: PoseNet | OnnxNetwork, settings: TopDownSettings, shift: bool = True) -> BoxEstimator:
        """Return what finds the joints of the person in each box.

        Parameters
        ----------
        net, settings
            The network, and how it is used.
        shift
            Whether the maps of the mirror image are moved by a cell, see :class:`cpm.codecs.HeatmapCodec`.
        """
        codec = HeatmapCodec(net.skeleton, net.stride, settings.sigma, settings.unbiased, shift)
        return BoxEstimator(net, codec, settings.size, settings.flip, enlarge=settings.enlarge)

    def finder(
        self, net: PoseNet | OnnxNetwork, meta: Mapping[str, Any], path: str | Path, given: Mapping[str, Any]
    ) -> BoxEstimator:
        """Return what finds the joints in each box, as the recipe says; parameters as of `Task.finder`."""
        return self.estimator(net, replace(self.settings(meta, path), **given))
