"""The training files of other systems, image by image as COCO's: the list ``COCO.json``, and HDF5 of decoded images.

Both go back to Cao et al. (2017): an entry is a *sample*, one main person with all the others of the image, so that an
image comes as often as it has main people. Here it comes once, with everybody. A joint is x, y in pixels from 0 and a
code: 1 visible, 0 occluded, 2 absent and 3 not labelled. What their masks leave out becomes a crowd without joints.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from ...errors import ConfigError, DataError, quote
from ...files import is_name_within, read_regular
from ...skeletons import COCO_17
from ..images.reading import read_bgr, read_file
from .picture_source import Picture, PictureSource, as_json

SUBSETS: Mapping[str, tuple[int, ...]] = {"train": (0,), "val": (1,), "all": (0, 1)}  # isValidation
CATEGORY: Mapping[str, Any] = {
    "id": 1,
    "name": "person",
    "supercategory": "person",
    "keypoints": list(COCO_17.joints),
    "skeleton": [[int(a) + 1, int(b) + 1] for a, b in COCO_17.limb_joints],
}
WRONG = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)

_VISIBILITY = np.array([1, 2, 0, 0])  # COCO's, of the codes 0 to 3
_KEPT = 128  # grey of a mask from which on the loss counts: JPEG blurs its black and white


@dataclass(frozen=True)
class Human:
    """One person of an entry: joints (17, 3) by COCO's visibility, box in pixels and area in square pixels."""

    joints: np.ndarray
    box: tuple[float, ...]
    area: float

    def annotation(self) -> dict[str, Any]:
        """Return COCO's annotation, which has no ids yet."""
        labelled = int(np.count_nonzero(self.joints[:, 2]))
        joints = self.joints.reshape(-1).tolist()
        return {"bbox": list(self.box), "area": self.area, "iscrowd": 0, "keypoints": joints, "num_keypoints": labelled}


def list_source(path: str | Path, images: str | Path, masks: str | Path, subset: str = "train") -> PictureSource:
    """Return the images of a list such as ``COCO.json``.

    Its entries have ``isValidation``, ``img_paths``, ``img_width``, ``img_height``, ``image_id``, of the main person
    ``joint_self``, ``bbox`` and ``segment_area``, and of the ``numOtherPeople`` others ``joint_others``, ``bbox_other``
    and ``segment_area_other``.

    Parameters
    ----------
    path
        The JSON file: a list, or a dictionary with the list as ``root``.
    images
        The folder that ``img_paths`` begin in.
    masks
        That of the masks: grey, white where the loss counts; the mask of ``val2014/NAME.jpg`` is
        ``val2014/mask_NAME.jpg``.
    subset
        "train" or "val", by ``isValidation``, or "all".

    Raises
    ------
    ConfigError
        If the subset is unknown.
    DataError
        If the file is missing or something else, or the subset is empty; while the images are read, if one of them
        or a mask is missing.
    """
    path = Path(path)
    images = Path(images)
    masks = Path(masks)
    wanted = _wanted(subset)
    try:
        content = as_json(read_regular(path), str(path))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    content = content.get("root") if isinstance(content, dict) else content
    if not isinstance(content, list):
        raise DataError(f"{path}: {type(content).__name__} found, expected a list of people, or one called 'root'")
    by_image: dict[str, tuple[dict[str, Any], list[Human], list[Human]]] = {}
    for place, entry in enumerate(content):
        try:
            if int(entry["isValidation"]) not in wanted:
                continue
            image = _list_image(entry)
            _, main, others = by_image.setdefault(image["file_name"], (image, [], []))
            main.append(_list_human(entry["joint_self"], entry["bbox"], entry["segment_area"]))
            others += _list_others(entry)
        except WRONG as error:
            raise wrong_entry(path, f"entry {place}", error) from None
    check_subset(path, by_image, subset)
    ordered = sorted(by_image.values(), key=lambda each: each[0]["id"])
    if len({image["id"] for image, _, _ in ordered}) < len(ordered):
        raise DataError(f"{path}: two of its images have the same image_id")

    def pictures() -> Iterator[Picture]:
        numbers = count(1)
        for image, main, others in ordered:
            name = Path(image["file_name"])
            mask = read_bgr(masks / name.parent / f"mask_{name.name}", (image["height"], image["width"]))
            people = annotate(everybody(main, others), mask[..., 0], image["id"], numbers)
            yield Picture(image, people, read_file(images / name))

    return PictureSource(path, CATEGORY, len(ordered), pictures)


