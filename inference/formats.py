"""People in the formats of other tools: COCO, OpenPose, CSV and YOLO."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError
from ..files import write_json
from ..person import Person
from ..skeletons import OPENPOSE_18, Skeleton, convert

_DIGITS = 3  # of pixels behind the point


@dataclass(frozen=True)
class Photo:
    """A picture and who was found in it.

    Attributes
    ----------
    path
        The file.
    name
        What its drawing is called, a path within the folder of drawings.
    stem
        The name without its suffix, which no two pictures share.
    size
        Its height and width in pixels.
    people
        Whom, surest first.
    """

    path: Path
    name: str
    stem: str
    size: tuple[int, int]
    people: Sequence[Person]


def as_coco(photos: Sequence[Photo], skeleton: Skeleton) -> dict[str, Any]:
    """Return a data set in the format of COCO: images, annotations and the category with the names of the joints.

    A joint that was found has visibility 2; ``score`` and ``joint_scores`` say how sure. pycocotools' ``loadRes`` takes
    the annotations for results.
    """
    images = []
    annotations: list[dict[str, Any]] = []
    for image_id, photo in enumerate(photos, start=1):
        height, width = photo.size
        images.append({"id": image_id, "file_name": str(photo.path), "height": height, "width": width})
        for person in photo.people:
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, **_annotation(person)})
    limbs = [[int(joint) + 1 for joint in limb] for limb in skeleton.limb_joints]
    category = {"id": 1, "name": "person", "keypoints": list(skeleton.joints), "skeleton": limbs}
    return {"images": images, "annotations": annotations, "categories": [category]}


def _annotation(person: Person) -> dict[str, Any]:
    box = [round(side, _DIGITS) for side in person.bbox]
    places = np.column_stack([person.keypoints[:, :2].round(_DIGITS), 2 * person.found])
    places[~person.found] = 0
    return {
        "category_id": 1,
        "keypoints": places.reshape(-1).tolist(),
        "num_keypoints": int(person.found.sum()),
        "joint_scores": person.keypoints[:, 2].round(5).tolist(),
        "score": round(person.score, 5),
        "bbox": box,
        "area": round(box[2] * box[3], _DIGITS),
        "iscrowd": 0,
    }


def as_openpose(photo: Photo, skeleton: Skeleton) -> dict[str, Any]:
    """Return the people of a picture as OpenPose writes them in ``NAME_keypoints.json``, with its 18 joints of COCO.

    Raises
    ------
    ConfigError
        If the body has none of these joints.
    """
    ones = np.ones((1, skeleton.num_joints, 3))
    if not convert(ones, skeleton, OPENPOSE_18).any():
        raise ConfigError(f"format openpose: its 18 joints are none of {skeleton.name}; choose another")
    empty: dict[str, Any] = {
        f"{part}_keypoints_{axes}": [] for part in ("face", "hand_left", "hand_right") for axes in ("2d", "3d")
    }
    people = []
    for person in photo.people:
        (joints,) = convert(np.asarray(person.keypoints, float)[None], skeleton, OPENPOSE_18)
        numbers = joints.round(_DIGITS).reshape(-1).tolist()
        people.append({"person_id": [-1], "pose_keypoints_2d": numbers, "pose_keypoints_3d": [], **empty})
    return {"version": 1.3, "people": people}


def as_yolo(photo: Photo) -> str:
    """Return the people of a picture as lines of YOLO's pose labels.

    Each is ``0``, the middle, width and height of the box, and for every joint x, y and visibility (2, or 0 where it
    was not found), lengths as shares of the picture.
    """
    height, width = photo.size
    lines = []
    for person in photo.people:
        left, top, box_width, box_height = person.bbox
        # Integers are pixel centres here, and pixel edges there.
        box = [(left + box_width / 2 + 0.5) / width, (top + box_height / 2 + 0.5) / height]
        box += [box_width / width, box_height / height]
        joints = np.column_stack([(person.keypoints[:, :2] + 0.5) / (width, height), 2 * person.found])
        joints[~person.found] = 0
        numbers = [f"{value:.6f}" for value in box] + [f"{x:.6f} {y:.6f} {v:.0f}" for x, y, v in joints]
        lines.append(" ".join(["0", *numbers]) + "\n")
    return "".join(lines)


def _write_coco(folder: Path, photos: Sequence[Photo], skeleton: Skeleton) -> None:
    write_json(folder / "coco.json", as_coco(photos, skeleton))


def _write_openpose(folder: Path, photos: Sequence[Photo], skeleton: Skeleton) -> None:
    for photo in photos:
        path = folder / "openpose" / f"{photo.stem}_keypoints.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(as_openpose(photo, skeleton)))


def _write_csv(folder: Path, photos: Sequence[Photo], skeleton: Skeleton) -> None:
    """Write a row for each person: picture, number, score, box, and x, y and score of every joint in pixels."""
    joints = [f"{joint}_{what}" for joint in skeleton.joints for what in ("x", "y", "score")]
    with open(folder / "people.csv", "w", newline="", encoding="utf-8", errors="replace") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "person", "score", "left", "top", "width", "height", *joints])
        for photo in photos:
            for number, person in enumerate(photo.people):
                numbers = [*person.bbox, *np.asarray(person.keypoints, float).reshape(-1)]
                values = [f"{value:.{_DIGITS}f}" for value in numbers]
                writer.writerow([photo.path, number, f"{person.score:.5f}", *values])


def _write_yolo(folder: Path, photos: Sequence[Photo], skeleton: Skeleton) -> None:
    for photo in photos:
        path = folder / "labels" / f"{photo.stem}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_yolo(photo))


# By the name of a format: what writes the people of all pictures into a folder.
FORMATS: dict[str, Callable[[Path, Sequence[Photo], Skeleton], None]] = {
    "coco": _write_coco,
    "openpose": _write_openpose,
    "csv": _write_csv,
    "yolo": _write_yolo,
}
