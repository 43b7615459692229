"""How a network is evaluated, unless the user says otherwise: as the recipe it was trained by says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from easydict import EasyDict

from ..codecs import JOINT_HEATMAPS, MapKind
from ..configs import from_json, recipe
from ..errors import CheckpointError, ConfigError, quote
from ..models import skeleton_from_meta

EVALUATORS = {"cpm": "evaluate.py", "topdown": "evaluate_topdown.py"}  # the scripts, by the task


@dataclass(frozen=True)
class Protocol:
    """What determines the scores of a network for whole images besides its parameters.

    Attributes
    ----------
    dataset
        "coco" or "mpii".
    root, split
        The folder of the data set and the images in it.
    category, skip_unlisted
        See `cpm.datasets.CocoKeypoints`.
    sigma, paf_width
        See :class:`cpm.codecs.PafCodec`.
    scales, flip, box_size, reference
        See :class:`cpm.inference.PoseEstimator`.
    """

    dataset: str
    root: str
    split: str
    category: str
    skip_unlisted: bool
    sigma: float
    paf_width: float
    scales: tuple[float, ...]
    flip: bool
    box_size: int
    reference: str


@dataclass(frozen=True)
class BoxProtocol:
    """The same for one person in a box.

    Attributes
    ----------
    dataset, root, split, category, skip_unlisted
        See `Protocol`.
    sigma, unbiased
        See :class:`cpm.codecs.HeatmapCodec`.
    size, enlarge
        Width and height of the crops in pixels, and by how much the boxes of COCO grow.
    flip
        See :class:`cpm.inference.BoxEstimator`.
    """

    dataset: str
    root: str
    split: str
    category: str
    skip_unlisted: bool
    sigma: float
    unbiased: bool
    size: tuple[int, int]
    enlarge: float
    flip: bool


def choose_protocol(meta: Mapping[str, Any], path: str | Path, **given: Any) -> Protocol:
    """Return the protocol of the recipe that a network was trained by, with the given values in their places.

    Parameters
    ----------
    meta
        The description of a checkpoint or an exported network. Without a recipe in it the defaults of
        :data:`cpm.configs.TASKS` hold.
    path
        Its file, for messages.
    **given
        Fields of the protocol; None leaves them as they are.

    Raises
    ------
    CheckpointError
        If its recipe is broken.
    ConfigError
        If its recipe is for another task.
    """
    config = _config(meta, path, "cpm")
    labels = {name: config.labels[name] for name in ("sigma", "paf_width")}
    return _fill(Protocol(**_data(config), **labels, **config.test), given)


def choose_box_protocol(meta: Mapping[str, Any], path: str | Path, **given: Any) -> BoxProtocol:
    """Return the protocol for one person in a box; parameters and errors as of `choose_protocol`.

    Without a recipe the body decides: MPII in squares of 256 pixels, others as COCO in 192x256.
    """
    config = _config(meta, path, "topdown")
    if "config" not in meta and skeleton_from_meta(meta).name == "MPII_16":
        config.data.update(dataset="mpii", root="data/mpii", train="train", val="valid")
        config.augment["size"] = (256, 256)
    labels = {name: config.labels[name] for name in ("sigma", "unbiased")}
    crops = {name: config.augment[name] for name in ("size", "enlarge")}
    return _fill(BoxProtocol(**_data(config), **labels, **crops, **config.test), given)


def task_of(kinds: Sequence[Sequence[MapKind]]) -> str:
    """Return the task of a network by the maps of its stages, see `check_task`."""
    return "topdown" if tuple(kinds[-1]) == (JOINT_HEATMAPS,) else "cpm"


def check_task(kinds: Sequence[Sequence[MapKind]], path: str | Path, task: str) -> None:
    """Make sure that a network does what it is to be evaluated for.

    Parameters
    ----------
    kinds
        The maps of its stages, see `PoseNet`.
    path
        Its file, for messages.
    task
        "cpm", to find people in whole images, or "topdown", one in a box.

    Raises
    ------
    ConfigError
        If it does the other; the message names the script that takes it.
    """
    found = task_of(kinds)
    if found != task:
        does = {"cpm": "finds people in whole images", "topdown": "finds the joints of one person in a box"}[found]
        raise ConfigError(f"{path}: a network that {does}; scripts/{EVALUATORS[found]} takes it")


def _config(meta: Mapping[str, Any], path: str | Path, task: str) -> EasyDict:
    if "config" not in meta:
        return recipe("default", task)
    try:
        config = from_json(meta["config"], skeleton_from_meta(meta))
    except ConfigError as error:
        raise CheckpointError(f"{path}: its recipe is broken ({error})") from None
    if config.task != task:
        script = EVALUATORS[config.task]
        raise ConfigError(f"{path}: trained by the recipe {quote(config.name)}, which is one for scripts/{script}")
    return config


def _data(config: EasyDict) -> dict[str, Any]:
    names = ("dataset", "root", "category", "skip_unlisted")
    return {"split": config.data.val, **{name: config.data[name] for name in names}}


def _fill(protocol: Any, given: Mapping[str, Any]) -> Any:
    return replace(protocol, **{name: value for name, value in given.items() if value is not None})
