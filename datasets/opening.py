"""Open a data set by the name of its kind."""

from __future__ import annotations

from pathlib import Path
from typing import Union

from ..errors import ConfigError
from ..skeletons import COCO_17, Skeleton
from .coco import CocoKeypoints
from .mpii import MpiiPeople

KeypointData = Union[CocoKeypoints, MpiiPeople]


def open_dataset(kind: str, root: str | Path, split: str, skeleton: Skeleton = COCO_17) -> KeypointData:
    """Open a split of a data set.

    Parameters
    ----------
    kind
        "coco", for `CocoKeypoints`, or "mpii", for `MpiiPeople`.
    root, split, skeleton
        Theirs; MPII has its own joints.

    Raises
    ------
    ConfigError
        If the kind is unknown.
    DataError
        If the data are not there or broken.
    """
    if kind == "coco":
        return CocoKeypoints(root, split, skeleton)
    if kind == "mpii":
        return MpiiPeople(root, split)
    raise ConfigError(f"data set {kind!r} is unknown, expected coco or mpii")
