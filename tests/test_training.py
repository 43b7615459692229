"""Training: what a step does, and that runs on many devices or with interruptions come to the same."""

import os
import signal

import mxnet as mx
import numpy as np
import pytest

from cpm import CheckpointError, ConfigError, CpmError
from cpm.configs import override, recipe
from cpm.models import load_network, read_checkpoint
from cpm.training import Schedule, StageLoss, build_trainer, check_output, choose_recipe

from .conftest import person
from .helpers.checkpoints import assert_equal, parameters
from .helpers.scale import mostly_slow


@pytest.fixture
def config(write_coco):
    """Return a recipe for a very small network on six pictures."""
    people = [[person(50 + 8 * k, 60, 80)] for k in range(6)]
    write_coco(people[:2], "val2017")
    root = write_coco(people, "train2017")
    return recipe(
        "test",
        model={"name": "cpm_mobilenet", "options": {"stages": 2, "width": 0.125}},
        data={"root": str(root)},
        augment={"crop": 64},
        optimizer={"lr": 1e-3, "name": "adam"},
        schedule={"warmup": 2, "steps": (4,)},
        train={"epochs": 2, "batch_size": 2, "num_workers": 0, "log_every": 1},
    )


@pytest.mark.parametrize("reduction", ["sum", "half_sum", "mean"])
def test_loss_is_the_masked_squared_error(reduction):
    rng = np.random.default_rng(0)
    prediction, target = rng.normal(size=(2, 3, 5, 4, 4)).astype(np.float32)
    mask = rng.random((3, 1, 4, 4)).astype(np.float32)
    error = (mask * (prediction - target) ** 2).reshape(3, -1)
    expected = {"sum": error.sum(1), "half_sum": error.sum(1) / 2, "mean": error.mean(1)}[reduction]
    loss = StageLoss(reduction)(mx.nd.array(prediction), mx.nd.array(target), mx.nd.array(mask))
    np.testing.assert_allclose(loss.asnumpy(), expected, rtol=1e-5)
    with pytest.raises(ConfigError, match=r"loss\.reduction='max': expected one of sum"):
        StageLoss("max")


def test_schedules():
    step = Schedule(lr=1.0, total=100, warmup=10, warmup_factor=0.1, steps=(20, 30), gamma=0.5)
    assert [step(k) for k in (0, 5, 10, 19, 20, 29, 30, 99)] == pytest.approx([0.1, 0.55, 1, 1, 0.5, 0.5, 0.25, 0.25])
    cosine = Schedule(lr=1.0, total=100, kind="cosine")
    assert [cosine(k) for k in (0, 50, 100, 200)] == pytest.approx([1, 0.5, 0, 0])
    with pytest.raises(ConfigError, match=r"schedule\.kind='poly': expected one of step, cosine"):
        Schedule(lr=1.0, total=1, kind="poly")
    with pytest.raises(ConfigError, match=r"schedule\.steps=\(1, 'x'\): expected numbers of iterations"):
        Schedule(lr=1.0, total=1, steps=(1, "x"))


def test_training_writes_what_it_promises_and_learns(config, tmp_path):
    config.train.update(epochs=8, keep_every=4)
    config.optimizer.lr = 5e-3
    config.schedule.steps = ()
    config.augment.update(scale=(1.0, 1.0), rotation=0.0, shift=0.0, flip=0.0)
    build_trainer(config, [mx.cpu()], tmp_path / "run").fit()
    written = {path.name for path in (tmp_path / "run").iterdir()}
    assert {
        "last.npz",
        "best.npz",
        "epoch-004.npz",
        "epoch-008.npz",
        "losses.csv",
        "losses.png",
        "train.log",
    } <= written
    assert {"tensorboard", "pictures"} <= written and not any(name.startswith(".") for name in written)
    rows = [line.split(",") for line in (tmp_path / "run" / "losses.csv").read_text().split()]
    losses = [float(row[3]) for row in rows if row[1:3] == ["train", "loss"]]
    assert len(losses) == 24 and sum(losses[-3:]) < 0.7 * sum(losses[:3])
    assert len([row for row in rows if row[1:3] == ["val", "loss"]]) == 8
    assert len(list((tmp_path / "run" / "pictures").iterdir())) == 8
    net = load_network(tmp_path / "run" / "last.npz")
    assert net.name == "cpm_mobilenet" and net.options["width"] == 0.125