def everybody(main: Sequence[Human], others: Iterable[Human]) -> list[Human]:
    """Return the main people, then those of the others with joints who are new; entries tell of the same ones."""
    known = {human.joints.tobytes() for human in main}
    found = list(main)
    for human in others:
        if human.joints.any() and human.joints.tobytes() not in known:
            known.add(human.joints.tobytes())
            found.append(human)
    return found


def annotate(people: Iterable[Human], mask: np.ndarray, image_id: int, numbers: Iterator[int]) -> list[dict]:
    """Return COCO's annotations of people and, if any, of the black part of the mask (H, W) of an image."""
    found = [human.annotation() for human in people]
    out = mask < _KEPT
    if out.any():
        code = coco_mask.encode(np.asfortranarray(out.astype(np.uint8)))
        box = coco_mask.toBbox(code).tolist()
        area = float(coco_mask.area(code))
        outline = {"size": [int(side) for side in code["size"]], "counts": code["counts"].decode()}
        joints = [0] * (3 * COCO_17.num_joints)
        crowd = {"bbox": box, "area": area, "iscrowd": 1, "keypoints": joints, "num_keypoints": 0}
        found.append({**crowd, "segmentation": outline})
    return [{"id": next(numbers), "image_id": image_id, "category_id": CATEGORY["id"], **each} for each in found]


def joints_of(values: Any) -> np.ndarray:
    """Return joints (17, 3) with COCO's visibility for the codes of these files; absent ones become 0, 0, 0."""
    joints = numbers_of("the joints", values, (COCO_17.num_joints, 3))
    codes = joints[:, 2]
    if not np.isin(codes, range(len(_VISIBILITY))).all():
        raise ValueError(f"the codes of its joints are {sorted(set(codes.tolist()))}, expected 0 to 3")
    visibility = _VISIBILITY[codes.astype(int)]
    return np.where(visibility[:, None] > 0, np.column_stack([joints[:, :2], visibility]), 0.0)


def numbers_of(name: str, values: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return finite numbers of a shape; MATLAB writes a list of one as that one itself."""
    found = np.array(values, float)
    if found.size != np.prod(shape) or not np.isfinite(found).all():
        raise ValueError(f"{name} of the shape {found.shape}, expected finite numbers of the shape {shape}")
    return found.reshape(shape)


def image_ids(names: Iterable[str]) -> dict[str, int]:
    """Return an id for every image: the number at the end of its name or, if two have the same, its place."""
    ordered = sorted(names)
    found = [re.search("([0-9]{1,18})$", Path(name).stem) for name in ordered]
    ids = [int(match.group(1)) for match in found if match]
    return dict(zip(ordered, ids if len(set(ids)) == len(ordered) else count(1)))


def check_subset(path: Path, found: Any, subset: str) -> None:
    """Raise a `DataError` if nothing was found."""
    if not found:
        raise DataError(f"{path}: no entry of the subset {subset} in it (by isValidation); 'all' takes every one")


def wrong_entry(path: Path, entry: str, error: Exception) -> DataError:
    """Return the error of an entry that is not what it should be."""
    problem = f"no {error}" if isinstance(error, KeyError) else str(error)
    return DataError(f"{path}: {entry} is not a training sample: {problem}")


def _wanted(subset: str) -> tuple[int, ...]:
    if subset not in SUBSETS:
        raise ConfigError(f"subset={subset!r}: expected {', '.join(SUBSETS)}")
    return SUBSETS[subset]


def _list_image(entry: Mapping[str, Any]) -> dict[str, Any]:
    name = entry["img_paths"]
    width = int(entry["img_width"])
    height = int(entry["img_height"])
    if not is_name_within(name):
        raise ValueError(f"the image {quote(name)}, expected a file name that stays in its folder")
    if min(width, height) < 1:
        raise ValueError(f"an image of {width} x {height} pixels")
    return {"id": int(entry["image_id"]), "file_name": name, "width": width, "height": height}


def _list_human(joints: Any, box: Any, area: Any) -> Human:
    return Human(joints_of(joints), tuple(numbers_of("the box", box, (4,))), float(numbers_of("the area", area, ())))


def _list_others(entry: Mapping[str, Any]) -> list[Human]:
    others = int(entry["numOtherPeople"])
    if not others:
        return []
    joints = numbers_of("joint_others", entry["joint_others"], (others, COCO_17.num_joints, 3))
    boxes = numbers_of("bbox_other", entry["bbox_other"], (others, 4))
    areas = numbers_of("segment_area_other", entry["segment_area_other"], (others,))
    return [_list_human(*human) for human in zip(joints, boxes, areas)]
