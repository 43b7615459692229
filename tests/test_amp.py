"""Mixed precision: what it computes, that it learns as float32 does, and that it goes on exactly."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd
from mxnet.contrib.amp.loss_scaler import LossScaler

from cpm import CheckpointError, ConfigError
from cpm.configs import load_config, override, recipe
from cpm.datasets.synthetic import write_synthetic
from cpm.models import get_model, list_models, load_network, read_checkpoint
from cpm.training import amp, build_trainer, choose_recipe

from .conftest import person
from .helpers.checkpoints import assert_equal, parameters
from .helpers.scale import mostly_slow

SMALL = {
    "cpm_vgg19": {"stages": 2},
    "cpm_vgg19_bn": {"stages": 2},
    "cpm_mobilenet_v2": {"stages": 2},
    "cpm_res50": {"stages": 2},
    "cpm_res50_fpn": {"stages": 2},
}
NAMES = mostly_slow(
    [name for name in list_models() if name != "pose_resnet"],  # which has the layers of a paf_resnet
    ("cpm_small", "pose_small"),
    "builds a network in full",
)


@pytest.fixture(scope="module")
def bfloat16():
    """Skip a test where the CPU has no bfloat16."""
    try:
        amp.choose_precision("bfloat16", [mx.cpu()])
    except ConfigError as error:
        pytest.skip(str(error))


@pytest.fixture
def config(write_coco):
    """Return a recipe for a very small network on six pictures."""
    people = [[person(50 + 8 * k, 60, 80)] for k in range(6)]
    write_coco(people[:2], "val2017")
    return recipe(
        "test",
        model={"name": "cpm_mobilenet", "options": {"stages": 2, "width": 0.125}},
        data={"root": str(write_coco(people, "train2017"))},
        augment={"crop": 64},
        optimizer={"name": "adam", "lr": 1e-3},
        schedule={"warmup": 2, "steps": (4,)},
        train={"epochs": 2, "batch_size": 2, "num_workers": 0},
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_network_computes_in_bfloat16(name, bfloat16):
    mx.random.seed(0)
    net = get_model(name, **SMALL.get(name, {}))
    images = mx.nd.random.uniform(0, 255, (2, 64, 64, 3)).astype(np.uint8)
    expected = [maps.asnumpy() for stage in net(images) for maps in stage.values()]

    amp.lower_precision(net, "bfloat16")
    found = [maps.asnumpy() for stage in net(images) for maps in stage.values()]
    for maps, wanted in zip(found, expected):
        assert maps.dtype == np.float32
        error = np.linalg.norm(maps - wanted) / np.linalg.norm(wanted)
        assert 1e-4 < error < 0.1
    with autograd.record():
        total = sum((maps * maps).sum() for stage in net(images) for maps in stage.values())
    total.backward()
    for parameter in net.collect_params().values():
        assert parameter.dtype == np.float32
        if parameter.grad_req != "null":
            gradient = parameter.grad()
            assert gradient.dtype == np.float32 and np.isfinite(gradient.asnumpy()).all()

    net.hybridize(static_alloc=True)
    again = [maps.asnumpy() for stage in net(images) for maps in stage.values()]
    if not any("running" in parameter for parameter in net.collect_params()):
        assert all((maps == wanted).all() for maps, wanted in zip(again, expected))


@pytest.mark.parametrize("name", NAMES)
def test_every_convolution_is_lowered_and_every_type_fits(name):
    net = get_model(name, **SMALL.get(name, {}))
    for precision in ("bfloat16", "float16"):
        amp.lower_precision(net, precision)
        nodes = json.loads(net._cached_graph[1].tojson(remove_amp_cast=False))["nodes"]
        convolutions = [node for node in nodes if node["op"] == "Convolution"]
        assert convolutions
        for node in convolutions:
            weight = nodes[node["inputs"][1][0]]
            assert weight["op"] == "amp_cast" and weight["attrs"]["dtype"] == precision
        arguments, outputs, states = net._cached_graph[1].infer_type(data=np.uint8)
        assert Counter(arguments) == {np.uint8: 1, np.float32: len(arguments) - 1}
        assert {*outputs, *states} == {np.float32}


def test_devices_and_types_must_fit(bfloat16, tmp_path):
    cpus, gpus = [mx.cpu(0), mx.cpu(1)], [mx.gpu(0)]
    choices = {
        (choice, contexts[0].device_type): amp.choose_precision(choice, contexts)
        for choice in ("", "auto")
        for contexts in (cpus, gpus)
    }
    assert choices == {("", "cpu"): "", ("", "gpu"): "", ("auto", "cpu"): "bfloat16", ("auto", "gpu"): "float16"}
    with pytest.raises(ConfigError, match="no float16 on a CPU, expected auto or bfloat16"):
        amp.choose_precision("float16", cpus)
    with pytest.raises(ConfigError, match="no bfloat16 on a GPU, expected auto or float16"):
        amp.choose_precision("bfloat16", gpus)
    with pytest.raises(ConfigError, match=r"train\.amp='half': expected one of '', 'auto', 'bfloat16', 'float16'"):
        override(recipe("test"), ["train.amp=half"])
    with pytest.raises(ConfigError, match=r"train\.amp=True: expected str"):
        override(recipe("test"), ["train.amp=True"])


@pytest.mark.slow("starts a process for every kind of CPU")
@pytest.mark.parametrize(
    ("instructions", "message"),
    [("AVX2", "this CPU has no bfloat16, which takes AVX-512"), ("AVX512_CORE", "only emulates bfloat16")],
)
def test_a_cpu_without_bfloat16_is_told_from_one_that_emulates_it(instructions, message, bfloat16):
    program = "from cpm.training.amp import choose_precision; from mxnet import cpu; choose_precision('auto', [cpu()])"
    environment = {**os.environ, "DNNL_MAX_CPU_ISA": instructions}
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert message in process.stderr
    assert (process.returncode == 0) == ("emulates" in message)


def losses_on_one_batch(config, output, steps: int) -> np.ndarray:
    mx.random.seed(0)
    trainer = build_trainer(config, [mx.cpu()], output)
    trainer.learner.schedule = replace(trainer.learner.schedule, total=steps)
    batch, losses = next(trainer.train.epoch(0)), []
    for step in range(steps):
        trainer.progress = replace(trainer.progress, iteration=step)
        losses.append(sum(float(each.asnumpy().sum()) for each in trainer.step(batch)))
    return np.array(losses)


@pytest.mark.slow("trains twice for 60 steps")
def test_learns_as_float32_does(bfloat16, tmp_path):
    write_synthetic(tmp_path / "data", 8, 1, num_workers=1)
    quick = load_config("quickstart")
    override(
        quick,
        [
            "model.options.channels=32",
            f"data.root={tmp_path / 'data'}",
            "augment.crop=96",
            "train.batch_size=8",
            "schedule.warmup=5",
        ],
    )
    wanted = losses_on_one_batch(quick, tmp_path / "run", steps=60)
    quick.train.amp = "auto"
    found = losses_on_one_batch(quick, tmp_path / "run", steps=60)
    assert (found != wanted).any()
    assert found[:5] == pytest.approx(wanted[:5], rel=0.02)
    # Three quarters of the learning rate would end at a loss that is higher by a tenth.
    assert found[-10:].mean() < 0.25 * found[0]
    assert found[-10:].mean() == pytest.approx(wanted[-10:].mean(), rel=0.05)


@pytest.mark.slow("trains three times")
def test_a_run_in_float32_is_the_same_before_and_after_one_in_bfloat16(config, bfloat16, tmp_path):
    files = {}
    for name, choice in (("before", ""), ("lower", "auto"), ("after", "")):
        config.train.amp = choice
        mx.random.seed(0)
        build_trainer(config, [mx.cpu()], tmp_path / name).fit()
        files[name] = tmp_path / name / "last.npz"
    assert_equal(parameters(files["before"]), parameters(files["after"]))
    lower, higher = parameters(files["lower"]), parameters(files["before"])
    assert any((lower[name] != higher[name]).any() for name in lower)
    assert read_checkpoint(files["lower"]).meta["loss_scale"] == {}
    maps = load_network(files["lower"])(mx.nd.ones((1, 64, 64, 3)))[-1]["pafs"]
    assert maps.dtype == np.float32


@pytest.mark.slow("trains twice on two devices")
def test_the_loss_scale_changes_nothing_else(config, bfloat16, tmp_path, monkeypatch):
    config.train.amp = "auto"
    contexts = [mx.cpu(0), mx.cpu(1)]
    mx.random.seed(0)
    build_trainer(config, contexts, tmp_path / "plain").fit()
    monkeypatch.setattr(amp, "_SCALED", ("bfloat16",))
    mx.random.seed(0)
    build_trainer(config, contexts, tmp_path / "scaled").fit()
    # Factors of two change no digit.
    assert_equal(parameters(tmp_path / "plain" / "last.npz"), parameters(tmp_path / "scaled" / "last.npz"))
    assert read_checkpoint(tmp_path / "scaled" / "last.npz").meta["loss_scale"]["scale"] == 2.0**16


def overflow(trainer, at: int, monkeypatch) -> None:
    """Let a gradient overflow in one iteration."""
    has_overflow = LossScaler.has_overflow

    def spoilt(scaler, parameters):
        if trainer.progress.iteration == at:
            next(p for p in parameters if p.grad_req != "null").list_grad()[0][:] = np.inf
        return has_overflow(scaler, parameters)

    monkeypatch.setattr(LossScaler, "has_overflow", spoilt)


@pytest.mark.slow("trains twice")
@pytest.mark.parametrize("scaled", [False, True])
def test_resuming_is_exact(config, bfloat16, tmp_path, monkeypatch, scaled):
    if scaled:
        monkeypatch.setattr(amp, "_SCALED", ("bfloat16",))
    config.train.amp = "auto"
    config.train.checkpoint_every = 3
    mx.random.seed(0)
    trainer = build_trainer(config, [mx.cpu()], tmp_path / "run")
    save, step, kept = trainer.save, trainer.step, {}

    def save_and_keep(name, resumable=True):
        save(name, resumable)
        kept.setdefault(trainer.progress.iteration, (tmp_path / "run" / name).read_bytes())

    def step_and_compare(batch):
        before = [p.data().asnumpy() for p in trainer.net.collect_params().values() if p.grad_req != "null"]
        losses = step(batch)
        after = [p.data().asnumpy() for p in trainer.net.collect_params().values() if p.grad_req != "null"]
        unchanged = all((a == b).all() for a, b in zip(before, after))
        assert unchanged == (scaled and trainer.progress.iteration == 1)
        return losses

    trainer.save, trainer.step = save_and_keep, step_and_compare
    if scaled:
        overflow(trainer, 1, monkeypatch)
    trainer.fit()
    held = read_checkpoint(tmp_path / "run" / "last.npz")
    assert held.meta["updates"] == (5 if scaled else 6)
    if scaled:
        assert held.meta["loss_scale"] == {"scale": 2.0**15, "next_scale": 2.0**15, "unskipped": 4}

    (tmp_path / "parts").mkdir()
    part = tmp_path / "parts" / "last.npz"
    part.write_bytes(kept[3])
    mx.random.seed(99)
    resumed, checkpoint = choose_recipe(None, "", None, part, [])
    assert resumed.train.amp == "auto" and checkpoint.meta["updates"] == (2 if scaled else 3)
    build_trainer(resumed, [mx.cpu()], tmp_path / "parts", checkpoint).fit()
    assert_equal(parameters(tmp_path / "run" / "last.npz"), parameters(part))
    assert_equal(held.arrays, read_checkpoint(part).arrays)
    again = read_checkpoint(part).meta
    assert (again["updates"], again["loss_scale"]) == (held.meta["updates"], held.meta["loss_scale"])


def test_broken_training_state_is_an_error(config, bfloat16, tmp_path, monkeypatch):
    monkeypatch.setattr(amp, "_SCALED", ("bfloat16",))
    config.train.amp = "auto"
    trainer = build_trainer(config, [mx.cpu()], tmp_path / "run")
    good = amp.scaling_state(trainer.learner.trainer)
    for key, value in (
        ("scale", "x"),
        ("scale", float("nan")),
        ("next_scale", 0),
        ("next_scale", 10**400),
        ("unskipped", -1),
        ("unskipped", 1e9),
        ("unskipped", None),
    ):
        with pytest.raises(CheckpointError, match="the state of the loss scale is broken") as caught:
            amp.restore_scaling(trainer.learner.trainer, {**good, key: value})
        assert "\n" not in str(caught.value)
    for state in ([1], {"scale": 1.0}):
        with pytest.raises(CheckpointError, match="the state of the loss scale is broken"):
            amp.restore_scaling(trainer.learner.trainer, state)
    assert amp.scaling_state(trainer.learner.trainer) == good

    trainer.save("last.npz")
    checkpoint = read_checkpoint(tmp_path / "run" / "last.npz")
    for updates in (-1, 7, 0.0, "x", None):
        checkpoint.meta["updates"] = updates
        monkeypatch.setattr("cpm.training.build.read_checkpoint", lambda path: checkpoint)
        with pytest.raises(CheckpointError, match="its training state is broken"):
            choose_recipe(None, "", None, tmp_path / "run" / "last.npz", [])


@pytest.mark.slow("trains in a process of its own")
def test_the_script_trains_in_bfloat16(run_script, config, bfloat16, tmp_path):
    options = [
        "--config=quickstart",
        f"--dataset-root={config.data.root}",
        "--set=model.options.channels=8",
        "--set=augment.crop=64",
        "--batch-size=2",
        "--epochs=1",
        "--gpus=-1",
        f"--output={tmp_path / 'run'}",
    ]
    process = run_script("train_gluon_cpm.py", *options, "--amp=float16")
    assert process.returncode == 2
    assert re.fullmatch(r"error: train\.amp=float16: MXNet has no float16 on a CPU, .*\n", process.stderr)
    assert not (tmp_path / "run").exists()
    process = run_script("train_gluon_cpm.py", *options, "--amp")
    assert process.returncode == 0, process.stderr
    assert "cpm_small on cpu(0) in bfloat16: 1 epochs" in process.stderr
    last = tmp_path / "run" / "last.npz"
    assert json.loads(read_checkpoint(last).meta["config"])["train"]["amp"] == "auto"
    process = run_script("train_gluon_cpm.py", f"--resume={last}", "--set=train.amp=", "--epochs=2", "--gpus=-1")
    assert process.returncode == 0, process.stderr
    assert "cpm_small on cpu(0): 2 epochs" in process.stderr
