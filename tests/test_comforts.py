"""What a long run may be given: averages, clipping, parts of batches, patience, optimizers; all resumes exactly."""

import logging
import math

import mxnet as mx
import numpy as np
import pytest

from cpm.commands.learning import scorer_of
from cpm.configs import override, recipe
from cpm.errors import ConfigError, CpmError
from cpm.models import load_network, read_checkpoint
from cpm.tasks import TASKS
from cpm.training import Schedule, build_trainer, choose_recipe, find_checkpoint, run_recipe
from cpm.training.folder import FORMER, drop_older
from cpm.training.gradients import clip
from cpm.training.optimizers import Nesterov, create_optimizer, list_optimizers

from .helpers.commands import TINY
from .helpers.resuming import ONE, TWO, contents, go_on, stop_at, two_epochs, write_data

ALL = (
    "train.average=0.9",
    "train.accumulate=2",
    "optimizer.clip_norm=5.0",
    "schedule.kind='one_cycle'",
    "optimizer.name='adamw'",
    "optimizer.weight_decay=0.01",
    "train.keep_every=1",
    "train.keep_last=1",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


def recipe_with(data, *changes):
    config = two_epochs(data)
    override(config, changes)
    return config


def train(config, output, contexts=ONE):
    trainer = build_trainer(config, contexts, output)
    trainer.fit()
    return trainer


@pytest.mark.parametrize("contexts", [ONE, TWO], ids=["one device", "two devices"])
def test_all_of_it_resumes_exactly(data, tmp_path, contexts):
    config = recipe_with(data, *ALL)
    train(config, tmp_path / "whole", contexts)
    stop_at(build_trainer(config, contexts, tmp_path / "cut"), 6)
    go_on(tmp_path / "cut" / "last.npz", contexts)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    for name in ("average.npz", "epoch-002.npz"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (tmp_path / "whole" / "epoch-001.npz").exists()


@pytest.mark.parametrize("name", list_optimizers())
def test_every_optimizer_resumes_exactly(data, tmp_path, name):
    config = recipe_with(data, f"optimizer.name={name!r}", "optimizer.lr=1e-6", "optimizer.weight_decay=0.001")
    train(config, tmp_path / "whole")
    stop_at(build_trainer(config, ONE, tmp_path / "cut"), 6)
    go_on(tmp_path / "cut" / "last.npz")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_the_average_is_that_of_the_weights(data, tmp_path):
    trainer = build_trainer(recipe_with(data, "train.average=0.5"), ONE, tmp_path / "run")
    place = "trunk.0.weight"
    parameter = trainer.net._collect_params_with_prefix()[place]
    expected = parameter.data().asnumpy().astype(float)
    step = trainer.step
    updates = 0

    def watched(batch):
        nonlocal expected, updates
        losses = step(batch)
        updates += 1
        keep = min(0.5, (1 + updates) / (10 + updates))
        expected = keep * expected + (1 - keep) * parameter.data().asnumpy()
        return losses

    trainer.step = watched
    trainer.fit()
    averaged = read_checkpoint(tmp_path / "run" / "average.npz").params[place]
    np.testing.assert_allclose(averaged, expected, rtol=1e-5, atol=1e-7)
    assert np.abs(averaged - read_checkpoint(tmp_path / "run" / "last.npz").params[place]).max() > 1e-6
    load_network(tmp_path / "run" / "average.npz")


def test_without_an_average_none_is_written(data, tmp_path):
    train(recipe_with(data), tmp_path / "run")
    assert not (tmp_path / "run" / "average.npz").exists()
    assert not [name for name in read_checkpoint(tmp_path / "run" / "last.npz").arrays if name.startswith("average/")]


def test_a_batch_in_parts_gives_the_gradient_of_the_whole(data, tmp_path):
    recipes = [recipe_with(data, "train.freeze_bn=True", f"train.accumulate={parts}") for parts in (1, 2)]
    trainers = [build_trainer(config, ONE, tmp_path / str(config.train.accumulate)) for config in recipes]
    batch = next(trainers[0].train.epoch(0, 0))
    losses = [trainer.step(batch) for trainer in trainers]
    np.testing.assert_allclose(losses[0][0].asnumpy(), losses[1][0].asnumpy(), rtol=1e-4)
    whole, parts = (trainer.net._collect_params_with_prefix() for trainer in trainers)
    for place, parameter in whole.items():
        np.testing.assert_allclose(
            parameter.data().asnumpy(), parts[place].data().asnumpy(), rtol=1e-3, atol=1e-6, err_msg=place
        )


def test_a_gradient_is_held_to_its_length():
    net = mx.gluon.nn.Dense(3, in_units=4)
    net.initialize()
    trainer = mx.gluon.Trainer(net.collect_params(), "sgd")
    rng = np.random.default_rng(0)
    for longest, shorter in ((1.0, True), (100.0, False)):
        for parameter in net.collect_params().values():
            parameter.grad()[:] = mx.nd.array(rng.normal(size=parameter.shape))
        before = np.concatenate([parameter.grad().asnumpy().ravel() for parameter in net.collect_params().values()])
        clip(trainer, longest, batch_size=2)
        after = np.concatenate([parameter.grad().asnumpy().ravel() for parameter in net.collect_params().values()])
        if shorter:
            assert np.linalg.norm(after) / 2 == pytest.approx(longest, rel=1e-5)
            np.testing.assert_allclose(after / np.linalg.norm(after), before / np.linalg.norm(before), rtol=1e-5)
        else:
            np.testing.assert_array_equal(after, before)


def test_adam_with_decoupled_decay_shrinks_apart_from_the_gradient():
    weight = mx.nd.array([1.0, -2.0])
    options = two_epochs("nowhere").optimizer
    options.update(name="adamw", lr=0.1, weight_decay=0.5, options={})
    decayed = create_optimizer(options)
    options.update(weight_decay=0.0)
    plain = create_optimizer(options)
    other = weight * (1 - 0.1 * 0.5)
    for optimizer, values in ((decayed, weight), (plain, other)):
        optimizer.update(0, values, mx.nd.array([0.3, 0.7]), optimizer.create_state(0, values))
    np.testing.assert_allclose(weight.asnumpy(), other.asnumpy(), rtol=1e-6)


def test_nesterov_is_that_of_mxnet():
    # Without decay, for which MXNet's reads a weight before or after it has written it.
    settings = {"learning_rate": 0.1, "momentum": 0.9, "clip_gradient": 1.0, "rescale_grad": 0.5}
    gradients = 3 * np.random.default_rng(0).normal(size=(4, 7))
    results = []
    for optimizer in (mx.optimizer.NAG(**settings), Nesterov(**settings)):
        weight = mx.nd.ones(7)
        state = optimizer.create_state(0, weight)
        for gradient in gradients:
            optimizer.update_multi_precision(0, weight, mx.nd.array(gradient), state)
        results.append(weight.asnumpy())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (("optimizer.name='nadam'",), "cannot go on from a checkpoint"),
        (("optimizer.name='sgld'",), "draws other noise on every device"),
        (("optimizer.name='sdg'",), "expected one of adadelta, .*adamw"),
        (("optimizer.name='adam'", "optimizer.options={'beta': 1.0}"), "adam has no 'beta', it has beta1, beta2"),
    ],
)
def test_optimizers_are_checked_before_anything_is_built(data, tmp_path, changes, told):
    with pytest.raises(ConfigError, match=told):
        build_trainer(recipe_with(data, *changes), ONE, tmp_path / "run")


