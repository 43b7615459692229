"""COCO scores against published figures, and what perfect maps score."""

import copy
import json

import numpy as np
import pytest

from cpm import ConfigError, DataError, Person, Skeleton
from cpm.codecs import PafCodec
from cpm.evaluation import FIGURES, format_scores, oracle_coco, people_to_results, score_coco
from cpm.skeletons import COCO_17, MPII_16, OPENPOSE_18

from .helpers.arrows import ARROW, arrow_result, arrow_truth


@pytest.mark.parametrize(
    ("truth", "detections", "expected"),
    [
        (
            "val_subset.json", "detections.json",
            [0.378549, 0.592913, 0.394652, 0.320984, 0.464724, 0.422796, 0.632219, 0.440729, 0.337968, 0.534507],
        ),
        (
            "example_coco_val.json", "example_coco_preds.json",
            [0.86089, 0.993145, 0.910891, 0.775578, 0.937252, 0.875, 1, 0.916667, 0.78, 0.942857],
        ),
    ],
)  # fmt: skip
def test_known_figures(test_data, capfd, truth, detections, expected):
    folder = test_data / "coco_scoring"
    figures = score_coco(folder / truth, folder / detections)
    assert list(figures) == list(FIGURES)
    assert list(figures.values()) == pytest.approx(expected, abs=1e-6)
    assert capfd.readouterr().out == ""


def test_a_choice_of_images(test_data):
    folder = test_data / "coco_scoring"
    truth = json.loads((folder / "val_subset.json").read_text())
    ids = sorted(image["id"] for image in truth["images"])[::2]
    part = dict(truth, images=[image for image in truth["images"] if image["id"] in ids])
    part["annotations"] = [each for each in truth["annotations"] if each["image_id"] in ids]
    detections = json.loads((folder / "detections.json").read_text())
    within = [each for each in detections if each["image_id"] in ids]
    assert score_coco(truth, detections, image_ids=ids) == score_coco(part, within)


def test_perfect_maps_score_high(test_data):
    figures = oracle_coco(PafCodec(OPENPOSE_18), test_data / "coco_scoring" / "val_subset.json")
    assert figures["AP"] >= 0.89
    assert oracle_coco(PafCodec(COCO_17), test_data / "coco_scoring" / "val_subset.json")["AP"] >= 0.90


def test_finding_all_none_or_half():
    truth = arrow_truth()
    everything = score_coco(truth, [arrow_result(1), arrow_result(2)], ARROW)
    assert everything["AP"] == everything["AR"] == everything["APm"] == pytest.approx(1)
    assert everything["APl"] == -1  # there is no large arrow to find
    nothing = score_coco(truth, [], ARROW)
    assert [nothing[key] for key in ("AP", "AP50", "AP75", "AR", "AR50", "AR75")] == [0] * 6
    half = score_coco(truth, [arrow_result(1)], ARROW)
    assert half["AR"] == pytest.approx(0.5)


def test_sigmas_are_those_of_the_skeleton():
    """At 8 pixels the similarity is exp(-8^2 / (2 * area * (2 sigma)^2)), the mean of .726 and .278."""
    shifted = [arrow_result(1, shift=8), arrow_result(2, shift=8)]
    assert score_coco(arrow_truth(), shifted, ARROW)["AR"] == pytest.approx(0.1)
    loose = Skeleton("loose", ARROW.joints, ARROW.limbs, sigmas=(0.5, 0.5))
    assert score_coco(arrow_truth(), shifted, loose)["AR"] == pytest.approx(1)


def test_input_is_left_as_it_was():
    truth, results = arrow_truth(), [arrow_result(1), arrow_result(2)]
    before = copy.deepcopy((truth, results))
    score_coco(truth, results, ARROW)
    oracle_coco(PafCodec(ARROW), truth, skeleton=ARROW)
    assert (truth, results) == before


def test_oracle_of_a_skeleton_of_your_own():
    figures = oracle_coco(PafCodec(ARROW), arrow_truth("arrow"), height=200, image_ids=[2], skeleton=ARROW)
    assert figures["AP"] == pytest.approx(1)
    with pytest.raises(DataError, match="no image with labelled people"):
        oracle_coco(PafCodec(ARROW), arrow_truth(), image_ids=[7], skeleton=ARROW)


def test_results_are_in_the_joints_of_coco():
    keypoints = np.zeros((18, 3), np.float32)
    keypoints[0] = 1.25, 2.5, 0.7  # nose
    keypoints[1] = 50, 50, 0.9  # neck
    keypoints[14] = 7, 8, 0.2  # right eye
    neck_only = np.zeros((18, 3), np.float32)
    neck_only[1] = 50, 50, 0.9
    people = [Person(keypoints, 0.31), Person(neck_only, 0.2)]
    (result,) = people_to_results(42, people, OPENPOSE_18, category_id=3)
    assert (result["image_id"], result["category_id"], result["score"]) == (42, 3, 0.31)
    assert result["keypoints"] == pytest.approx([1.25, 2.5, 0.7, 0, 0, 0, 7, 8, 0.2] + [0] * 42)
    json.dumps(result)


def test_table():
    table = format_scores({"small": dict.fromkeys(FIGURES, 0.25), "a long name": dict.fromkeys(FIGURES, -1.0)})
    heading, first, second = table.splitlines()
    assert heading.split() == list(FIGURES)
    assert len(heading) == len(first) == len(second)
    assert first.split() == ["small"] + ["0.250"] * 10


def test_mistakes_are_named(tmp_path):
    truth = arrow_truth()
    missing = tmp_path / "none.json"
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    captions = tmp_path / "captions.json"
    captions.write_text(json.dumps({"images": []}))
    with pytest.raises(DataError, match=r"none\.json: no such file"):
        score_coco(missing, [], ARROW)
    with pytest.raises(DataError, match=r"broken\.json.*JSON"):
        score_coco(truth, broken, ARROW)
    with pytest.raises(DataError, match=r"captions\.json.*'annotations'"):
        score_coco(captions, [], ARROW)
    with pytest.raises(DataError, match="expected a list of COCO keypoint results"):
        score_coco(truth, captions, ARROW)
    with pytest.raises(DataError, match="no image 9"):
        score_coco(truth, [arrow_result(9)], ARROW)
    with pytest.raises(DataError, match="no image 9"):
        score_coco(truth, [], ARROW, image_ids=[1, 9])
    with pytest.raises(DataError, match="6 keypoint numbers, expected 3 x 17"):
        score_coco(truth, [], COCO_17)
    with pytest.raises(DataError, match="entry 0 has no 'score'"):
        score_coco(truth, [{"image_id": 1, "category_id": 3, "keypoints": [0] * 6}], ARROW)
    with pytest.raises(DataError, match="2 categories"):
        score_coco(dict(truth, categories=[{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]), [], ARROW)
    with pytest.raises(ConfigError, match="MPII_16 defines no sigmas"):
        score_coco(truth, [], MPII_16)
