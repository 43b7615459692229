"""COCO keypoints: the official folders and JSON, as images with their people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from ..errors import DataError
from ..skeletons import COCO_17, Skeleton


@dataclass(frozen=True)
class PersonAnnotation:
    """One annotated person, or one crowd.

    Attributes
    ----------
    keypoints
        (K, 3) float32: x, y in pixels and visibility: 0 unlabelled, 1 occluded, 2 visible.
    bbox
        Left, top, width and height in pixels.
    area
        The area of the segmentation in square pixels.
    segmentation
        COCO's polygons or run-length code; None if the file has none.
    is_crowd
        Whether this is a region of people who were not told apart.
    """

    keypoints: np.ndarray
    bbox: tuple[float, float, float, float]
    area: float
    segmentation: Any
    is_crowd: bool

    @property
    def num_keypoints(self) -> int:
        """How many joints are labelled."""
        return int((self.keypoints[:, 2] > 0).sum())

    @property
    def center(self) -> tuple[float, float]:
        """The centre of the box in pixels."""
        left, top, width, height = self.bbox
        return left + width / 2, top + height / 2


@dataclass(frozen=True)
class ImageRecord:
    """One image of a data set: where it is, its size in pixels and who is in it."""

    id: int
    path: Path
    width: int
    height: int
    people: tuple[PersonAnnotation, ...]

    def labelled_keypoints(self) -> np.ndarray:
        """(N, K, 3) float32: the keypoints of the people who have any."""
        labelled = [person.keypoints for person in self.people if _is_labelled(person)]
        return np.stack(labelled) if labelled else np.zeros((0, 0, 3), np.float32)

    def mask_miss(self) -> np.ndarray | None:
        """(H, W) uint8: 0 on crowds and on people without keypoints, else 255; None if there are neither."""
        unlabelled = [person for person in self.people if not _is_labelled(person)]
        if not unlabelled:
            return None
        mask = np.full((self.height, self.width), 255, np.uint8)
        for person in unlabelled:
            try:
                mask[_region(person, self.height, self.width)] = 0
            except Exception as error:  # pycocotools raises no narrower one
                raise DataError(f"{self.path}: broken segmentation in its annotations ({error})") from None
        return mask


class CocoKeypoints:
    """A split of a data set in the layout of COCO 2017.

    ``ROOT/annotations/person_keypoints_SPLIT.json`` describes the images in ``ROOT/SPLIT/``.

    Parameters
    ----------
    root
        The folder that holds ``annotations/``.
    split
        ``train2017``, ``val2017`` or a name of your own.
    skeleton
        A body of your own that the annotations may be of. It is if their joints have its names; else they are COCO's.

    Attributes
    ----------
    annotation_file
        The path of the JSON file.
    skeleton
        The joints of the annotations, in their order.
    category_id
        The category of people in the annotations.
    records
        Every image, by id.

    Raises
    ------
    DataError
        If a folder or file is missing, or the JSON is not COCO's.
    """

    def __init__(self, root: str | Path, split: str, skeleton: Skeleton = COCO_17) -> None:
        self.root, self.split = Path(root), split
        self.annotation_file = self.root / "annotations" / f"person_keypoints_{split}.json"
        content = _read_annotations(self.root, self.annotation_file)
        images = self.root / split
        if not images.is_dir():
            raise DataError(f"{images}: no such folder; the images of {self.annotation_file.name} belong there")
        try:
            category = person_category(content, str(self.annotation_file))
            self.category_id = int(category["id"])
            self.skeleton = _skeleton_of(category, skeleton, self.annotation_file)
            people: dict[int, list[PersonAnnotation]] = {image["id"]: [] for image in content["images"]}
            for annotation in content["annotations"]:
                if annotation["category_id"] == self.category_id:
                    people[annotation["image_id"]].append(_person(annotation, self.skeleton.num_joints))
            self.records = [
                ImageRecord(
                    image["id"],
                    images / image["file_name"],
                    image["width"],
                    image["height"],
                    tuple(people[image["id"]]),
                )
                for image in sorted(content["images"], key=lambda image: image["id"])
            ]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            problem = f"{type(error).__name__}: {error}"
            raise DataError(f"{self.annotation_file}: not the COCO keypoint format ({problem})") from None

    def __len__(self) -> int:
        return len(self.records)


def _read_annotations(root: Path, path: Path) -> dict[str, Any]:
    if not root.is_dir():
        raise DataError(
            f"{root}: no such data set folder; --dataset-root names the folder that holds annotations/ and the images"
        )
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path}: no such annotation file") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error})") from None
    missing = [key for key in ("images", "annotations") if not isinstance(content, dict) or key not in content]
    if missing:
        raise DataError(f"{path}: no {missing[0]!r} in it; expected a COCO keypoint annotation file")
    return content


def person_category(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the category of people of COCO annotations: the one named person, else the only one.

    Raises
    ------
    DataError
        If there are several and none is people; `name` says of which file.
    """
    categories = content.get("categories") or [{"id": 1, "name": "person"}]
    people = [each for each in categories if each.get("name") == "person"] or categories
    if len(people) > 1:
        raise DataError(f"{name}: {len(people)} categories and not one of them is 'person'")
    category: Mapping[str, Any] = people[0]
    return category


def _skeleton_of(category: Mapping[str, Any], own: Skeleton, path: Path) -> Skeleton:
    names = tuple(category.get("keypoints", COCO_17.joints))
    for skeleton in (own, COCO_17):
        if names == skeleton.joints:
            return skeleton
    raise DataError(f"{path}: its {len(names)} joints {', '.join(names)} are those of neither COCO_17 nor {own.name}")


def _person(annotation: dict[str, Any], num_joints: int) -> PersonAnnotation:
    keypoints = np.array(annotation.get("keypoints") or np.zeros(num_joints * 3), np.float32).reshape(num_joints, 3)
    left, top, width, height = map(float, annotation["bbox"])
    return PersonAnnotation(
        keypoints=keypoints,
        bbox=(left, top, width, height),
        area=float(annotation.get("area", width * height)),
        segmentation=annotation.get("segmentation"),
        is_crowd=bool(annotation.get("iscrowd", 0)),
    )


def _is_labelled(person: PersonAnnotation) -> bool:
    return person.num_keypoints > 0 and not person.is_crowd


def _region(person: PersonAnnotation, height: int, width: int) -> np.ndarray:
    """(H, W) bool: the pixels of a person, by the segmentation or, where there is none, by the box."""
    if not person.segmentation:
        left, top, box_width, box_height = person.bbox
        region = np.zeros((height, width), np.uint8)
        corners = (round(left), round(top)), (round(left + box_width) - 1, round(top + box_height) - 1)
        return cv2.rectangle(region, *corners, 1, cv2.FILLED).astype(bool)
    code = person.segmentation
    if isinstance(code, list):
        code = coco_mask.merge(coco_mask.frPyObjects(code, height, width))
    elif list(code["size"]) != [height, width]:
        raise ValueError(f"it is for {code['size']} pixels, the image has {[height, width]}")
    elif isinstance(code["counts"], list):
        code = coco_mask.frPyObjects(code, height, width)
    return coco_mask.decode(code).astype(bool)
