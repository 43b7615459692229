"""What version 0.1 wrote is still read: networks with the same maps, recipes, and trainings that go on."""

import json

import mxnet as mx
import numpy as np
import pytest

import cpm.models
from cpm.configs import from_json, to_json
from cpm.skeletons import SKELETONS

from .conftest import person
from .helpers.old_files import DESCRIPTIONS, wavy_image, write_checkpoint
from .helpers.scale import mostly_slow

OLD = json.loads(DESCRIPTIONS.read_text())
QUICK = [old for old in OLD["networks"] if old["meta"]["model"] in ("cpm_small", "cpm_mobilenet", "pose_small")]


def label(old):
    options = old["meta"]["options"]
    return "-".join([old["meta"]["model"], *(f"{key}={options[key]}" for key in ("block", "depth") if key in options)])


@pytest.mark.parametrize("old", mostly_slow(OLD["networks"], QUICK, "builds a network of many layers"), ids=label)
def test_networks_return_the_same_maps(old, tmp_path):
    path = tmp_path / "net.npz"
    write_checkpoint(path, old["meta"], old["arrays"])
    net = cpm.models.load_network(path, ctx=mx.cpu())
    stages = net(mx.nd.array(wavy_image(64, 96)[None], dtype="uint8"))
    assert len(stages) == len(old["stages"])
    for kinds, stage, expected in zip(net.kinds, stages, old["stages"]):
        assert [kind.name for kind in kinds] == list(stage) == list(expected)
        for name, known in expected.items():
            found = stage[name].asnumpy()[0]
            assert list(found.shape) == known["shape"]
            places = np.linspace(0, found.size - 1, len(known["values"])).astype(int)
            np.testing.assert_allclose(found.ravel()[places], known["values"], atol=1e-4 * known["spread"])


@pytest.mark.parametrize("name", OLD["recipes"])
def test_recipes_keep_every_value(name):
    text = OLD["recipes"][name]["text"]
    old = json.loads(text)
    config = json.loads(to_json(from_json(text, SKELETONS[old["labels"]["skeleton"]])))
    if old["task"] == "topdown":
        old["augment"]["size"].reverse()  # which had the width first
    for section, values in old.items():
        if isinstance(values, dict):
            assert {key: config[section][key] for key in values} == values
    assert config["name"] == old["name"]


@pytest.mark.slow("trains in a process of its own")
@pytest.mark.parametrize("old", OLD["runs"], ids=label)
def test_trainings_go_on(old, write_coco, run_script, tmp_path):
    people = [[person(50 + 8 * k, 60, 80)] for k in range(4)]
    write_coco(people[:2], "val2017")
    root = write_coco(people, "train2017")
    path = tmp_path / "run" / "last.npz"
    path.parent.mkdir()
    write_checkpoint(path, old["meta"], old["arrays"])
    script = {"cpm_small": "train_gluon_cpm.py", "pose_small": "train_pose_resnet.py"}[old["meta"]["model"]]
    more = ("--set=train.max_iterations=2", "--set=optimizer.lr=1e-6")
    process = run_script(script, f"--resume={path}", f"--dataset-root={root}", "--epochs=3", "--gpus=-1", *more)
    assert process.returncode == 0, process.stderr
    before = old["meta"]["progress"]
    after = cpm.models.read_checkpoint(path)
    assert after.meta["progress"]["epoch"] == 3
    assert after.meta["progress"]["iteration"] == before["iteration"] + 2
    assert set(after.arrays) >= {name for name, *_ in old["arrays"] if not name.startswith("net/")}
