"""COCO keypoints: the official folders and JSON, as images with their people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..skeletons import COCO_17, Skeleton
from .annotations.cache import file_key, read_cache, write_cache
from .annotations.categories import skeleton_of
from .annotations.coco_json import log_remarks, read_annotations
from .annotations.index import AnnotationIndex, build_index
from .keypoint_data import KeypointData
from .records import Records


class CocoKeypoints(KeypointData):
    """A split of a data set in the layout of COCO 2017.

    ``ROOT/annotations/person_keypoints_SPLIT.json`` describes the images in ``ROOT/SPLIT/``. The annotations of
    a large file are kept in a cache, see :mod:`cpm.datasets.annotations.cache`. In memory they are a few flat
    arrays, which the threads that prepare batches share: more workers take no more memory for them.

    Parameters
    ----------
    root
        The folder that holds ``annotations/``.
    split
        ``train2017``, ``val2017`` or a name of your own.
    skeleton
        A body of your own that the annotations may be of. It is if their joints have its names; else they are COCO's.
    category
        The name or the id of the category of people; by default it is found, see `choose_category`.
    skip_unlisted
        Whether annotations of images that are not listed are left out; else they are an error.

    Attributes
    ----------
    annotation_file
        The path of the JSON file.
    skeleton
        The joints of the annotations, in their order.
    category_id
        The category of people in the annotations.
    index
        The annotations as flat arrays; not to be written to.
    records
        Every image, by id, made of the index when it is asked for.

    Raises
    ------
    DataError
        If a folder or file is missing, or the JSON is not COCO's.
    """

    metric = "oks"

    def __init__(
        self,
        root: str | Path,
        split: str,
        skeleton: Skeleton = COCO_17,
        category: str = "",
        skip_unlisted: bool = False,
    ) -> None:
        self.root = Path(root)
        self.split = split
        self.annotation_file = self.root / "annotations" / f"person_keypoints_{split}.json"
        images = self.root / split
        known = (skeleton, COCO_17)
        self._choice: dict[str, Any] = {"category": category, "skip_unlisted": skip_unlisted}
        self.index = _open_index(self.root, self.annotation_file, images, known, self._choice)
        log_remarks(self.annotation_file, self.index.remarks)
        self.category_id = self.index.category_id
        self.skeleton = skeleton_of(self.index.joints, known, str(self.annotation_file))
        self.records = Records(self.index, images)

    def truth(self) -> Mapping[str, Any]:
        """Return what detections are scored against: the annotations of the people, complete but for outlines."""
        return read_annotations(self.annotation_file, (self.skeleton,), **self._choice).content()


def _open_index(
    root: Path, path: Path, images: Path, known: tuple[Skeleton, ...], choice: Mapping[str, Any]
) -> AnnotationIndex:
    """Return the index of an annotation file from its cache; else build and keep it."""
    if not root.is_dir():
        raise DataError(
            f"{root}: no such data set folder; --dataset-root names the folder that holds annotations/ and the images"
        )
    try:
        key = {**file_key(path), **choice}
    except OSError as error:
        found = "no such annotation file" if isinstance(error, FileNotFoundError) else error.strerror
        raise DataError(f"{path}: {found}") from None
    index = read_cache(path, key)
    if index is None:
        annotations = read_annotations(path, known, **choice)
        index = build_index(annotations)
        if annotations.named:  # else another body may have as many joints
            write_cache(path, key, index)
    if not images.is_dir():
        raise DataError(f"{images}: no such folder; the images of {path.name} belong there")
    return index
