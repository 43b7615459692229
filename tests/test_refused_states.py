"""Checkpoints that no run can go on from are refused in one line."""

import json

import numpy as np
import pytest

from cpm.errors import CheckpointError, ConfigError, CpmError
from cpm.training import choose_recipe

from .helpers.mutations import check_survival, mutate_json
from .helpers.resuming import go_on, rewrite, stopped_run, write_data
from .helpers.scale import repeats


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def stopped(data, tmp_path_factory):
    return stopped_run(data, tmp_path_factory.mktemp("stopped") / "run")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, value) for key in ("epoch", "batch", "iteration") for value in (-1, "x", 0.5, None, True, 2**40)),
        ("epoch", 3),
        ("iteration", 1),
        *(("best", value) for value in (float("nan"), float("inf"), -1.0, "low", None, 10**400)),
        ("more", 1),
    ],
)
def test_progress_that_no_run_has_is_refused(stopped, tmp_path, key, value):
    forged = rewrite(stopped / "last.npz", tmp_path / "last.npz", lambda meta: meta["progress"].update({key: value}))
    with pytest.raises(CheckpointError, match=r"last\.npz: its training state is broken \(") as caught:
        choose_recipe(None, "", None, forged, [])
    assert "\n" not in str(caught.value) and len(str(caught.value)) < len(str(forged)) + 250


def test_a_batch_beyond_the_epoch_is_refused(stopped, tmp_path):
    def change(meta):
        meta["progress"].update(batch=9, iteration=13)
        meta["updates"] = 13

    with pytest.raises(ConfigError, match="is at batch 9 of epoch 2"):
        go_on(rewrite(stopped / "last.npz", tmp_path / "last.npz", change))


@pytest.mark.parametrize("name", ["net/trunk.0.weight", "net/trunk.1.running_var", "trunk.0.weight/1"])
@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_states_that_are_not_finite_are_refused(stopped, tmp_path, name, value):
    with np.load(stopped / "last.npz") as content:
        array = content[name]
    array.flat[0] = value
    forged = rewrite(stopped / "last.npz", tmp_path / "last.npz", arrays={name: array})
    with pytest.raises(CheckpointError, match=r"last\.npz: .*(are not finite|not all numbers are finite)"):
        go_on(forged)
    assert [path.name for path in tmp_path.iterdir()] == ["last.npz"]


@pytest.mark.parametrize(
    "change",
    [
        {"meter": {"sums": [1.0], "samples": 2}},
        {"meter": {"sums": [float("nan")] * 2, "samples": 2}},
        {"meter": {"sums": [1.0, 1.0], "samples": -2}},
        {"meter": 3},
        {"updates": 0},
        {"devices": "two"},
        {"people": -1},
        {"config": "{}"},
        {"config": '{"train": {"epochs": 0}}'},
        {"config": "[" * 100_000},
        {"progress": []},
    ],
    ids=str,
)
def test_other_state_that_no_run_has_is_refused(stopped, tmp_path, change):
    with pytest.raises(CpmError) as caught:
        go_on(rewrite(stopped / "last.npz", tmp_path / "last.npz", lambda meta: meta.update(change)))
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_damaged_descriptions_are_refused_or_read(stopped, tmp_path):
    with np.load(stopped / "last.npz") as content:
        meta = content["meta"].tobytes()
    whole = json.loads(meta)

    def damage(rng):
        content = mutate_json(meta, rng)
        if rng.integers(2):
            recipe = mutate_json(whole["config"].encode(), rng).decode()
            content = json.dumps({**whole, "config": recipe}).encode()
        np.savez(tmp_path / "made.npz", meta=np.frombuffer(content, np.uint8))
        return (tmp_path / "made.npz").read_bytes()

    refused = check_survival(
        lambda path: choose_recipe(None, "", None, path, []), damage, tmp_path / "last.npz", repeats(300, 5000)
    )
    assert refused
