"""Every recipe builds its network and takes two training steps, on small pictures."""

import json

import mxnet as mx
import numpy as np
import pytest

from cpm import ConfigError
from cpm.configs import describe_configs, list_configs, load_config, override
from cpm.models import get_model, read_checkpoint
from cpm.training import StageLoss, build_trainer
from cpm.training.optimizer import TrunkFreezer

from .conftest import person
from .helpers.scale import mostly_slow

QUICK = ("quickstart", "quickstart_topdown")


@pytest.fixture
def coco(write_coco):
    people = [[person(50 + 8 * k, 60, 80)] for k in range(4)]
    write_coco(people[:2], "val2017")
    return write_coco(people, "train2017")


@pytest.fixture
def mpii(coco):
    """Give the same pictures in the layout of MPII."""
    (coco / "images").symlink_to(coco / "train2017")
    (coco / "annot").mkdir()
    rng = np.random.default_rng(0)
    entries = [
        {
            "image": f"{number:012d}.jpg",
            "center": [70.0, 60.0],
            "scale": 0.4,
            "joints": rng.uniform(20, 100, (16, 2)).tolist(),
            "joints_vis": [1] * 16,
        }
        for number in (1, 2, 3, 4)
    ]
    for split in ("train", "valid"):
        (coco / "annot" / f"{split}.json").write_text(json.dumps(entries))
    return coco


@pytest.mark.parametrize("name", mostly_slow(list_configs(), QUICK, "trains a network in full"))
def test_two_steps(request, name, tmp_path):
    config = load_config(name)
    crop = ["augment.size=(64, 64)"] if config.task == "top_down" else ["augment.crop=64"]
    root = request.getfixturevalue(config.data.dataset)
    if config.task == "bottom_up":
        config.loss.offset_epoch = 0
    override(
        config,
        [
            "model.pretrained=''",
            "train.batch_size=2",
            "train.epochs=1",
            "train.max_iterations=2",
            "train.num_workers=0",
            "train.max_val_batches=1",
            "train.log_every=1",
            f"data.root={str(root)!r}",
            *crop,
        ],
    )
    build_trainer(config, [mx.cpu()], tmp_path / "run").fit()
    meta = read_checkpoint(tmp_path / "run" / "last.npz").meta
    assert meta["progress"]["iteration"] == 2 and meta["model"] == config.model.name
    rows = (tmp_path / "run" / "losses.csv").read_text().splitlines()
    losses = [float(row.rsplit(",", 1)[1]) for row in rows if ",train,loss," in row]
    assert len(losses) == 2 and np.isfinite(losses).all() and min(losses) > 0


def test_the_list_shows_what_was_published():
    listed = " ".join(describe_configs("bottom_up").split())
    for figure in ("AP 0.561", "AP 0.564", "AP 0.584", "0.231 after 23"):
        assert figure in listed
    assert "pose_resnet50_coco_256x192" in describe_configs("top_down") and "0.704" in describe_configs("top_down")


def test_differences_count_as_the_kind_says():
    prediction, target, mask = mx.nd.array([[[[3.0, 1.0]]]]), mx.nd.zeros((1, 1, 1, 2)), mx.nd.array([[[[1.0, 0.0]]]])
    for kind, expected in (("l2", 9.0), ("log", np.log(4.0)), ("fourth", 81.0)):
        for reduction, divisor in (("sum", 1), ("half_sum", 2), ("quarter_sum", 4), ("mean", 2), ("half_mean", 4)):
            loss = StageLoss(reduction, kind)(prediction, target, mask).asnumpy()
            np.testing.assert_allclose(loss, [expected / divisor], rtol=1e-6)
    with pytest.raises(ConfigError, match=r"loss\.kind='l1': expected one of l2, log, fourth"):
        StageLoss(kind="l1")


@pytest.mark.slow("trains a network in full")
def test_the_trunk_stays_in_the_first_epochs(coco, tmp_path):
    def run(epochs, frozen):
        config = load_config("multipose_mobilenet")
        override(
            config,
            [
                "model.pretrained=''",
                "train.batch_size=2",
                f"train.epochs={epochs}",
                "optimizer.lr=0.01",
                "train.num_workers=0",
                "model.options.stages=2",
                f"train.freeze_trunk={frozen}",
                f"data.root={str(coco)!r}",
                "augment.crop=64",
            ],
        )
        trainer = build_trainer(config, [mx.cpu()], tmp_path / f"run{epochs}{frozen}")
        before = {name: value.data().asnumpy() for name, value in trainer.net._collect_params_with_prefix().items()}
        trainer.fit()
        after = {name: value.data().asnumpy() for name, value in trainer.net._collect_params_with_prefix().items()}
        return {name for name in before if name.endswith("weight") and not np.array_equal(before[name], after[name])}

    changed = run(1, 1)
    assert changed and not any(name.startswith("trunk.") for name in changed)
    assert any(name.startswith("trunk.") for name in run(2, 1))
    with pytest.raises(ConfigError, match=r"train\.freeze_trunk=2: .* has no trunk"):
        TrunkFreezer(mx.gluon.nn.Dense(2, in_units=2), 2)


def test_first_values_are_drawn_as_the_recipe_says():
    for init, low, high in ((mx.init.Normal(0.01), 0.009, 0.011), (None, 0.02, 0.08)):
        mx.random.seed(0)
        net = get_model("cpm_vgg19", stages=1, init=init)
        weight = net._collect_params_with_prefix()["trunk.10.weight"].data().asnumpy()
        assert low < weight.std() < high
