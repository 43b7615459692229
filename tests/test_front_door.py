"""The way from a file to an estimator: as its recipe says, by the commands of its task."""

import numpy as np
import pytest

from cpm import load_estimator
from cpm.commands import COMMANDS
from cpm.configs import recipe, to_json
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
        "scales": [1.0], "flip": False, "box_size": 64, "reference": "shorter", "stage": -1
    }  # fmt: skip


def test_each_task_names_commands_that_are_there():
    for task in (bottom_up, top_down):
        assert {task.trained_by, task.evaluated_by} <= set(COMMANDS)
