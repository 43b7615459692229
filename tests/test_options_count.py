"""Options and keys of recipes: each counts for something where it is given, or is refused in one line."""

from types import SimpleNamespace

import numpy as np
import pytest

from cpm import ConfigError, load_estimator
from cpm.configs import override, recipe, to_json
from cpm.datasets import DataRef
from cpm.evaluation import Choice, evaluate_dataset
from cpm.models import get_model, save_network
from cpm.tasks import bottom_up, top_down

from .conftest import ROOT
from .helpers.commands import assert_one_line


@pytest.mark.parametrize(
    ("key", "with_it", "without"),
    [
        ("optimizer.momentum=0.5", "optimizer.name=sgd", "optimizer.name=adam"),
        ("schedule.steps=(1,)", "schedule.kind=step", "schedule.kind=cosine"),
        ("schedule.gamma=0.5", "schedule.kind=step", "schedule.kind=cosine"),
        ("schedule.unit=epochs", "schedule.kind=step", "schedule.kind=cosine"),
        ("model.init=xavier", "model.pretrained=imagenet", "model.pretrained=other.npz"),
    ],
)
def test_a_key_that_another_leaves_unread_is_refused(key, with_it, without):
    override(recipe("test"), [key, with_it])
    name = key.split("=")[0]
    with pytest.raises(ConfigError, match=f"^{name}: is not read with {without.split('=')[0]}='.*'; leave it out$"):
        override(recipe("test"), [key, without])


def test_what_a_recipe_holds_unread_may_be_changed_around():
    config = recipe("test", schedule={"kind": "step", "gamma": 0.5})
    override(config, ["schedule.kind=cosine"])
    assert config.schedule.kind == "cosine" and config.schedule.gamma == 0.5


@pytest.mark.parametrize(
    ("script", "option"),
    [("train_gluon_cpm.py", "--dataset=mpii"), ("train_pose_resnet.py", "--dataset=mpii"),
     ("train_pose_resnet.py", "--size=64x64"), ("train_pose_resnet.py", "--depth=50")],
)  # fmt: skip
@pytest.mark.parametrize("source", ["--config=quickstart", "--resume=nowhere.npz"])
def test_options_that_choose_a_recipe_are_refused_beside_one(run_script, script, option, source):
    process = run_script(script, option, source)
    assert_one_line(process, option.split("=")[0][2:], source.split("=")[0])


def test_data_of_another_kind_are_where_that_kind_is():
    ref = DataRef("coco", "data/own", "val2017", "person", True)
    assert ref.changed(kind="mpii") == DataRef("mpii", "data/mpii", "valid")
    assert ref.changed(kind="mpii", root="here", split="train") == DataRef("mpii", "here", "train")
    assert ref.changed(kind="coco") == ref
    with pytest.raises(ConfigError, match="data set 'cub' is unknown"):
        ref.changed(kind="cub")


@pytest.fixture
def short_sided(tmp_path):
    """Write a checkpoint whose recipe measures the shorter side of images."""
    config = recipe("side", test={"scales": (1.0,), "flip": False, "box_size": 64, "reference": "shorter"})
    net = get_model("cpm_small", channels=8, stages=1)
    save_network(tmp_path / "net.npz", net, extra={"config": to_json(config)})
    return tmp_path / "net.npz"


def test_what_opens_a_file_sees_images_as_the_recipe_says(short_sided, monkeypatch):
    sides = []
    find = load_estimator(short_sided).find
    forward = type(find)._forward
    monkeypatch.setattr(type(find), "_forward", lambda self, batch: sides.append(batch.shape) or forward(self, batch))
    people = load_estimator(short_sided)(np.zeros((120, 60, 3), np.uint8))
    assert isinstance(people, list) and sides[0][1:3] == (128, 64)
    load_estimator(short_sided, box_size=32)(np.zeros((120, 60, 3), np.uint8))
    assert sides[-1][1:3] == (64, 32)


def test_pictures_are_predicted_at_the_size_that_is_scored(short_sided):
    assert load_estimator(short_sided).find.settings() == {
        "scales": [1.0], "flip": False, "box_size": 64, "reference": "shorter", "stage": -1
    }  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "words"),
    [(Choice(subset="all"), "subset"), (Choice(boxes="x.json"), "boxes"), (Choice(nms=0.5), "nms")],
)
def test_what_is_not_for_mpii_is_refused(choice, words):
    with pytest.raises(ConfigError, match=f"^{words}: not for MPII; leave it out$"):
        evaluate_dataset(SimpleNamespace(aspect=1.0), SimpleNamespace(metric="pckh"), choice)


def test_each_task_names_scripts_that_are_there():
    for task in (bottom_up, top_down):
        for script in (task.trained_by, task.evaluated_by):
            assert (ROOT / "scripts" / script).is_file()
