"""The layouts of data sets that are known, and one split of one of them as a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError, quote
from ..skeletons import COCO_17, Skeleton
from .coco import CocoKeypoints
from .keypoint_data import KeypointData
from .mpii import MpiiPeople
from .packed.packed_keypoints import PackedKeypoints


@dataclass(frozen=True)
class DataRef:
    """One split of a data set, which is not opened yet.

    Attributes
    ----------
    kind
        The name of its layout, one of `DATASETS`.
    root, split
        The folder, and the images in it.
    category, skip_unlisted
        See `CocoKeypoints`; data that hold people alone need none.
    """

    kind: str
    root: str
    split: str
    category: str = ""
    skip_unlisted: bool = False

    def open(self, skeleton: Skeleton = COCO_17) -> KeypointData:
        """Open the split; `skeleton` is a body of one's own that the annotations may be of.

        Raises
        ------
        ConfigError
            If the kind is unknown.
        DataError
            If the data are not there or broken.
        """
        return find_layout(self.kind).open(self, skeleton)

    def changed(
        self,
        kind: str | None = None,
        root: str | None = None,
        split: str | None = None,
        category: str | None = None,
        skip_unlisted: bool | None = None,
    ) -> DataRef:
        """Return it with what is given in its place; of another kind, all else is as that kind usually is.

        Raises
        ------
        ConfigError
            If the kind is unknown.
        """
        ref = self
        if kind is not None and kind != self.kind:
            layout = find_layout(kind)
            ref = DataRef(kind, layout.root, layout.val)
        return DataRef(
            ref.kind,
            ref.root if root is None else str(root),
            ref.split if split is None else split,
            ref.category if category is None else category,
            ref.skip_unlisted if skip_unlisted is None else skip_unlisted,
        )


@dataclass(frozen=True)
class Layout:
    """A layout of data sets.

    Attributes
    ----------
    open
        Called with a `DataRef` and a `Skeleton`, returns its `KeypointData`; raises a `DataError` where it cannot.
    root, train, val
        Where such data usually are, and the splits that are trained and validated on.
    """

    open: Callable[[DataRef, Skeleton], KeypointData]
    root: str
    train: str
    val: str


def _open_coco(ref: DataRef, skeleton: Skeleton) -> KeypointData:
    """Open COCO's folders, or a file ``NAME.rec``, or a folder that has ``SPLIT.rec`` and not the annotations."""
    root = Path(ref.root)
    packed = root / f"{ref.split}.rec"
    loose = root / "annotations" / f"person_keypoints_{ref.split}.json"
    if root.suffix == ".rec" and not root.is_dir():
        return PackedKeypoints(root, ref.split, skeleton)
    if packed.is_file() and not loose.is_file():
        return PackedKeypoints(packed, ref.split, skeleton)
    return CocoKeypoints(root, ref.split, skeleton, ref.category, ref.skip_unlisted)


def _open_mpii(ref: DataRef, skeleton: Skeleton) -> KeypointData:
    for name in ("category", "skip_unlisted"):
        if value := getattr(ref, name):
            raise ConfigError(f"{name}={value}: not for MPII; leave it out")
    return MpiiPeople(ref.root, ref.split)  # which has joints of its own


DATASETS = {
    "coco": Layout(_open_coco, "data/coco", "train2017", "val2017"),
    "mpii": Layout(_open_mpii, "data/mpii", "train", "valid"),
}


def register_dataset(kind: str, layout: Layout) -> None:
    """Make a layout of one's own known, as a recipe file does before its ``config``."""
    DATASETS[kind] = layout


def find_layout(kind: str) -> Layout:
    """Return a layout by its name; raise a `ConfigError` that lists all where it is unknown."""
    if kind not in DATASETS:
        raise ConfigError(
            f"data set {quote(kind)} is unknown, expected one of {', '.join(DATASETS)}; "
            "the recipe file that registers it (--config) makes it known"
        )
    return DATASETS[kind]


def open_dataset(
    kind: str,
    root: str | Path,
    split: str,
    skeleton: Skeleton = COCO_17,
    category: str = "",
    skip_unlisted: bool = False,
) -> KeypointData:
    """Open a split of a data set; parameters and errors as of `DataRef`."""
    return DataRef(kind, str(root), split, category, skip_unlisted).open(skeleton)