@pytest.mark.slow("trains a large network three times")
def test_two_devices_come_to_the_same_as_one(config, tmp_path):
    # Without batch normalisation, whose statistics are those of each device.
    config.model.update(name="cpm_vgg19", options={"stages": 2})
    config.augment.crop = 32
    config.optimizer.update(name="sgd", lr=1e-4, lr_mults=((r"^stages\.1", 4.0),))
    config.train.update(epochs=1, num_workers=1)
    for name, contexts in (("one", [mx.cpu(0)]), ("two", [mx.cpu(0), mx.cpu(1)])):
        mx.random.seed(0)
        build_trainer(config, contexts, tmp_path / name).fit()
    mx.random.seed(0)
    start = build_trainer(config, [mx.cpu(0)], tmp_path / "start").net._collect_params_with_prefix()
    one, two = (parameters(tmp_path / name / "last.npz") for name in ("one", "two"))
    moved = 0.0
    for name in one:
        change = one[name] - start[name].data().asnumpy()
        moved = max(moved, np.abs(change).max())
        np.testing.assert_allclose(two[name] - one[name], 0, atol=1e-3 * np.abs(change).max() + 1e-7, err_msg=name)
    assert moved > 1e-3


def test_a_batch_that_does_not_divide_is_an_error(config, tmp_path):
    config.train.batch_size = 3
    with pytest.raises(ConfigError, match=r"train\.batch_size=3: expected a multiple of the 2 devices"):
        build_trainer(config, [mx.cpu(0), mx.cpu(1)], tmp_path / "run")


@pytest.mark.parametrize("optimizer", mostly_slow(["sgd", "adam"], ["adam"], "trains twice"))
def test_resuming_in_the_middle_of_an_epoch_is_exact(config, tmp_path, optimizer):
    config.optimizer.update(name=optimizer, lr=1e-4)
    mx.random.seed(0)
    trainer = build_trainer(config, [mx.cpu(0)], tmp_path / "whole")
    trainer.fit()

    mx.random.seed(0)
    trainer = build_trainer(config, [mx.cpu(0)], tmp_path / "parts")
    step = trainer.step

    def interrupted(batch):
        if trainer.progress.iteration == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return step(batch)

    trainer.step = interrupted
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    held = read_checkpoint(tmp_path / "parts" / "last.npz").meta["progress"]
    assert (held["epoch"], held["batch"], held["iteration"]) == (1, 1, 4)

    mx.random.seed(99)
    resumed, checkpoint = choose_recipe(None, "", None, tmp_path / "parts" / "last.npz", [])
    build_trainer(resumed, [mx.cpu(0)], tmp_path / "parts", checkpoint).fit()
    assert_equal(parameters(tmp_path / "whole" / "last.npz"), parameters(tmp_path / "parts" / "last.npz"))
    tables = [(tmp_path / run / "losses.csv").read_text() for run in ("whole", "parts")]
    assert tables[0] == tables[1]


def test_a_run_stopped_before_its_first_step_can_go_on(config, tmp_path):
    trainer = build_trainer(config, [mx.cpu()], tmp_path / "run")
    trainer.save("last.npz")
    resumed, checkpoint = choose_recipe(None, "", None, tmp_path / "run" / "last.npz", [])
    assert build_trainer(resumed, [mx.cpu()], tmp_path / "run", checkpoint).progress.iteration == 0


