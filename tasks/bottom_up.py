"""People in whole images: heatmaps and PAFs, joined to people."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from easydict import EasyDict

from ..codecs import HEATMAPS, PAFS, DecodeRules, MapKind, bottom_up_codec
from ..datasets import Augmentation, DataRef, KeypointData, PersonFilter, TrainingSet
from ..errors import ConfigError
from ..inference import OnnxNetwork, PoseEstimator, Selection
from .task import Task, tested_data

if TYPE_CHECKING:
    from ..models import PoseNet


@dataclass(frozen=True)
class BottomUpSettings:
    """What determines the scores of a network for whole images besides its parameters.

    Attributes
    ----------
    data
        The images.
    sigma, paf_width
        See :class:`cpm.codecs.PafCodec`.
    scales, flip, box_size, reference
        See :class:`cpm.inference.PoseEstimator`.
    """

    data: DataRef
    sigma: float
    paf_width: float
    scales: tuple[float, ...]
    flip: bool
    box_size: int
    reference: str


class BottomUp(Task):
    """Everybody in an image."""

    name = "bottom_up"
    kinds = (PAFS, HEATMAPS)
    does = "finds people in whole images"
    trained_by = "train"
    evaluated_by = "evaluate"
    overrides = ("scales", "flip", "box_size", "rules")
    # Where precision and recall balance on pictures of COCO and on synthetic ones.
    shown = Selection(min_score=0.2, min_joints=3)

    def check_crops(self, config: EasyDict, net: PoseNet) -> None:
        """Make sure that a network takes the crops of a recipe."""
        crop = config.augment.crop
        if crop % net.multiple:
            fitting = max(round(crop / net.multiple), 1) * net.multiple
            raise ConfigError(f"augment.crop={crop}: {net.name} needs multiples of {net.multiple}, such as {fitting}")

    def samples(self, config: EasyDict, net: PoseNet, dataset: KeypointData, augment: bool) -> TrainingSet:
        """Return a crop around each person that passes the filter; parameters as of `Task.samples`."""
        labels = config.labels
        augmentation = Augmentation(**config.augment)
        return TrainingSet(
            dataset,
            bottom_up_codec(net, labels.sigma, labels.paf_width),
            augmentation if augment else augmentation.without_chance(),
            PersonFilter(**config.people),
            config.train.seed,
            labels.weigh_limbs,
            labels.mask_missing,
        )

    def settings(self, meta: Mapping[str, Any], path: str | Path) -> BottomUpSettings:
        """Return how a network is tested, as its recipe says; parameters and errors as of `Task.recipe_of`."""
        config = self.recipe_of(meta, path)
        return BottomUpSettings(tested_data(config), config.labels.sigma, config.labels.paf_width, **config.test)

    def input_height(self, meta: Mapping[str, Any], path: str | Path) -> int:
        """Return the height that images are scaled to; parameters and errors as of `Task.recipe_of`."""
        return self.settings(meta, path).box_size

    def estimator(
        self,
        net: PoseNet | OnnxNetwork,
        settings: BottomUpSettings,
        rules: DecodeRules | None = None,
        unread: Collection[MapKind] = (),
        stage: int = -1,
    ) -> PoseEstimator:
        """Return what finds the people in an image.

        Parameters
        ----------
        net, settings
            The network, and how it is used.
        rules, unread
            See :func:`cpm.codecs.bottom_up_codec`.
        stage
            See :class:`cpm.inference.PoseEstimator`.
        """
        return PoseEstimator(
            net,
            bottom_up_codec(net, settings.sigma, settings.paf_width, rules, unread),
            settings.scales,
            settings.flip,
            settings.box_size,
            stage,
            reference=settings.reference,
        )

    def finder(
        self, net: PoseNet | OnnxNetwork, meta: Mapping[str, Any], path: str | Path, given: Mapping[str, Any]
    ) -> PoseEstimator:
        """Return what finds the people in an image, as the recipe says; parameters as of `Task.finder`."""
        changes = dict(given)
        rules = changes.pop("rules", None)
        return self.estimator(net, replace(self.settings(meta, path), **changes), rules)
