"""Runs that go on: from what, in which folder, and by what recipe."""

import logging
import shutil
import struct

import mxnet as mx
import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from cpm.errors import ConfigError
from cpm.models import load_network, read_checkpoint, save_network
from cpm.models.files.parameters import network_parameters
from cpm.training import build_trainer, check_output, choose_recipe

from .conftest import person, write_coco_to
from .helpers.resuming import ONE, TWO, contents, go_on, rewrite, stop_at, stopped_run, two_epochs, write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture
def config(data):
    return two_epochs(data)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """Return the folder of a run that has ended."""
    output = tmp_path_factory.mktemp("finished") / "run"
    build_trainer(two_epochs(data), ONE, output).fit()
    return output


@pytest.fixture(scope="module")
def stopped(data, tmp_path_factory):
    return stopped_run(data, tmp_path_factory.mktemp("stopped") / "run")


def test_every_device_keeps_its_own_statistics(config, tmp_path):
    stop_at(build_trainer(config, TWO, tmp_path / "run"), 6)
    held = read_checkpoint(tmp_path / "run" / "last.npz")
    first, second = (held.arrays[f"device{number}/trunk.1.running_mean"] for number in (0, 1))
    assert (first != second).any()
    np.testing.assert_allclose(held.params["trunk.1.running_mean"], (first + second) / 2, rtol=1e-6)
    resumed, checkpoint = choose_recipe(None, "", None, tmp_path / "run" / "last.npz", [])
    trainer = build_trainer(resumed, TWO, tmp_path / "run", checkpoint)
    for value, saved in zip(network_parameters(trainer.net)["trunk.1.running_mean"].list_data(), (first, second)):
        np.testing.assert_array_equal(value.asnumpy(), saved)
    # Networks for use, and runs on one device, hold no more than before.
    with np.load(tmp_path / "run" / "best.npz") as content:
        assert not any(name.startswith("device") for name in content)


def test_another_number_of_devices_takes_the_mean_and_says_so(config, tmp_path, caplog):
    stop_at(build_trainer(config, TWO, tmp_path / "run"), 6)
    last = tmp_path / "run" / "last.npz"
    resumed, checkpoint = choose_recipe(None, "", None, last, [])
    trainer = build_trainer(resumed, ONE, tmp_path / "run", checkpoint)
    (value,) = network_parameters(trainer.net)["trunk.1.running_mean"].list_data()
    np.testing.assert_array_equal(value.asnumpy(), checkpoint.params["trunk.1.running_mean"])
    trainer.fit()
    assert any("devices: 2 -> 1" in record.getMessage() for record in caplog.records)
    assert not [name for name in read_checkpoint(last).arrays if name.startswith("device")]


def test_going_on_in_another_folder(stopped, tmp_path):
    before = contents(stopped)
    trainer = go_on(stopped / "last.npz", output=tmp_path / "other")
    assert trainer.progress.epoch == 2
    assert contents(stopped) == before
    shutil.copytree(stopped, tmp_path / "same")
    go_on(tmp_path / "same" / "last.npz")
    assert contents(tmp_path / "other") == contents(tmp_path / "same")


def test_the_best_network_goes_along_only_if_it_is_that(stopped, tmp_path, caplog):
    folder = tmp_path / "source"
    shutil.copytree(stopped, folder)

    def other(meta):
        meta["progress"]["best"] /= 2

    rewrite(stopped / "best.npz", folder / "best.npz", other)
    resumed, checkpoint = choose_recipe(None, "", None, folder / "last.npz", [])
    trainer = build_trainer(resumed, ONE, tmp_path / "other", checkpoint)
    stop_at(trainer, 7)
    assert not (tmp_path / "other" / "best.npz").exists()
    assert any("is not the best network so far" in record.getMessage() for record in caplog.records)


