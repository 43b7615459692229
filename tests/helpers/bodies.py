"""Bodies of all kinds, and small data sets of them."""

import itertools
import json
from pathlib import Path

import cv2
import numpy as np

from cpm.skeletons import Skeleton

SIDE = 64  # pixels of a picture
# A standing person of about 74 x 36 pixels, in the order of OPENPOSE_18
BODY = np.array(
    [
        (0, -30), (0, -20), (-9, -20), (-14, -8), (-16, 4), (9, -20), (14, -8), (16, 4), (-6, 5),
        (-7, 22), (-7, 38), (6, 5), (7, 22), (7, 38), (-3, -33), (3, -33), (-6, -31), (6, -31),
    ],
    float,
)  # fmt: skip


def body_of(joints: int, limbs: int) -> Skeleton:
    """Return a body of so many joints, of which each stays in a mirror image, and so many limbs."""
    names = tuple(f"joint {k}" for k in range(joints))
    pairs = itertools.islice(itertools.combinations(names, 2), limbs)
    return Skeleton(f"{joints} and {limbs}", names, tuple(pairs), sigmas=(0.1,) * joints)


def random_body(rng: np.random.Generator) -> Skeleton:
    """Return a body of 1 to 30 joints: a tree, with loops or of several parts; with or without sides and sigmas."""
    joints = int(rng.integers(1, 31))
    pairs = int(rng.integers(joints // 2 + 1))
    names = [f"{side}_{k}" for k in range(pairs) for side in ("left", "right")]
    names += [f"middle_{k}" for k in range(joints - 2 * pairs)]
    rng.shuffle(names)
    limbs = {(names[rng.integers(k)], names[k]) for k in range(1, len(names))}
    kind = rng.integers(3)
    if kind == 1:  # loops
        limbs |= {tuple(rng.choice(names, 2, replace=False).tolist()) for _ in range(len(names) // 2)}
    elif kind == 2:  # several parts, of which one may be a joint alone
        limbs = {limb for limb in sorted(limbs) if rng.random() < 0.6}
    limbs |= {(_mirror(a), _mirror(b)) for a, b in limbs}
    sigmas = rng.uniform(0.02, 0.15, len(names)).tolist() if rng.integers(2) else ()
    return Skeleton("RANDOM", tuple(names), tuple(sorted(limbs)), tuple(sigmas))


def write_body(root: Path, body: Skeleton, rng: np.random.Generator) -> Path:
    """Write a data set of people of a body, three pictures to train on and one to validate; returns its root."""
    (root / "annotations").mkdir(parents=True)
    for split, count in (("train2017", 3), ("val2017", 1)):
        (root / split).mkdir()
        images = [{"id": k + 1, "file_name": f"{k}.png", "width": SIDE, "height": SIDE} for k in range(count)]
        content = {
            "images": images,
            "annotations": [_person(body, rng, image["id"]) for image in images],
            "categories": [{"id": 1, "name": "person", "keypoints": list(body.joints), "skeleton": []}],
        }
        for image in images:
            cv2.imwrite(str(root / split / image["file_name"]), rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8))
        (root / "annotations" / f"person_keypoints_{split}.json").write_text(json.dumps(content))
    return root


def _mirror(joint: str) -> str:
    sides = {"left": "right", "right": "left"}
    side, _, rest = joint.partition("_")
    return f"{sides.get(side, side)}_{rest}"


def _person(body: Skeleton, rng: np.random.Generator, image: int) -> dict:
    joints = np.column_stack([rng.uniform(8, SIDE - 8, (body.num_joints, 2)), np.full(body.num_joints, 2)])
    return {
        "id": image,
        "image_id": image,
        "category_id": 1,
        "bbox": [6, 6, SIDE - 12, SIDE - 12],
        "area": (SIDE - 12) ** 2,
        "iscrowd": 0,
        "num_keypoints": body.num_joints,
        "keypoints": joints.ravel().tolist(),
    }
