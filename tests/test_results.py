"""Results, detections and truth that are no numbers, of nobody or nowhere: read, refused or warned of."""

import copy
import json
import logging

import numpy as np
import pytest

from cpm import DataError
from cpm.datasets import CocoKeypoints, PersonChoice
from cpm.evaluation import annotated_boxes, detected_boxes, pckh, score_coco
from cpm.skeletons import MPII_16

from .conftest import person
from .helpers.arrows import ARROW, arrow_result, arrow_truth

NAN, INF = float("nan"), float("inf")


def changed(**fields):
    return [arrow_result(1), {**arrow_result(2), "id": 12, **fields}]


WRONG = {
    "nan": ({"keypoints": [20, NAN, 1, 70, 70, 1]}, r"entry 1 \(id 12, image_id 2\): tip is \(20, nan, 1\)"),
    "infinite": ({"keypoints": [20, 20, 1, INF, 70, 1]}, r"tail is \(inf, 70, 1\)"),
    "far": ({"keypoints": [20, 20, 1, 1e300, 70, 1]}, r"tail is \(1e\+300, 70, 1\)"),
    "null": ({"keypoints": [None, 20, 1, 70, 70, 1]}, r"tip is \(nan, 20, 1\)"),
    "words": ({"keypoints": ["left", 20, 1, 70, 70, 1]}, "'left' is no number"),
    "too few": ({"keypoints": [1, 2, 3]}, "3 keypoint numbers, expected 3 x 2 of arrow"),
    "no list": ({"keypoints": 7}, "its keypoints are int"),
    "nan score": ({"score": NAN}, "score nan, expected a finite number"),
    "infinite score": ({"score": INF}, "score inf"),
    "score of words": ({"score": "high"}, "score: 'high' is no number"),
    "no score": ({"score": None}, "score: None is no number"),
    "score list": ({"score": [0.9]}, r"score: \[0.9\] is no number"),
    "image of words": ({"image_id": "two"}, "image_id: 'two' is no whole number"),
    "category 1.5": ({"category_id": 1.5}, "category_id: 1.5 is no whole number"),
    "negative box": ({"bbox": [1, 2, -3, 4]}, "no side below 0"),
    "box of words": ({"bbox": [1, 2, "wide", 4]}, "'wide' is no number"),
    "no number for a box": ({"bbox": 9}, "bbox 9"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_results_that_are_wrong_are_named(kind, tmp_path):
    fields, message = WRONG[kind]
    with pytest.raises(DataError, match=message):
        score_coco(arrow_truth(), changed(**fields), ARROW)
    path = tmp_path / "results.json"
    path.write_text(json.dumps(changed(**fields)))
    with pytest.raises(DataError, match=rf"results\.json: .*{message}"):
        score_coco(arrow_truth(), path, ARROW)


RIGHT = {
    "text": {"keypoints": ["20", "20", "1", "70.0", "70", "1"], "score": "0.9", "image_id": "2", "category_id": "3"},
    "floats": {"image_id": 2.0, "category_id": 3.0},
    "nested": {"keypoints": [[20, 20, 1], [70, 70, 1]]},
    "tuple": {"keypoints": (20, 20, 1, 70, 70, 1)},
    "arrays": {"keypoints": np.array([20, 20, 1, 70, 70, 1]), "score": np.float64(0.9), "image_id": np.int64(2)},
    "a box in one": {"bbox": [20, 20, 50, 50]},
    "null box": {"bbox": None},
    "outline": {"segmentation": []},
}


@pytest.mark.parametrize("kind", RIGHT)
def test_results_that_can_be_read(kind):
    results = changed(**RIGHT[kind])
    before = copy.deepcopy(results)
    for given in (results, results[::-1]):
        assert score_coco(arrow_truth(), given, ARROW)["AP"] == pytest.approx(1)
    assert str(results) == str(before)


def test_results_of_nobody_are_refused_and_others_warned_of(caplog):
    others = [{**arrow_result(k), "category_id": 1} for k in (1, 2)]
    with pytest.raises(
        DataError, match=r"nothing in it is of the category 3 of people in the truth; it has 1 \(2 times"
    ):
        score_coco(arrow_truth(), others, ARROW)
    assert score_coco(arrow_truth(), [*others, arrow_result(1)], ARROW)["AR"] == pytest.approx(0.5)
    assert "2 results are not of the category 3" in caplog.text


def test_figures_of_nobody_are_warned_of(caplog):
    score_coco(arrow_truth(), [], ARROW)
    assert "not one detection on the 2 images" in caplog.text
    score_coco(arrow_truth(), [arrow_result(1)], ARROW, image_ids=[2])
    assert "not one of the 1 detections is on the 1 images" in caplog.text
    crowd = arrow_truth()
    for entry in crowd["annotations"]:
        entry["iscrowd"] = 1
    assert score_coco(crowd, [arrow_result(1)], ARROW)["AP"] == -1
    assert "nobody with joints is annotated on the 2 images" in caplog.text


def test_figures_of_a_size_that_nobody_has_are_told(caplog):
    caplog.set_level(logging.INFO)
    assert score_coco(arrow_truth(), [arrow_result(1)], ARROW)["APl"] == -1
    assert "APl -1: nobody of that size is annotated" in caplog.text


def test_ids_of_annotations_cost_no_matches():
    results = [arrow_result(1), arrow_result(2)]
    for ids in ((0, 1), (5, 5), (None, None), ("x", 1), (-3, 2)):
        truth = arrow_truth()
        for entry, number in zip(truth["annotations"], ids):
            entry["id"] = number
        assert score_coco(truth, results, ARROW)["AP"] == pytest.approx(1), ids


@pytest.fixture
def boxed(write_coco):
    return CocoKeypoints(write_coco([[person(80, 60, 90)], [person(60, 60, 80)]]), "train2017")


def detection(**fields):
    return {"image_id": 1, "category_id": 1, "bbox": [40, 20, 60, 90], "score": 0.9, **fields}


WRONG_BOXES = {
    "negative": ({"bbox": [100, 90, -40, -50]}, r"entry 1 \(image_id 1\): bbox .* no side below 0"),
    "nan": ({"bbox": [NAN, 2, 3, 4]}, "bbox .*nan"),
    "far": ({"bbox": [1e300, 2, 3, 4]}, r"bbox .*1e\+300"),
    "three": ({"bbox": [1, 2, 3]}, "expected left, top, width and height"),
    "words": ({"bbox": ["a", 2, 3, 4]}, "'a' is no number"),
    "null": ({"bbox": None}, "bbox None"),
    "nan score": ({"score": NAN}, "score nan"),
    "image of words": ({"image_id": "one"}, "image_id: 'one' is no whole number"),
}


@pytest.mark.parametrize("kind", WRONG_BOXES)
def test_boxes_that_are_wrong_are_named(boxed, tmp_path, kind):
    fields, message = WRONG_BOXES[kind]
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps([detection(), detection(**fields)]))
    with pytest.raises(DataError, match=rf"boxes\.json: entry 1 .*{message.removeprefix('entry 1 ')}"):
        detected_boxes(boxed, path, 0.75)


def test_boxes_of_nobody_and_nowhere(boxed, tmp_path, caplog):
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps([detection(category_id=3)]))
    with pytest.raises(
        DataError, match=r"nothing in it is of the category 1 of people in the truth; it has 3 \(1 time"
    ):
        detected_boxes(boxed, path, 0.75)
    path.write_text(json.dumps([detection(), detection(bbox=[500, 20, 60, 90]), detection(bbox=[9, 9, 0, 0])]))
    assert [len(image.boxes) for image in detected_boxes(boxed, path, 0.75)] == [1, 0]
    assert "2 of 3 boxes cover nothing of their image" in caplog.text
    path.write_text(json.dumps([detection(image_id="1", category_id=1.0, score="0.5", bbox=["40", 20, 60, 90])]))
    assert detected_boxes(boxed, path, 0.75)[0].scores == (0.5,)


