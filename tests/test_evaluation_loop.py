"""One loop for all metrics, tasks and data sets."""

import json

import numpy as np
import pytest

from cpm import ConfigError, DataError
from cpm.codecs import HeatmapCodec, PafCodec
from cpm.datasets import CocoKeypoints, MpiiPeople
from cpm.evaluation import Choice, Evaluator, Report, evaluate_dataset, mpii_images, run, whole_images
from cpm.inference import Look
from cpm.person import Person
from cpm.skeletons import COCO_17, MPII_16

from .conftest import person

JOINTS = np.random.default_rng(0).uniform(20, 100, (16, 2)).round()


class Told:
    """In place of an estimator: finds people at the same joints in every image, and draws it as it is."""

    def __init__(self, codec, keypoints, aspect=None):
        self.codec = codec
        self.keypoints = keypoints
        self.aspect = aspect

    def look(self, image, boxes=()):
        count = 1 if self.aspect is None else len(boxes)
        return Look([Person(self.keypoints, 0.5) for _ in range(count)], lambda: [image])

    def settings(self):
        return {"told": True}

    def describe(self):
        return "as told"


class HeadCount(Evaluator):
    """A metric of one's own: how many people there are in an image."""

    def process(self, scene, people):
        self.results.append({"image": scene.path.name, "people": len(people)})

    def evaluate(self):
        return {"people per image": np.mean([result["people"] for result in self.results])}

    def settings(self):
        return {"metric": "heads"}

    def table(self, figures):
        return str(figures)


@pytest.fixture
def coco(write_coco):
    return CocoKeypoints(write_coco([[person(50, 60, 80)], [person(70, 60, 80)]], "val2017"), "val2017")


@pytest.fixture
def mpii(coco):
    """Two people in the one image and, after one in the other, another in the first."""
    entries = [
        {
            "image": f"{number:012d}.jpg",
            "center": [60.0, 60.0],
            "scale": 0.6,
            "joints": (JOINTS + 1).tolist(),
            "joints_vis": [1] * 16,
        }
        for number in (1, 1, 2, 1)
    ]
    (coco.root / "annot").mkdir()
    (coco.root / "annot" / "valid.json").write_text(json.dumps(entries))
    (coco.root / "images").symlink_to(coco.root / "val2017")
    return MpiiPeople(coco.root, "valid")


def keypoints(skeleton, missing=()):
    """Return JOINTS for a skeleton of 16 or 17 joints, some of which are not found."""
    found = np.ones((skeleton.num_joints, 3))
    found[:16, :2] = JOINTS
    found[list(missing)] = 0
    return found


def read(folder):
    return json.loads((folder / "metrics.json").read_text()), json.loads((folder / "results.json").read_text())


def test_a_metric_of_ones_own(coco, tmp_path):
    coco.records[0].path.write_bytes(b"no picture")
    report = Report(tmp_path / "out", viz=True, progress=False, notes={"by": "me"})
    figures = run(Told(PafCodec(COCO_17), keypoints(COCO_17)), whole_images(coco), HeadCount(), report)
    assert figures == {"people per image": 0.5}
    metrics, results = read(tmp_path / "out")
    assert metrics.pop("seconds_per_image") >= 0
    assert metrics == {
        "people per image": 0.5,
        "protocol": {"told": True, "metric": "heads", "by": "me", "images": 2, "people": None},
        "skipped": [1],
    }
    assert results == [{"image": f"{number:012d}.jpg", "people": number - 1} for number in (1, 2)]
    assert [path.name for path in (tmp_path / "out" / "viz").iterdir()] == ["000000000002.jpg"]


