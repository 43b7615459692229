"""Annotations as tools write them: training and evaluation read the same out of them, or refuse the same."""

import copy
import json

import numpy as np
import pytest

from cpm import DataError
from cpm.datasets import CocoKeypoints, write_packed
from cpm.datasets.annotations.coco_json import read_annotations
from cpm.datasets.packed.picture_source import coco_source
from cpm.evaluation import score_coco
from cpm.skeletons import COCO_17, OPENPOSE_18, Skeleton

from .conftest import person


@pytest.fixture
def edited(write_coco):
    """Write a data set of three people in two images whose JSON a function changes; returns its root and the JSON."""

    def write(change):
        root = write_coco([[person(40, 60, 80), person(110, 60, 90)], [person(80, 60, 100)]])
        path = root / "annotations" / "person_keypoints_train2017.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))
        return root, content

    return write


def perfect_results(people):
    return [
        {"image_id": int(each["image_id"]), "category_id": 1, "keypoints": each["keypoints"], "score": 0.9}
        for each in people
    ]


def set_all(**values):
    return lambda content: [entry.update(values) for entry in content["annotations"]]


def drop_all(key):
    return lambda content: [entry.pop(key) for entry in content["annotations"]]


def nest(content):
    for entry in content["annotations"]:
        entry["keypoints"] = np.reshape(entry["keypoints"], (-1, 3)).tolist()


def write_as(kind, *keys):
    def change(content):
        for entry in content["annotations"]:
            entry.update({key: kind(entry[key]) for key in keys if key in entry})
        for image in content["images"]:
            image["id"] = kind(image["id"])
        content["categories"][0]["id"] = kind(1)

    return change


def drop_box(content):
    for entry in content["annotations"]:
        del entry["bbox"], entry["area"]


READABLE = {
    "no id": drop_all("id"),
    "id null": set_all(id=None),
    "id 0": set_all(id=0),
    "id repeated": set_all(id=7),
    "id of letters": set_all(id="a1"),
    "no iscrowd": drop_all("iscrowd"),
    "iscrowd null": set_all(iscrowd=None),
    "iscrowd false": set_all(iscrowd=False),
    "iscrowd text": set_all(iscrowd="0"),
    "no num_keypoints": drop_all("num_keypoints"),
    "num_keypoints 0": set_all(num_keypoints=0),
    "num_keypoints text": set_all(num_keypoints="many"),
    "no segmentation": drop_all("segmentation"),
    "keypoints nested": nest,
    "no box": drop_box,
    "box null": set_all(bbox=None),
    "box empty": set_all(bbox=[]),
    "box of no size": set_all(bbox=[0, 0, 0, 0]),
    "text ids": write_as(str, "id", "image_id", "category_id"),
    "float ids": write_as(float, "id", "image_id", "category_id"),
    "text with a point": write_as(lambda value: f"{value}.0", "id", "image_id", "category_id"),
    "text boxes": lambda content: [each.update(bbox=[*map(str, each["bbox"])]) for each in content["annotations"]],
    "text joints": lambda c: [each.update(keypoints=[*map(str, each["keypoints"])]) for each in c["annotations"]],
    "no categories": lambda content: content.pop("categories"),
    "no category_id": drop_all("category_id"),
}


@pytest.mark.parametrize("kind", READABLE)
def test_what_training_reads_evaluation_scores(edited, kind):
    root, content = edited(READABLE[kind])
    dataset = CocoKeypoints(root, "train2017")
    assert [len(record.people) for record in dataset.records] == [2, 1]
    assert (dataset.index.areas > 0).all()
    truth = dataset.truth()
    people = read_annotations(content).people
    results = perfect_results(people)
    assert score_coco(truth, results)["AP"] == pytest.approx(1)
    assert score_coco(content, results)["AP"] == pytest.approx(1)
    np.testing.assert_array_equal(
        dataset.index.keypoints.reshape(3, -1), np.array([each["keypoints"] for each in people], np.float32)
    )


@pytest.mark.parametrize("area", [None, 0, -4.5, "0"])
def test_area_of_the_box_stands_for_none(edited, area, caplog):
    root, _ = edited(set_all(area=area))
    dataset = CocoKeypoints(root, "train2017")
    boxes = dataset.index.boxes
    np.testing.assert_array_equal(dataset.index.areas, boxes[:, 2] * boxes[:, 3])
    (warning,) = [record.getMessage() for record in caplog.records]
    assert ("area of 3" if area is None else "3 areas of 0 or below") in warning
    assert [entry["area"] for entry in dataset.truth()["annotations"]] == dataset.index.areas.tolist()


