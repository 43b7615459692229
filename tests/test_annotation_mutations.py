"""Damaged annotations, results and detections end in a message of one line, whatever was done to them."""

import json
import logging

import numpy as np
import pytest

from cpm.datasets import CocoKeypoints, MpiiPeople
from cpm.evaluation import annotated_boxes, detected_boxes, score_coco, select_images
from cpm.inference import given_boxes

from .conftest import person
from .helpers.arrows import ARROW, arrow_result, arrow_truth
from .helpers.mutations import check_survival, mutate, mutate_json
from .helpers.people import UNLABELLED, crowd
from .helpers.scale import repeats

COUNT = repeats(300, 5000)
DAMAGES = {"json": mutate_json, "bytes": mutate}


@pytest.fixture(autouse=True)
def quiet():
    """Let nothing be logged: thousands of warnings take longer than what they warn of."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("kind", DAMAGES)
def test_annotation_files(write_coco, kind):
    code = crowd(0, 0, 20, 60, compressed=True)
    root = write_coco([[person(80, 60, 90), code], [person(50, 60, 80, **UNLABELLED), crowd(9, 9, 9, 9, False)], []])
    path = root / "annotations" / "person_keypoints_train2017.json"
    content = path.read_bytes()

    def read(path):
        dataset = CocoKeypoints(root, "train2017")
        for record in dataset.records:
            if record.width * record.height < 1 << 20:
                record.mask_miss()
        annotated_boxes(dataset, 0.75, image_ids=select_images(dataset))
        score_coco(dataset.truth(), [])

    refused = check_survival(read, lambda rng: DAMAGES[kind](content, rng), path, COUNT)
    assert COUNT / 5 < refused < COUNT


@pytest.mark.parametrize("kind", DAMAGES)
def test_truth_and_results(tmp_path, kind):
    truth = json.dumps(arrow_truth()).encode()
    boxed = [{**arrow_result(k), "bbox": [20, 20, 50, 50]} for k in (1, 2)]
    results = json.dumps([*boxed, {**arrow_result(2), "keypoints": [[20, 20, 1], [70, 70, 1]]}]).encode()
    damage = DAMAGES[kind]
    as_truth = check_survival(
        lambda path: score_coco(path, boxed, ARROW), lambda rng: damage(truth, rng), tmp_path / "truth.json", COUNT
    )
    as_results = check_survival(
        lambda path: score_coco(arrow_truth(), path, ARROW),
        lambda rng: damage(results, rng),
        tmp_path / "r.json",
        COUNT,
    )
    assert 0 < as_truth < COUNT and 0 < as_results < COUNT


@pytest.mark.parametrize("kind", DAMAGES)
def test_boxes_of_detectors(write_coco, kind):
    dataset = CocoKeypoints(write_coco([[person(80, 60, 90)], [person(60, 60, 80)]]), "train2017")
    boxes = [
        {"image_id": 1 + k % 2, "category_id": 1, "bbox": [40.5, 20, 60, 90], "score": 0.9 - k / 9} for k in range(4)
    ]
    content = json.dumps(boxes).encode()
    path = dataset.root / "boxes.json"
    refused = check_survival(
        lambda path: detected_boxes(dataset, path, 0.75, 1.25), lambda rng: DAMAGES[kind](content, rng), path, COUNT
    )
    assert 0 < refused < COUNT


@pytest.mark.parametrize("kind", DAMAGES)
def test_boxes_of_pictures(tmp_path, kind):
    content = json.dumps({"a.jpg": [[10, 20, 50, 80], [60.5, 20, 50, 80]], "b.jpg": []}).encode()
    image = np.zeros((120, 160, 3), np.uint8)

    def read(path):
        look_up = given_boxes(path)
        for name in ("a.jpg", "b.jpg"):
            look_up(tmp_path / name, image, 0.75, 1.25)

    refused = check_survival(read, lambda rng: DAMAGES[kind](content, rng), tmp_path / "boxes.json", COUNT)
    assert 0 < refused < COUNT


def microsoft():
    joints = np.linspace(20, 90, 32).reshape(16, 2).tolist()
    entry = {"image": "1.jpg", "center": [60.0, 60.0], "scale": 0.5, "joints": joints, "joints_vis": [1] * 16}
    return [entry, {**entry, "image": "2.jpg"}]


def one_file():
    joints = np.column_stack([np.linspace(20, 90, 32).reshape(16, 2), np.ones(16)]).tolist()
    entry = {
        "img_paths": "1.jpg",
        "img_width": 160,
        "img_height": 120,
        "isValidation": 0.0,
        "objpos": [60.0, 60.0],
        "scale_provided": 0.5,
        "joint_self": joints,
        "numOtherPeople": 1.0,
        "joint_others": joints,
        "objpos_other": [50.0, 50.0],
        "scale_provided_other": 0.4,
    }
    return {"root": [entry, {**entry, "img_paths": "2.jpg", "isValidation": 1.0, "numOtherPeople": 0.0}]}


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize(
    ("layout", "name"),
    [(microsoft, "annot/train.json"), (one_file, "mpii_annotations.json")],
    ids=["annot", "one file"],
)
def test_files_of_mpii(tmp_path, kind, layout, name):
    for folder in ("images", "annot"):
        (tmp_path / folder).mkdir()
    content = json.dumps(layout()).encode()
    refused = check_survival(
        lambda path: MpiiPeople(tmp_path, "train"), lambda rng: DAMAGES[kind](content, rng), tmp_path / name, COUNT
    )
    assert 0 < refused < COUNT
