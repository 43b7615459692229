"""Data sets as other systems keep theirs: a list of people in JSON, and HDF5."""

import json

import cv2
import numpy as np
import pytest

from cpm.datasets import CocoKeypoints, PersonFilter

from ..conftest import person
from .people import UNLABELLED

CODES = np.array([2, 0, 1])  # of absent, occluded and visible joints in these files


def with_visibility(annotation, **visibility):
    """Change the visibility of joints by their places, as in ``_5=1``; absent joints are at 0, 0."""
    joints = np.array(annotation["keypoints"], float).reshape(17, 3)
    for name, value in visibility.items():
        joints[int(name[1:])] = [*joints[int(name[1:]), :2], value] if value else 0
    return {**annotation, "keypoints": joints.ravel().tolist(), "num_keypoints": int(np.count_nonzero(joints[:, 2]))}


def write_samples(write_coco):
    """Write three images: two main people, with one who is small; one person and one without joints; one person."""
    few = with_visibility(person(20, 20, 30), **{f"_{k}": 0 for k in range(4, 17)})
    occluded = with_visibility(person(50, 60, 80), _5=1, _9=0)
    no_neck = with_visibility(person(60, 60, 90), _6=0)
    images = [[occluded, person(120, 50, 70), few], [person(60, 60, 80), person(110, 60, 80, **UNLABELLED)], [no_neck]]
    return write_coco(images)


def samples_of(root):
    """Yield the samples as they are in the files: record, mask, and the people with the main one first."""
    for record in CocoKeypoints(root, "train2017").records:
        mask = record.mask_miss()
        mask = np.full((record.height, record.width), 255, np.uint8) if mask is None else mask
        people = [each for each in record.people if each.num_keypoints]
        for place in PersonFilter().select(record):
            yield record, mask, [people[place], *people[:place], *people[place + 1 :]]


def codes_of(each):
    return np.column_stack([each.keypoints[:, :2], CODES[each.keypoints[:, 2].astype(int)]]).tolist()


def write_list(root, folder):
    """Write COCO.json as MATLAB does, where a list of one is that one, and the masks; return the folder."""
    (folder / "mask" / "train2017").mkdir(parents=True)
    entries = []
    for record, mask, (main, *others) in samples_of(root):
        one = len(others) == 1
        fields = [[codes_of(each) for each in others], [each.bbox for each in others], [each.area for each in others]]
        fields = [field[0] if one else field for field in fields]
        entries.append(
            {
                "dataset": "COCO",
                "isValidation": 0.0,
                "img_paths": f"train2017/{record.path.name}",
                "img_width": float(record.width),
                "img_height": float(record.height),
                "image_id": record.id,
                "bbox": main.bbox,
                "segment_area": main.area,
                "joint_self": codes_of(main),
                "numOtherPeople": float(len(others)),
                **dict(zip(("joint_others", "bbox_other", "segment_area_other"), fields)),
            }
        )
        path = folder / "mask" / "train2017" / f"mask_{record.path.name}"
        cv2.imwrite(str(path), mask, [cv2.IMWRITE_JPEG_QUALITY, 95])
    (folder / "COCO.json").write_text(json.dumps({"root": entries}))
    return folder


def write_hdf5(root, path):
    """Write the samples as HDF5; return the path."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    with h5py.File(path, "w") as file:
        group = file.create_group("datum")
        for number, (record, mask, people) in enumerate(samples_of(root)):
            notes = np.zeros_like(mask)
            planes = np.stack([*record.read_bgr().transpose(2, 0, 1), notes, mask, notes])
            meta = {
                "isValidation": 0,
                "img_path": f"train2017/{record.path.name}",
                "numOtherPeople": len(people) - 1,
                "joints": [codes_of(each) for each in people],
                "objpos": [each.center for each in people],
                "scale_provided": [each.bbox[3] / 368 for each in people],
            }
            group.create_dataset(f"{number:07d}", data=planes).attrs["meta"] = json.dumps(meta)
    return path