def test_frozen_batch_norm_keeps_its_statistics(config, tmp_path):
    trainer = build_trainer(config, [mx.cpu()], tmp_path / "a")
    trainer.fit()
    moved = parameters(tmp_path / "a" / "last.npz")
    config.model.pretrained = str(tmp_path / "a" / "last.npz")
    config.train.freeze_bn = True
    build_trainer(config, [mx.cpu()], tmp_path / "b").fit()
    kept = parameters(tmp_path / "b" / "last.npz")
    running = [name for name in kept if "running" in name]
    weights = [name for name in kept if name.endswith("weight")]
    assert running and all((kept[name] == moved[name]).all() for name in running)
    assert any((kept[name] != moved[name]).any() for name in weights)
    assert any((moved[name] != 0).any() for name in running if name.endswith("mean"))


def test_multipliers(config, tmp_path):
    config.optimizer.lr_mults = ((r"^stages\.1\.", 4.0), (r"bias$", 2.0))
    net = build_trainer(config, [mx.cpu()], tmp_path / "run").net._collect_params_with_prefix()
    factors = {name: (parameter.lr_mult, parameter.wd_mult) for name, parameter in net.items()}
    weights = [factor for name, factor in factors.items() if name.startswith("stages.1.") and name.endswith("weight")]
    assert set(weights) == {(4.0, 1.0)}
    assert {factors[name] for name in factors if name.startswith("stages.1.") and name.endswith("bias")} == {(8.0, 0.0)}
    assert {factors[name][1] for name in factors if name.endswith(("gamma", "beta"))} == {0.0}
    config.optimizer.lr_mults = (("no such name", 2.0),)
    with pytest.raises(ConfigError, match="no parameter of cpm_mobilenet matches 'no such name'"):
        build_trainer(config, [mx.cpu()], tmp_path / "run")


def test_a_loss_that_is_not_finite_stops_the_run(config, tmp_path):
    config.optimizer.update(name="sgd", lr=1e30)
    config.schedule.warmup = 0
    with pytest.raises(CpmError, match="no longer a finite number"):
        build_trainer(config, [mx.cpu()], tmp_path / "run").fit()


def test_recipe_network_and_checkpoint_must_fit(config, tmp_path):
    config.train.epochs = 1
    run = tmp_path / "run"
    build_trainer(config, [mx.cpu()], run).fit()
    with pytest.raises(ConfigError, match="holds a cpm_mobilenet, not the cpm_vgg19"):
        choose_recipe(None, "", "cpm_vgg19", run / "last.npz", [])
    with pytest.raises(ConfigError, match="brings its own recipe"):
        choose_recipe("quickstart", "", None, run / "last.npz", [])
    with pytest.raises(CheckpointError, match="no training state"):
        choose_recipe(None, "", None, run / "best.npz", [])
    with pytest.raises(ConfigError, match=r"model\.\* and labels\.skeleton cannot be changed"):
        choose_recipe(None, "", None, run / "last.npz", ["model.options.stages=3"])
    resumed, checkpoint = choose_recipe(None, "", "cpm_mobilenet", run / "last.npz", ["optimizer.name=sgd"])
    with pytest.raises(CheckpointError, match=r"optimizer state"):
        build_trainer(resumed, [mx.cpu()], run, checkpoint)
    with pytest.raises(ConfigError, match="holds a run already"):
        check_output(run, None, overwrite=False)
    check_output(run, run / "last.npz", overwrite=False)


def test_broken_image_is_counted_and_the_run_goes_on(config, tmp_path, caplog):
    next((tmp_path / "train2017").iterdir()).write_bytes(b"")
    override(config, ["train.epochs=1"])
    build_trainer(config, [mx.cpu()], tmp_path / "run").fit()
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1 and "not an image" in warnings[0] and "(1 so far)" in warnings[0]
    assert (tmp_path / "run" / "last.npz").exists()
