"""The way from a file to an estimator: as its recipe says, by the commands of its task."""

from dataclasses import replace

import numpy as np
import pytest

from cpm import ConfigError, Person, load_estimator
from cpm.codecs import DecodeRules
from cpm.commands import COMMANDS
from cpm.configs import recipe, to_json
from cpm.inference import whole_image
from cpm.models import get_model, save_network
from cpm.tasks import bottom_up, top_down


@pytest.fixture
def short_sided(tmp_path):
    """Write a checkpoint whose recipe measures the shorter side of images."""
    config = recipe("side", test={"scales": (1.0,), "flip": False, "box_size": 64, "reference": "shorter"})
    net = get_model("cpm_small", channels=8, stages=1)
    save_network(tmp_path / "net.npz", net, extra={"config": to_json(config)})
    return tmp_path / "net.npz"


def test_what_opens_a_file_sees_images_as_the_recipe_says(short_sided):
    image = np.zeros((120, 60, 3), np.uint8)
    for options, expected in (({}, (128, 64)), ({"box_size": 32}, (64, 32))):
        estimator = load_estimator(short_sided, **options)
        seen = []
        net = estimator.finder.net
        estimator.finder.net = lambda images, net=net, seen=seen: seen.append(images.shape[1:3]) or net(images)
        assert isinstance(estimator(image), list) and seen == [expected]


def test_pictures_are_predicted_at_the_size_that_is_scored(short_sided):
    assert load_estimator(short_sided).finder.settings() == {
        "scales": [1.0],
        "flip": False,
        "box_size": 64,
        "reference": "shorter",
        "stage": -1,
    }


def test_each_task_names_commands_that_are_there():
    for task in (bottom_up, top_down):
        assert {task.trained_by, task.evaluated_by} <= set(COMMANDS)


class Counting:
    """Counts how often a network is called, and with how many images."""

    def __init__(self, net):
        self.net = net
        self.batches = []

    def __getattr__(self, name):
        return getattr(self.net, name)

    def __call__(self, images):
        self.batches.append(len(images))
        return self.net(images)


def assert_alike(people, others):
    assert len(people) == len(others)
    for person, other in zip(people, others):
        np.testing.assert_allclose(person.keypoints, other.keypoints, atol=1e-3)
        assert person.score == pytest.approx(other.score, abs=1e-5)


def test_boxes_of_several_images_run_together_and_find_the_same(tmp_path):
    save_network(tmp_path / "net.npz", get_model("pose_small"))
    estimator = load_estimator(tmp_path / "net.npz", size=(64, 64), flip=False, min_joint_score=0)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (*size, 3), np.uint8) for size in ((64, 96), (80, 64), (50, 50))]
    alone = [estimator(image) for image in images]
    net = estimator.finder.net = Counting(estimator.finder.net)
    together = estimator(images)
    assert net.batches == [3]
    for people, others in zip(together, alone):
        assert len(people) == 1
        assert_alike(people, others)


class Finding:
    """Finds the same people in every image."""

    aspect = None

    def __init__(self, people):
        self.people = people

    def find_all(self, images, boxes=()):
        return [self.people for _ in images]


def test_only_the_sure_are_shown_and_everybody_is_kept(tmp_path):
    save_network(tmp_path / "net.npz", get_model("cpm_small", channels=8, stages=1))
    keypoints = np.zeros((3, 18, 3))
    keypoints[:2, :4] = keypoints[2, :2] = (5, 6, 0.5)
    people = [Person(each, score) for each, score in zip(keypoints, (0.6, 0.1, 0.6))]
    image = np.zeros((64, 96, 3), np.uint8)

    def shown(**options):
        estimator = replace(load_estimator(tmp_path / "net.npz", **options), finder=Finding(people))
        assert estimator.everybody([image]) == [people]
        return [round(person.score, 1) for person in estimator(image)], len(estimator([image, image])[1])

    assert shown() == ([0.6], 1)
    assert shown(min_score=0) == ([0.6, 0.1], 2)
    assert shown(min_joints=1) == ([0.6, 0.6], 2)
    assert shown(min_joint_score=0.7) == ([], 0)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("pose_small", {"scales": (1,)}, "'scales' not for it"),
        ("pose_small", {"rules": DecodeRules(), "box_size": 9}, "'box_size' and 'rules' not for it"),
        ("cpm_small", {"size": (64, 64)}, "'size' not for it"),
        ("cpm_small", {"boxes": whole_image}, "'boxes' not for it"),
        ("cpm_small", {"min_score": 2}, "min_score=2"),
    ],
)
def test_what_is_not_for_a_network_is_refused(tmp_path, name, options, told):
    save_network(tmp_path / "net.npz", get_model(name))
    with pytest.raises(ConfigError, match=told):
        load_estimator(tmp_path / "net.npz", **options)