def test_patience_ends_a_run_and_it_stays_ended(data, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    config = recipe_with(data, "train.patience=2", "train.epochs=9", "optimizer.lr=0.0", "train.freeze_bn=True")
    trainer = train(config, tmp_path / "run")
    assert (trainer.progress.epoch, trainer.progress.stale) == (3, 2)
    assert "no better validation in 2 epochs" in caplog.text
    assert go_on(tmp_path / "run" / "last.npz").progress.epoch == 3
    ended, checkpoint = choose_recipe(None, "", None, tmp_path / "run" / "last.npz", [])
    assert run_recipe(ended, ONE, None, checkpoint) is None
    assert "finished, 2 epochs were no better; --set train.patience=N" in caplog.text
    assert go_on(tmp_path / "run" / "last.npz", changes=["train.patience=3"]).progress.epoch == 4


def test_the_newest_whole_checkpoint_is_found(data, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    folder = tmp_path / "run"
    assert find_checkpoint(folder) is None
    train(recipe_with(data), folder)
    assert find_checkpoint(folder).path == folder / "last.npz"
    content = (folder / "last.npz").read_bytes()
    (folder / "last.npz").write_bytes(content[: len(content) // 2])
    found = find_checkpoint(folder)
    assert found.path == folder / FORMER and "the one before is tried" in caplog.text
    config, checkpoint = choose_recipe(None, "", None, found, [])
    build_trainer(config, ONE, folder, checkpoint).fit()
    assert find_checkpoint(folder).path == folder / "last.npz"


def test_only_the_newest_epochs_are_kept(tmp_path):
    for epoch in (1, 5, 10, 900, 1000):
        (tmp_path / f"epoch-{epoch:03d}.npz").touch()
    drop_older(tmp_path, 0)
    assert len(list(tmp_path.iterdir())) == 5
    drop_older(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-1000.npz", "epoch-900.npz"]


def test_schedules():
    polynomial = Schedule(lr=2.0, total=100, kind="polynomial", power=2.0)
    assert [polynomial(k) for k in (0, 50, 100, 200)] == pytest.approx([2.0, 0.5, 0.0, 0.0])
    cycle = Schedule(lr=1.0, total=100, kind="one_cycle")
    assert [cycle(k) for k in (0, 15, 30, 65, 100)] == pytest.approx([0.04, 0.52, 1.0, 0.500002, 4e-6], rel=1e-5)
    rates = [cycle(k) for k in range(101)]
    assert rates.index(max(rates)) == 30 and all(math.isfinite(rate) for rate in rates)


@pytest.mark.parametrize("script", ["train_gluon_cpm", "train_pose_resnet"])
def test_a_run_is_scored_as_it_learns(data, tmp_path, script):
    """The figure chooses the best network, and a run that was stopped comes to the same."""
    config = recipe_with(data) if script == "train_gluon_cpm" else top_down_recipe(data)
    override(config, ["train.score_every=2", "train.score_limit=3", "train.epochs=5", "train.average=0.5"])
    trainer = build_trainer(config, ONE, tmp_path / "whole", scorer=scorer_of(config))
    trainer.fit()
    rows = [row.split(",") for row in (tmp_path / "whole" / "losses.csv").read_text().splitlines()]
    scores = {int(row[0]): float(row[3]) for row in rows if row[1:3] == ["score", "AP"]}
    steps = trainer.progress.iteration // 5
    assert list(scores) == [2 * steps, 4 * steps]
    assert trainer.progress.best == pytest.approx(1 - max(scores.values()))
    assert read_checkpoint(tmp_path / "whole" / "best.npz").meta["progress"]["epoch"] in (2, 4)
    stop_at(build_trainer(config, ONE, tmp_path / "cut", scorer=scorer_of(config)), 3 * steps + 1)
    resumed, checkpoint = choose_recipe(None, "", None, tmp_path / "cut" / "last.npz", [], TASKS[config.task])
    build_trainer(resumed, ONE, tmp_path / "cut", checkpoint, scorer_of(resumed)).fit()
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def top_down_recipe(data):
    return recipe(
        "boxes",
        "top_down",
        model={"name": "pose_small"},
        data={"root": str(data)},
        augment={"size": (64, 48)},
        train={"batch_size": 4, "num_workers": 0},
    )


def test_patience_waits_for_a_score(data, tmp_path):
    config = recipe_with(data, "train.score_every=3", "train.patience=2")
    with pytest.raises(ConfigError, match=r"train\.patience=2: ends a run before train\.score_every=3 scores it"):
        build_trainer(config, ONE, tmp_path / "run")


def test_what_is_best_keeps_its_meaning(data, tmp_path):
    train(recipe_with(data), tmp_path / "run")
    with pytest.raises(ConfigError, match=r"train\.score_every: what is best cannot change"):
        choose_recipe(None, "", None, tmp_path / "run" / "last.npz", ["train.score_every=1", "train.epochs=3"])


def test_a_run_goes_on_by_itself(data, run_script, tmp_path):
    output = tmp_path / "run"
    train = ("train_gluon_cpm.py", *TINY, f"--dataset-root={data}", f"--output={output}", "--resume=auto")
    assert run_script(*train).returncode == 0
    again = run_script(*train)
    assert again.returncode == 0 and "finished, all 1 epochs are trained" in again.stderr
    more = run_script(*train, "--epochs=2")
    assert more.returncode == 0 and f"goes on from {output / 'last.npz'}" in more.stderr
    assert read_checkpoint(output / "last.npz").meta["progress"]["epoch"] == 2


def test_a_batch_whose_loss_is_no_number_is_written_down(data, tmp_path, caplog):
    trainer = build_trainer(recipe_with(data), ONE, tmp_path / "run")
    step = trainer.step
    seen = []

    def spoilt(batch):
        seen.append(batch.image.copy())
        losses = step(batch)
        return [each * float("nan") for each in losses] if len(seen) == 3 else losses

    trainer.step = spoilt
    with pytest.raises(CpmError, match="no longer a finite number in iteration 3"):
        trainer.fit()
    with np.load(tmp_path / "run" / "broken-batch.npz") as content:
        np.testing.assert_array_equal(content["image"], seen[2])
        assert {"mask", "maps.pafs", "maps.heatmaps"} <= set(content)
        paths = content["paths"].tolist()
    assert len(paths) == len(seen[2]) and all(path in caplog.text for path in paths)