def test_a_folder_with_checkpoints_is_not_taken_over(stopped, finished, tmp_path):
    last = finished / "last.npz"
    for resume in (None, stopped / "last.npz", finished / "kept.npz"):
        with pytest.raises(ConfigError, match=f"holds a run already .*--resume={last}, choose another --output"):
            check_output(finished, resume, overwrite=False)
        check_output(finished, resume, overwrite=True)
    check_output(finished, finished / ".." / "run" / "last.npz", overwrite=False)
    for name in ("best.npz", "epoch-005.npz"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_bytes(b"")
        with pytest.raises(ConfigError) as caught:
            check_output(tmp_path / name, None, overwrite=False)
        assert name in str(caught.value) and "--resume" not in str(caught.value)


def test_overwriting_with_a_run_that_goes_on_leaves_nothing_of_the_other(stopped, finished, tmp_path):
    shutil.copytree(finished, tmp_path / "other")
    (tmp_path / "other" / "epoch-009.npz").write_bytes(b"of the other")
    (tmp_path / "other" / "mine.txt").write_text("not of a run")
    go_on(stopped / "last.npz", output=tmp_path / "other")
    assert not (tmp_path / "other" / "epoch-009.npz").exists()
    assert (tmp_path / "other" / "mine.txt").exists()
    shutil.copytree(stopped, tmp_path / "same")
    go_on(tmp_path / "same" / "last.npz")
    assert contents(tmp_path / "other") == contents(tmp_path / "same")


def test_the_folder_of_a_run_without_a_checkpoint_is_taken_over(config, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "losses.csv").write_text("1,train,loss,5.0\n")
    (run / "train.log").write_text("died")
    check_output(run, None, overwrite=False)
    config.train.epochs = 1
    build_trainer(config, ONE, run).fit()
    assert "5.0" not in (run / "losses.csv").read_text().split()[0]


def test_the_table_goes_on_without_rows_of_what_was_lost(stopped, tmp_path):
    for name in ("clean", "dirty"):
        shutil.copytree(stopped, tmp_path / name)
    with open(tmp_path / "dirty" / "losses.csv", "ab") as file:
        file.write(b"6,val,loss,1.0\r\n7,train,loss,1.0\r\n1\0,train,loss,x\r\n,,,\r\n" + b"9" * 5000)
        file.write(b",train,loss,1\r\n2,train,loss,nan\r\n\xff\xfe\r\n8,train,lo")
    for name in ("clean", "dirty"):
        go_on(tmp_path / name / "last.npz")
    assert contents(tmp_path / "clean") == contents(tmp_path / "dirty")
    rows = (tmp_path / "dirty" / "losses.csv").read_text().split()
    assert len(set(rows)) == len(rows)


def points(folder) -> list:
    """Return the (name, iteration) that TensorBoard shows: a new start forgets what came after it."""
    found = []
    for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]
            if event.HasField("session_log"):
                found = [point for point in found if point[1] < event.step]
            found += [(value.tag, event.step) for value in event.summary.value]
    return found


def test_tensorboard_has_every_point_once(config, tmp_path):
    trainer = build_trainer(config, ONE, tmp_path / "run")
    save = trainer.save

    def killed(name, resumable=True):
        """Stop where all of the validation is recorded but for the checkpoint after it."""
        if name == "best.npz":
            raise KeyboardInterrupt
        save(name, resumable)

    trainer.save = killed
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    go_on(tmp_path / "run" / "last.npz")
    found = points(tmp_path / "run" / "tensorboard")
    for name, iterations in (("train/loss", [3, 4, 6, 8]), ("val/loss", [4, 8]), ("validation", [4, 8])):
        assert [step for tag, step in found if tag == name] == iterations


def test_a_short_run_has_a_curve(config, tmp_path):
    config.train.log_every = 1000
    build_trainer(config, ONE, tmp_path / "run").fit()
    rows = [line.split(",") for line in (tmp_path / "run" / "losses.csv").read_text().split()]
    assert [int(row[0]) for row in rows if row[1:3] == ["train", "loss"]] == [4, 8]


@pytest.mark.slow("goes on in a process of its own")
def test_a_finished_run_says_so(run_script, finished):
    before = contents(finished)
    process = run_script("train_gluon_cpm.py", f"--resume={finished / 'last.npz'}", "--gpus=-1")
    assert process.returncode == 0, process.stderr
    assert process.stdout == ""
    assert process.stderr == f"{finished / 'last.npz'}: finished, all 2 epochs are trained; --epochs=N trains on\n"
    assert contents(finished) == before
    with pytest.raises(ConfigError, match=r"train\.epochs=1: .*last\.npz has done 2 epochs already"):
        choose_recipe(None, "", None, finished / "last.npz", ["train.epochs=1"])


