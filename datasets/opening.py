"""Open a data set by the name of its kind."""

from __future__ import annotations

from pathlib import Path
from typing import Union

from ..errors import ConfigError
from ..skeletons import COCO_17, Skeleton
from .coco import CocoKeypoints
from .mpii import MpiiPeople
from .packed import PackedKeypoints

KeypointData = Union[CocoKeypoints, MpiiPeople]


def open_dataset(
    kind: str,
    root: str | Path,
    split: str,
    skeleton: Skeleton = COCO_17,
    category: str = "",
    skip_unlisted: bool = False,
) -> KeypointData:
    """Open a split of a data set.

    Parameters
    ----------
    kind
        "coco", for `CocoKeypoints` or `PackedKeypoints`, or "mpii", for `MpiiPeople`.
    root, split, skeleton
        Theirs; MPII has its own joints. The root of packed data is a file ``NAME.rec``, or a folder that has
        ``SPLIT.rec`` and not the annotations of the split.
    category, skip_unlisted
        Those of `CocoKeypoints`; MPII and packed data hold people alone and need none.

    Raises
    ------
    ConfigError
        If the kind is unknown.
    DataError
        If the data are not there or broken.
    """
    if kind == "coco":
        packed = _packed_file(Path(root), split)
        if packed is not None:
            return PackedKeypoints(packed, split, skeleton)
        return CocoKeypoints(root, split, skeleton, category, skip_unlisted)
    if kind == "mpii":
        return MpiiPeople(root, split)
    raise ConfigError(f"data set {kind!r} is unknown, expected coco or mpii")


def _packed_file(root: Path, split: str) -> Path | None:
    if root.suffix == ".rec" and not root.is_dir():
        return root
    packed = root / f"{split}.rec"
    loose = root / "annotations" / f"person_keypoints_{split}.json"
    return packed if packed.is_file() and not loose.is_file() else None