@pytest.mark.parametrize("joints", ["missing", None, []])
def test_people_without_joints_are_unlabelled(edited, joints):
    def change(content):
        content["annotations"][0].update(keypoints=joints, bbox=[0, 0, 0, 0], area=0, num_keypoints=0)
        if joints == "missing":
            del content["annotations"][0]["keypoints"]

    dataset = CocoKeypoints(edited(change)[0], "train2017")
    assert [each.num_keypoints for each in dataset.records[0].people] == [0, 17]
    results = perfect_results(dataset.truth()["annotations"][1:])
    assert score_coco(dataset.truth(), results)["AP"] == pytest.approx(1)


def test_missing_box_spans_the_joints(edited):
    def change(content):
        content["annotations"][0].update(bbox=None, area=None, keypoints=[0] * 45 + [30, 40, 2, 50, 80, 1])
        content["annotations"][1].update(bbox=None, area=None, keypoints=[0] * 48 + [30, 40, 2])

    index = CocoKeypoints(edited(change)[0], "train2017").index
    assert index.boxes[:2].tolist() == [[30, 40, 20, 40], [30, 40, 1, 1]] and index.areas[:2].tolist() == [800, 1]


def test_all_that_is_filled_in_is_counted_in_one_line(edited, caplog):
    def change(content):
        for entry in content["annotations"]:
            del entry["area"], entry["iscrowd"], entry["num_keypoints"]
        content["annotations"][0]["id"] = None

    root, _ = edited(change)
    CocoKeypoints(root, "train2017").truth()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.endswith("filled in for its 3 people: area of 3, iscrowd of 3, num_keypoints of 3, id of 1")


def test_nothing_is_said_of_a_complete_file_and_nothing_changed_in_it(edited, caplog):
    root, content = edited(lambda content: None)
    assert read_annotations(content).remarks == ()
    before = copy.deepcopy(content)
    del content["annotations"][0]["area"], before["annotations"][0]["area"]
    assert read_annotations(content).people[0]["area"] == 3200 and content == before
    assert read_annotations(content).people[1] is content["annotations"][1]
    CocoKeypoints(root, "train2017")
    assert caplog.records == []


def test_remarks_are_kept_with_the_cache(edited, caplog, monkeypatch):
    monkeypatch.setattr("cpm.datasets.annotations.cache.SMALLEST", 0)
    root, _ = edited(drop_all("area"))
    for _ in range(2):
        caplog.clear()
        dataset = CocoKeypoints(root, "train2017")
        assert "area of 3" in caplog.text
    assert dataset.index.remarks
    with pytest.raises(DataError, match="no category 'dog'"):
        CocoKeypoints(root, "train2017", category="dog")