@pytest.mark.parametrize("aspect", [None, 0.75], ids=["bottom-up", "top-down"])
@pytest.mark.parametrize("kind", ["coco", "mpii"])
def test_one_format_of_reports(kind, aspect, tmp_path, request):
    dataset = request.getfixturevalue(kind)
    codec = PafCodec(dataset.skeleton) if aspect is None else HeatmapCodec(dataset.skeleton)
    estimator = Told(codec, keypoints(dataset.skeleton), aspect)
    report = Report(tmp_path / "out", progress=False, notes={"name": "mine"})
    figures, table = evaluate_dataset(estimator, dataset, report=report)
    metrics, results = read(tmp_path / "out")
    assert list(metrics) == [*figures, "protocol", "skipped", "seconds_per_image"]
    assert {name: metrics[name] for name in figures} == figures
    assert {"told", "split", "limit", "name", "images", "people"} <= set(metrics["protocol"])
    assert metrics["protocol"]["images"] == 2
    assert table.startswith("mine: as told, 2 images\n")
    assert all("keypoints" in result and result["score"] > 0 for result in results)


@pytest.mark.parametrize("aspect", [None, 0.75], ids=["bottom-up", "top-down"])
def test_joints_of_mpii_that_are_not_found_are_wrong_and_0(mpii, aspect, tmp_path):
    wrist = MPII_16.joints.index("left_wrist")
    codec = PafCodec(MPII_16) if aspect is None else HeatmapCodec(MPII_16)
    estimator = Told(codec, keypoints(MPII_16, [wrist]), aspect)
    mpii.people[2].path.write_bytes(b"no picture")
    figures, _ = evaluate_dataset(estimator, mpii, report=Report(tmp_path / "out", progress=False))
    metrics, results = read(tmp_path / "out")
    assert figures["elbow"] == 75  # one of four people is in the image that cannot be read
    assert figures["wrist"] == 37.5
    assert metrics["skipped"] == [2] and metrics["protocol"]["people"] == 4
    found = np.array([result["keypoints"] for result in results])
    expected = keypoints(MPII_16, [wrist])
    np.testing.assert_allclose(found, [expected, expected, np.zeros_like(expected), expected], atol=1e-3)
    assert [result["score"] for result in results] == [0.5, 0.5, 0, 0.5]


def test_people_too_far_from_the_annotated_one_are_not_taken(mpii, tmp_path):
    far = keypoints(MPII_16)
    far[:, 0] += 1000
    figures, _ = evaluate_dataset(Told(PafCodec(MPII_16), far), mpii, report=Report(tmp_path / "out", progress=False))
    assert figures["mean"] == 0
    assert not np.any([result["keypoints"] for result in read(tmp_path / "out")[1]])


def test_a_limit_counts_people_of_mpii(mpii):
    assert [image.rows for image in mpii_images(mpii)] == [(0, 1, 3), (2,)]
    assert [(image.rows, len(image.boxes)) for image in mpii_images(mpii, 1.0, limit=3)] == [((0, 1), 2), ((2,), 1)]
    with pytest.raises(ConfigError, match="limit=0"):
        mpii_images(mpii, limit=0)


@pytest.mark.parametrize(
    ("kind", "aspect", "choice", "message"),
    [
        ("coco", None, {"truth": "a.mat"}, "truth: not for COCO"),
        ("coco", None, {"boxes": "a.json", "nms": 0.5}, "boxes and nms: not for networks that find people in whole"),
        ("mpii", None, {"subset": "all"}, "subset: not for MPII"),
        ("mpii", 1.0, {"nms": 0.9}, "nms: not for MPII"),
    ],
)
def test_choices_that_would_do_nothing_are_refused(kind, aspect, choice, message, request):
    dataset = request.getfixturevalue(kind)
    estimator = Told(PafCodec(dataset.skeleton), None, aspect)
    with pytest.raises(ConfigError, match=message):
        evaluate_dataset(estimator, dataset, Choice(**choice))


def test_no_image_that_can_be_read(mpii, tmp_path):
    for each in mpii.people:
        each.path.write_bytes(b"no picture")
    estimator = Told(PafCodec(MPII_16), keypoints(MPII_16))
    with pytest.raises(DataError, match="none of the 2 images of"):
        evaluate_dataset(estimator, mpii, report=Report(tmp_path / "out", progress=False))
    assert not (tmp_path / "out").exists()
