"""Annotations that go through a codec: encoded as targets, and decoded again as if a network had found them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..codecs import Codec
from ..datasets.annotations.coco_json import Annotations
from ..errors import ConfigError, DataError
from ..person import Person
from ..skeletons import COCO_17, Skeleton, convert
from .oks_scores import load_truth, score_coco
from .results import people_to_results


@dataclass(frozen=True)
class LabelledImage:
    """The labelled people of an image that is scaled as for a network.

    Attributes
    ----------
    image_id
        Its id.
    keypoints
        (N, K, 3) float64: x, y in pixels of the scaled image and visibility.
    areas
        (N,) float64: of the people in square pixels of the scaled image.
    size
        Its height and width in pixels.
    scale
        Pixels of the scaled image per pixel of the image in x and y.
    """

    image_id: int
    keypoints: np.ndarray
    areas: np.ndarray
    size: tuple[int, int]
    scale: tuple[float, float]

    def recover(self, codec: Codec, scale: tuple[float, float] = (1.0, 1.0)) -> list[Person]:
        """Return the people that come back, at the given scale: by default in pixels of the scaled image."""
        height, width = (-(-side // codec.stride) * codec.stride for side in self.size)
        return codec.decode(codec.encode(self.keypoints, (height, width)).maps, scale)


def labelled_people(
    entries: Iterable[Mapping[str, Any]], image_ids: Iterable[int] | None = None
) -> dict[int, list[Mapping[str, Any]]]:
    """Return the annotations of people with joints, crowds left out, by their images; by default of all images."""
    chosen = None if image_ids is None else set(image_ids)
    people: dict[int, list[Mapping[str, Any]]] = {}
    for entry in entries:
        labelled = any(entry["keypoints"][2::3]) and not entry["iscrowd"]
        if labelled and (chosen is None or entry["image_id"] in chosen):
            people.setdefault(entry["image_id"], []).append(entry)
    return people


def labelled_images(
    annotations: Annotations, source: Skeleton, target: Skeleton, height: int, image_ids: Iterable[int] | None = None
) -> Iterator[LabelledImage]:
    """Yield the images with labelled people.

    Parameters
    ----------
    annotations
        Whose they are.
    source, target
        The joints of the annotations, and the K joints that they become.
    height
        Pixels to which every image is scaled.
    image_ids
        The images to choose from; by default all.

    Raises
    ------
    DataError
        If no image has labelled people or one states no size.
    ConfigError
        If the height is not positive.
    """
    if height < 1:
        raise ConfigError(f"height={height}, expected at least 1")
    people = labelled_people(annotations.people, image_ids)
    if not people:
        raise DataError(f"{annotations.name}: no image with labelled people")
    images = {image["id"]: image for image in annotations.images}
    for image_id, entries in people.items():
        try:
            size = (int(images[image_id]["height"]), int(images[image_id]["width"]))
        except (KeyError, ValueError) as error:
            raise DataError(f"{annotations.name}: image {image_id} lacks its entry or its size ({error})") from None
        joints = np.array([entry["keypoints"] for entry in entries], float).reshape(-1, source.num_joints, 3)
        areas = np.array([entry["area"] for entry in entries], float)
        yield _scaled(image_id, convert(joints, source, target).astype(float), areas, size, height)


def _scaled(
    image_id: int, keypoints: np.ndarray, areas: np.ndarray, size: tuple[int, int], height: int
) -> LabelledImage:
    """Take joints and areas in pixels of an image of `size` (H, W) to those of its scaled one."""
    width = max(round(size[1] * height / size[0]), 1)
    scale = (width / size[1], height / size[0])
    keypoints[..., :2] = (keypoints[..., :2] + 0.5) * scale - 0.5
    return LabelledImage(image_id, keypoints, areas * scale[0] * scale[1], (height, width), scale)


def oracle_coco(
    codec: Codec,
    truth: str | Path | Mapping[str, Any],
    height: int = 368,
    image_ids: Iterable[int] | None = None,
    skeleton: Skeleton = COCO_17,
) -> dict[str, float]:
    """Score what a codec recovers from perfect maps: the annotations, encoded and decoded again.

    Only images with labelled people are scored.

    Parameters
    ----------
    codec
        Encodes and decodes.
    truth
        COCO keypoint annotations, loaded or the path of a JSON file.
    height
        Pixels to which every image is scaled.
    image_ids
        The images to choose from; by default all.
    skeleton
        The joints of the annotations.

    Returns
    -------
    dict
        As from :func:`score_coco`.

    Raises
    ------
    DataError, ConfigError
        As :func:`score_coco` and `labelled_images`.
    """
    annotations = load_truth(truth, skeleton)
    category = annotations.category["id"]
    results: list[dict[str, Any]] = []
    scored = []
    for image in labelled_images(annotations, skeleton, codec.skeleton, height, image_ids):
        people = image.recover(codec, image.scale)
        results += people_to_results(image.image_id, people, codec.skeleton, category, skeleton)
        scored.append(image.image_id)
    return score_coco(annotations.content(), results, skeleton, scored)
