"""Keypoints that a reader of one's own hands over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..skeletons import Skeleton
from .annotations.coco_json import read_annotations
from .annotations.index import build_index
from .keypoint_data import KeypointData
from .records import Records

_CATEGORY = 1


class GivenKeypoints(KeypointData):
    """A split in any layout, as its reader returns it to `Layout.open`.

    Parameters
    ----------
    source
        The file or folder that was read, for messages.
    split
        The name of the split.
    folder
        Where the images are.
    skeleton
        The K joints of the people.
    images
        For each ``id``, a whole number; ``file_name``, in the folder; and ``width`` and ``height`` in pixels.
    people
        For each the ``image_id``, ``keypoints``, K times x, y in pixels and visibility as COCO has it, and ``bbox``,
        left, top, width and height. ``id``, ``area``, ``iscrowd`` and ``segmentation`` are filled in where they
        are missing.

    Raises
    ------
    DataError
        If an entry is not as it should be.
    """

    metric = "oks"

    def __init__(
        self,
        source: str | Path,
        split: str,
        folder: str | Path,
        skeleton: Skeleton,
        images: Sequence[Mapping[str, Any]],
        people: Sequence[Mapping[str, Any]],
    ) -> None:
        content = {
            "images": list(images),
            "annotations": [{**person, "category_id": _CATEGORY} for person in people],
            "categories": [{"id": _CATEGORY, "name": "person", "keypoints": list(skeleton.joints)}],
        }
        self._annotations = read_annotations(content, (skeleton,), name=source)
        self.annotation_file = Path(source)
        self.root = Path(folder)
        self.split = split
        self.skeleton = skeleton
        self.category_id = _CATEGORY
        self.index = build_index(self._annotations)
        self.records = Records(self.index, self.root)

    def truth(self) -> Mapping[str, Any]:
        """Return what detections are scored against."""
        return self._annotations.content()