def test_more_epochs_say_what_becomes_of_the_learning_rate(finished, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    shutil.copytree(finished, tmp_path / "run")
    trainer = go_on(tmp_path / "run" / "last.npz", changes=["train.epochs=4", "train.num_workers=1"])
    messages = [record.getMessage() for record in caplog.records]
    assert "changed: train.epochs: 2 -> 4" in messages and "changed: train.num_workers: 0 -> 1" in messages
    rates = [trainer.learner.schedule(iteration) for iteration in (8, 15)]
    text = f"{rates[0]:.3g} in the next, {rates[1]:.3g} at the end"
    assert any("(cosine, 16 iterations in all): 0.000761 in the last" in line and text in line for line in messages)
    assert "changed: train.epochs: 2 -> 4" in (tmp_path / "run" / "train.log").read_text()


def test_nothing_is_said_of_a_run_that_goes_on_as_it_was(stopped, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    shutil.copytree(stopped, tmp_path / "run")
    go_on(tmp_path / "run" / "last.npz")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


REFUSED = {
    "augment.crop": 64,
    "augment.flip": 0.0,
    "labels.sigma": 5.0,
    "people.min_keypoints": 2,
    "train.batch_size": 4,
    "train.max_iterations": 3,
    "train.seed": 8,
}


@pytest.mark.parametrize("key", REFUSED)
def test_what_makes_the_samples_changes_only_between_epochs(stopped, finished, key):
    change = [f"{key}={REFUSED[key]!r}"]
    with pytest.raises(ConfigError, match=rf"is in the middle of epoch 2, .* with {key}: .* -> {REFUSED[key]};"):
        choose_recipe(None, "", None, stopped / "last.npz", change)
    choose_recipe(None, "", None, finished / "last.npz", [*change, "train.epochs=3"])


def test_an_epoch_goes_on_with_the_same_people_wherever_they_are(stopped, finished, data, tmp_path, caplog):
    shutil.copytree(data, tmp_path / "moved")
    shutil.copytree(stopped, tmp_path / "run")
    shutil.copytree(stopped, tmp_path / "same")
    go_on(tmp_path / "run" / "last.npz", changes=[f"data.root={str(tmp_path / 'moved')!r}"])
    go_on(tmp_path / "same" / "last.npz")
    assert read_checkpoint(tmp_path / "run" / "last.npz").params["trunk.0.weight"].tobytes() == (
        read_checkpoint(tmp_path / "same" / "last.npz").params["trunk.0.weight"].tobytes()
    )
    write_coco_to(tmp_path / "moved", [[person(50 + 8 * k, 50, 70)] for k in range(8)], "other")
    change = [f"data.root={str(tmp_path / 'moved')!r}", "data.train=other"]
    with pytest.raises(ConfigError, match=r"is at batch 2 of epoch 2, and the people of the data .* are others"):
        go_on(stopped / "last.npz", changes=change)
    shutil.copytree(finished, tmp_path / "more")
    go_on(tmp_path / "more" / "last.npz", changes=[*change, "train.epochs=3"])
    assert any(record.getMessage() == "changed: the people to train on" for record in caplog.records)


def test_a_checkpoint_of_the_version_before_goes_on(stopped, tmp_path):
    def forget(meta):
        for key in ("meter", "people", "devices", "updates", "loss_scale"):
            del meta[key]

    for name, change in (("old", forget), ("new", None)):
        shutil.copytree(stopped, tmp_path / name)
        go_on(rewrite(stopped / "last.npz", tmp_path / name / "last.npz", change))
    old, new = (read_checkpoint(tmp_path / name / "last.npz") for name in ("old", "new"))
    for place in new.params:
        np.testing.assert_array_equal(old.params[place], new.params[place])


def test_workers_are_bounded(config, tmp_path):
    config.train.num_workers = 100_000
    with pytest.raises(
        ConfigError, match=r"train\.num_workers=100000: expected 0 to \d+, this process may use \d+ cores"
    ):
        build_trainer(config, ONE, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_mean_of_devices_that_agree_is_what_they_have(stopped, tmp_path):
    checkpoint = read_checkpoint(stopped / "last.npz")
    net = load_network(checkpoint, ctx=[mx.cpu(number) for number in range(3)])
    save_network(tmp_path / "net.npz", net)
    again = load_network(tmp_path / "net.npz")
    for place, parameter in network_parameters(again).items():
        if parameter.grad_req != "null":
            np.testing.assert_array_equal(parameter.data().asnumpy(), checkpoint.params[place], err_msg=place)