BROKEN = {
    "nan joint": (lambda e: e["keypoints"].__setitem__(15, float("nan")), r"id 101.*left_shoulder is \(nan"),
    "infinite joint": (lambda e: e["keypoints"].__setitem__(16, float("inf")), r"left_shoulder is \(.*inf"),
    "joint far away": (lambda e: e["keypoints"].__setitem__(0, 1e300), r"nose is \(1e\+300"),
    "joint null": (lambda e: e["keypoints"].__setitem__(0, None), r"nose is \(nan"),
    "nan visibility": (lambda e: e["keypoints"].__setitem__(2, float("nan")), "nose is"),
    "joint of words": (lambda e: e["keypoints"].__setitem__(0, "here"), "'here' is no number"),
    "too few joints": (lambda e: e.update(keypoints=[1, 2, 2]), "3 keypoint numbers, expected 3 x 17"),
    "keypoints text": (lambda e: e.update(keypoints="none"), "keypoints are str"),
    "negative width": (lambda e: e["bbox"].__setitem__(2, -5), r"id 101.*no side below 0"),
    "box of nan": (lambda e: e["bbox"].__setitem__(0, float("nan")), "bbox .*nan"),
    "box of three": (lambda e: e.update(bbox=[1, 2, 3]), "expected left, top, width and height"),
    "box of words": (lambda e: e["bbox"].__setitem__(0, "left"), "'left' is no number"),
    "neither box nor joints": (lambda e: e.update(bbox=None, keypoints=None), "no bbox, and no joints"),
    "infinite area": (lambda e: e.update(area=float("inf")), "area inf"),
    "area of words": (lambda e: e.update(area="big"), "area: 'big' is no number"),
    "iscrowd 2": (lambda e: e.update(iscrowd=2), "iscrowd is 2, expected 0 or 1"),
    "image id of words": (lambda e: e.update(image_id="one"), "image_id: 'one' is no whole number"),
    "image id 1.5": (lambda e: e.update(image_id=1.5), "image_id: 1.5 is no whole number"),
    "unlisted image": (lambda e: e.update(image_id=99), "1 of 3 annotations are of images that are not listed.*99"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_read_is_refused_by_both(edited, kind):
    change, message = BROKEN[kind]
    root, content = edited(lambda content: change(content["annotations"][1]))
    with pytest.raises(DataError, match=f"train2017.json: .*{message}"):
        CocoKeypoints(root, "train2017")
    with pytest.raises(DataError, match=message):
        score_coco(content, [])


def test_unlabelled_joints_may_be_nowhere(edited):
    def change(content):
        content["annotations"][0]["keypoints"][:3] = float("nan"), float("nan"), 0
        content["annotations"][1]["keypoints"][:3] = None, None, 0

    index = CocoKeypoints(edited(change)[0], "train2017").index
    assert index.keypoints[:2, 0].tolist() == [[0, 0, 0]] * 2


@pytest.mark.parametrize("same_name", [True, False])
def test_repeated_image_ids_are_named(edited, same_name):
    def change(content):
        content["images"][1]["id"] = "1"
        if same_name:
            content["images"][1] = dict(content["images"][0])

    root, _ = edited(change)
    with pytest.raises(DataError, match=r"image id 1 is there twice: '000000000001\.jpg' and '0"):
        CocoKeypoints(root, "train2017")


def test_annotations_of_unlisted_images_are_skipped_if_asked_for(edited, caplog):
    root, _ = edited(lambda content: content["annotations"][1].update(image_id=99))
    dataset = CocoKeypoints(root, "train2017", skip_unlisted=True)
    assert len(dataset.index.areas) == 2 and "1 annotations of images that are not listed" in caplog.text
    assert score_coco(dataset.truth(), perfect_results(dataset.truth()["annotations"]))["AP"] == pytest.approx(1)


@pytest.mark.parametrize("width", [0, -5, "wide", None, 1e9, 160.5])
def test_sizes_of_images_are_checked(edited, width):
    root, _ = edited(lambda content: content["images"][0].update(width=width))
    with pytest.raises(DataError, match=r"the size of image 1, '000000000001\.jpg'"):
        CocoKeypoints(root, "train2017")


def test_joints_in_another_order_or_spelling(edited):
    names = list(COCO_17.joints)
    root, content = edited(lambda content: content["categories"][0].update(keypoints=names[::-1]))
    with pytest.raises(
        DataError, match="those of COCO_17 in another order: number 0 is 'right_ankle', expected 'nose'"
    ):
        CocoKeypoints(root, "train2017")
    with pytest.raises(DataError, match="in another order"):
        score_coco(content, [])
    path = root / "annotations" / "person_keypoints_train2017.json"
    content["categories"][0]["keypoints"] = [name.replace("_", " ").title() for name in names]
    path.write_text(json.dumps(content))
    assert CocoKeypoints(root, "train2017", OPENPOSE_18).skeleton is COCO_17


@pytest.mark.parametrize("names", [None, []])
def test_joints_without_names_are_those_of_a_known_body(edited, names, caplog):
    root, content = edited(lambda content: content["categories"][0].update(keypoints=names))
    assert CocoKeypoints(root, "train2017", OPENPOSE_18).skeleton is COCO_17
    assert "does not name the joints" in caplog.text
    own = Skeleton("own", tuple(f"j{k}" for k in range(17)), ())
    assert CocoKeypoints(root, "train2017", own).skeleton is own
    with pytest.raises(DataError, match="51 keypoint numbers, expected 3 x 2 of two"):
        score_coco(content, [], Skeleton("two", ("a", "b"), (), sigmas=(0.1, 0.1)))


def test_arrays_of_numpy_are_fine(edited):
    _, content = edited(lambda content: None)
    for entry in content["annotations"]:
        entry.update(
            keypoints=np.array(entry["keypoints"]),
            bbox=np.array(entry["bbox"]),
            area=np.float32(entry["area"]),
            image_id=np.int64(entry["image_id"]),
            iscrowd=np.bool_(False),
        )
    results = perfect_results(content["annotations"])
    for result in results:
        result.update(score=np.float32(0.9), category_id=np.int32(1))
    results[0]["keypoints"] = results[0]["keypoints"].reshape(17, 3)
    assert score_coco(content, results)["AP"] == pytest.approx(1)


def test_packed_data_are_complete(edited, tmp_path):
    root, _ = edited(drop_all("area"))
    index = write_packed(tmp_path / "train2017.rec", coco_source(root, "train2017"), "train2017")
    assert (index.areas == CocoKeypoints(root, "train2017").index.areas).all() and index.remarks == ()