def test_annotated_boxes_outside_of_their_image(write_coco, caplog):
    away = {"bbox": [500, 20, 60, 90]}
    dataset = CocoKeypoints(write_coco([[person(80, 60, 90), person(60, 60, 80, **away)]]), "train2017")
    assert len(annotated_boxes(dataset, 0.75)[0].boxes) == len(PersonChoice().people(dataset, 0.75)) == 1
    assert "1 of 2 boxes cover nothing" in caplog.text and "the boxes of 1 people cover nothing" in caplog.text


def test_no_annotated_box_at_all(write_coco):
    dataset = CocoKeypoints(write_coco([[person(60, 60, 80, bbox=[500, 20, 60, 90])]]), "train2017")
    with pytest.raises(DataError, match="no box of a person in it is on one of the 1 images"):
        annotated_boxes(dataset, 0.75)


@pytest.mark.parametrize("value", [NAN, INF, 1e300])
def test_joints_of_mpii_that_are_nowhere(value):
    truth, visible = np.full((2, 16, 2), 50.0), np.ones((2, 16), bool)
    heads, found = np.ones(2), np.full((2, 16, 2), 50.0)
    found[1, 3, 0] = value
    with pytest.raises(DataError, match="predictions: left_hip of person 1 is at"):
        pckh(found, truth, visible, heads)
    with pytest.raises(DataError, match="truth: left_hip of person 1 is at"):
        pckh(truth, found, visible, heads)
    visible[1, 3] = False
    assert pckh(found, truth, visible, heads)["mean"] == 100
    with pytest.raises(DataError, match="head 1 has the size"):
        pckh(truth, truth, visible, np.array([1, value if value != 1e300 else INF]), skeleton=MPII_16)
