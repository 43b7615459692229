"""Synthetic data sets in the layout of COCO."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from cpm.skeletons import COCO_17, OPENPOSE_18, convert

from .inputs import make_person, write_pictures

SPLIT = "train2017"
_PEOPLE_PER_IMAGE = 2.2
_KINDS = 500  # different people, over which a large file goes
_CATEGORY = {"id": 1, "name": "person", "keypoints": list(COCO_17.joints), "skeleton": []}


def write_small(root: Path, unlabelled: bool) -> None:
    """Write 20 pictures with 3 people each, of which the last has no keypoints if `unlabelled`."""
    rng = np.random.default_rng(0)
    paths = write_pictures(root / SPLIT, 20)
    images = [{"id": k + 1, "file_name": path.name, "width": 640, "height": 480} for k, path in enumerate(paths)]
    annotations: list[dict[str, Any]] = []
    for image in images:
        for place in range(3):
            center = rng.uniform((100, 180), (540, 300))
            person = _annotate(center, rng.uniform(150, 350), rng, labelled=not (unlabelled and place == 2))
            annotations.append({**person, "id": len(annotations) + 1, "image_id": image["id"]})
    (root / "annotations").mkdir()
    content = {"images": images, "annotations": annotations, "categories": [_CATEGORY]}
    _path(root).write_text(json.dumps(content))


def write_annotations(root: Path, count: int) -> int:
    """Write an annotation file of `count` images without pictures; returns its size in bytes.

    2.2 people per image, spread as a geometric distribution does: polygons of 10 to 70 corners, 57 % with
    keypoints, one in a hundred a crowd with a run-length code, as COCO train2017 has them.
    """
    rng = np.random.default_rng(1)
    kinds = []
    for _ in range(_KINDS):
        person = _annotate(rng.uniform((100, 180), (540, 300)), rng.uniform(30, 400), rng, labelled=rng.random() < 0.57)
        if rng.random() < 0.01:
            runs = rng.integers(1, 400, 700)
            person.update(iscrowd=1, segmentation={"size": [480, 640], "counts": runs.tolist()})
        kinds.append(json.dumps(person)[1:-1])
    people_of = rng.geometric(1 / (1 + _PEOPLE_PER_IMAGE), count) - 1
    (root / SPLIT).mkdir(parents=True)
    (root / "annotations").mkdir()
    with open(_path(root), "w") as file:
        file.write('{"images": [')
        lines = (f'{{"id": {k}, "file_name": "{k:012d}.jpg", "width": 640, "height": 480}}' for k in range(count))
        file.write(", ".join(lines) + '], "annotations": [')
        owners = np.repeat(np.arange(count), people_of)
        drawn = rng.integers(0, _KINDS, len(owners))
        people = zip(rng.permutation(owners).tolist(), drawn.tolist())
        lines = (f'{{"id": {k + 1}, "image_id": {owner}, {kinds[kind]}}}' for k, (owner, kind) in enumerate(people))
        file.write(", ".join(lines) + f'], "categories": [{json.dumps(_CATEGORY)}]}}')
    return _path(root).stat().st_size


def _path(root: Path) -> Path:
    return root / "annotations" / f"person_keypoints_{SPLIT}.json"


def _annotate(center: np.ndarray, height: float, rng: np.random.Generator, labelled: bool) -> dict[str, Any]:
    """Return the annotation of a person whose outline is an ellipse with a corner on each few degrees."""
    joints = make_person((float(center[0]), float(center[1])), height, rng)
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(10, 70)))
    outline = center + height * np.array([0.22, 0.5]) * np.column_stack([np.cos(angles), np.sin(angles)])
    keypoints = convert(joints[None], OPENPOSE_18, COCO_17)[0].round().astype(int) * labelled
    box = [center[0] - 0.22 * height, center[1] - 0.5 * height, 0.44 * height, height]
    return {
        "category_id": 1,
        "iscrowd": 0,
        "num_keypoints": int((keypoints[:, 2] > 0).sum()),
        "bbox": np.round(box, 2).tolist(),
        "area": round(0.35 * height**2, 2),
        "segmentation": [outline.round(2).ravel().tolist()],
        "keypoints": keypoints.ravel().tolist(),
    }
