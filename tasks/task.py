"""What a task owns: which maps its networks return, its samples, its settings of a test, its scripts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from easydict import EasyDict

from ..codecs import KINDS, MapKind
from ..configs import TASKS as DEFAULTS
from ..configs import from_json, recipe
from ..datasets import DataRef, KeypointData, SampleSet
from ..errors import CheckpointError, ConfigError, quote
from ..inference import Estimator, OnnxNetwork, Selection
from ..models.files.checkpoint import skeleton_from_meta

if TYPE_CHECKING:
    from ..models import PoseNet


class Task(ABC):
    """What is found: everybody in an image, or the joints of the one person in a box.

    Attributes
    ----------
    name
        As recipes call it.
    kinds
        The kinds of maps that the last stage of its networks begins with.
    does
        What its networks do, for messages.
    trained_by, evaluated_by
        The names of its commands.
    overrides
        What may be said otherwise than its recipes do, see `load_estimator`.
    shown
        Whom to show of the people that are found.
    """

    name: str
    kinds: tuple[MapKind, ...]
    does: str
    trained_by: str
    evaluated_by: str
    overrides: tuple[str, ...]
    shown: Selection

    @property
    def defaults(self) -> dict[str, dict[str, Any]]:
        """The keys of its recipes by their sections, with their defaults."""
        return DEFAULTS[self.name]

    def fits(self, kinds: Sequence[Sequence[MapKind]]) -> bool:
        """Return whether a network whose stages return these kinds of maps is one for the task."""
        return tuple(kinds[-1][: len(self.kinds)]) == self.kinds

    def check_network(self, kinds: Sequence[Sequence[MapKind]], path: str | Path, other: Task) -> None:
        """Make sure that a network does what it is to be used for.

        Parameters
        ----------
        kinds
            The kinds of maps of its stages.
        path
            Its file, for messages.
        other
            The task that it is for, if not for this one.

        Raises
        ------
        ConfigError
            If it is for the other; the message names the command that takes it.
        """
        if not self.fits(kinds):
            raise ConfigError(f"{path}: a network that {other.does}; cpm {other.evaluated_by} takes it")

    def check_recipe(self, config: EasyDict, net: PoseNet) -> None:
        """Make sure that a network is one for a recipe of the task.

        Raises
        ------
        ConfigError
            If it predicts other maps, cannot take the crops, or a key of the recipe would not count.
        """
        if not self.fits(net.kinds):
            found, wanted = (" and ".join(kind.name for kind in kinds) for kinds in (net.kinds[-1], self.kinds))
            raise ConfigError(
                f"model.name={net.name}: predicts {found}, the task {quote(self.name)} is to predict {wanted}"
            )
        if config.loss.kind == "bce" and not net.sigmoid:
            raise ConfigError(
                f"loss.kind='bce': needs heatmaps between 0 and 1; add model.options.sigmoid=True, if {net.name} has "
                "it, else choose another"
            )
        for kind in KINDS:
            for name in kind.loss_options:
                if config.loss.get(name) != self.defaults["loss"].get(name) and kind not in net.kinds[-1]:
                    raise ConfigError(
                        f"loss.{name}={quote(config.loss[name])}: {net.name} predicts no {kind.name}; "
                        f"model.options.{kind.name}=True, if it has it, makes it do so"
                    )
        for kind in net.kinds[-1]:
            kind.check_loss(config.loss, config.train.epochs)
        self.check_crops(config, net)

    @abstractmethod
    def check_crops(self, config: EasyDict, net: PoseNet) -> None:
        """Make sure that a network takes the crops of a recipe, else raise a `ConfigError`."""

    @abstractmethod
    def samples(self, config: EasyDict, net: PoseNet, dataset: KeypointData, augment: bool) -> SampleSet:
        """Return the samples of a data set, as a recipe makes them for a network.

        Parameters
        ----------
        config
            The recipe.
        net
            Tells the grid of the labels.
        dataset
            Where the people are from.
        augment
            Whether with the random changes of training, or without, as in validation.
        """

    @abstractmethod
    def input_height(self, meta: Mapping[str, Any], path: str | Path) -> int:
        """Return the height in pixels of what a network sees in a test; parameters and errors as of `recipe_of`."""

    @abstractmethod
    def finder(
        self, net: PoseNet | OnnxNetwork, meta: Mapping[str, Any], path: str | Path, given: Mapping[str, Any]
    ) -> Estimator:
        """Return what finds people with a network; errors as of `recipe_of`.

        Parameters
        ----------
        net
            The network.
        meta, path
            Its description and its file.
        given
            What is said otherwise than its recipe does: some of `overrides`.
        """

    def recipe_of(self, meta: Mapping[str, Any], path: str | Path) -> EasyDict:
        """Return the recipe that a network was trained by; the defaults of the task, if it brings none.

        Parameters
        ----------
        meta
            The description of a checkpoint or an exported network.
        path
            Its file, for messages.

        Raises
        ------
        CheckpointError
            If its recipe is broken.
        ConfigError
            If its recipe is for another task.
        """
        if "config" not in meta:
            return recipe("default", self.name)
        try:
            config = from_json(meta["config"], skeleton_from_meta(meta))
        except ConfigError as error:
            raise CheckpointError(f"{path}: its recipe is broken ({error})") from None
        if config.task != self.name:
            raise ConfigError(f"{path}: trained by the recipe {quote(config.name)}, which is for another task")
        return config


def tested_data(config: EasyDict) -> DataRef:
    """Return the data that a recipe validates on."""
    data = config.data
    return DataRef(data.dataset, data.root, data.val, data.category, data.skip_unlisted)


def trained_data(config: EasyDict) -> DataRef:
    """Return the data that a recipe trains on."""
    data = config.data
    return DataRef(data.dataset, data.root, data.train, data.category, data.skip_unlisted)
