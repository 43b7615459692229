"""Services that are told of a run, in the shape of packages that only write down what they are called with."""

import logging
import sys
from types import ModuleType, SimpleNamespace

import pytest

from cpm.errors import ConfigError
from cpm.training import build_trainer

from .helpers.resuming import ONE, contents, go_on, stop_at, two_epochs, write_data

NAMES = ("train/loss", "train/stage1_pafs", "train/stage1_heatmaps", "train/lr")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture
def config(data):
    return two_epochs(data)


@pytest.fixture
def mlflow(monkeypatch):
    """Return a package that has written down what it was told."""
    told = []
    fake = ModuleType("mlflow")
    fake.told = told

    def start_run(run_id=None, run_name=None):
        told.append(("start", run_id, run_name))
        return SimpleNamespace(info=SimpleNamespace(run_id=run_id or "17"))

    fake.start_run = start_run
    fake.log_metric = lambda name, value, step: told.append(("scalar", name, step))
    fake.log_image = lambda image, name: told.append(("image", image.shape[2], name))
    fake.end_run = lambda: told.append(("end",))
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    return fake


@pytest.fixture
def wandb(monkeypatch):
    """Return a package that has written down what it was told."""
    told = []
    fake = ModuleType("wandb")
    fake.told = told
    fake.Image = lambda image: ("image", image.shape[2])

    def init(project, name, id, resume, dir):
        told.append(("start", id, name))
        return SimpleNamespace(
            id=id or "x1",
            log=lambda values, step: told.append(("log", values, step)),
            finish=lambda: told.append(("end",)),
        )

    fake.init = init
    monkeypatch.setitem(sys.modules, "wandb", fake)
    return fake


def test_mlflow_is_told_of_figures_and_pictures_and_goes_on_with_its_run(config, tmp_path, mlflow):
    config.train.log = "mlflow"
    stop_at(build_trainer(config, ONE, tmp_path / "run"), 6)
    assert mlflow.told[0] == ("start", None, "killed") and mlflow.told[-1] == ("end",)
    told = [each for each in mlflow.told if each[0] == "scalar"]
    assert [name for _, name, step in told if step == 3] == list(NAMES)
    assert ("image", 3, "validation-000004.png") in mlflow.told
    mlflow.told.clear()
    go_on(tmp_path / "run" / "last.npz")
    assert mlflow.told[0] == ("start", "17", None)
    assert {step for kind, _, step in mlflow.told[1:-1] if kind == "scalar"} == {8}


def test_wandb_is_told_the_same(config, tmp_path, wandb):
    config.train.log = "wandb"
    stop_at(build_trainer(config, ONE, tmp_path / "run"), 6)
    assert wandb.told[0] == ("start", None, "killed") and wandb.told[-1] == ("end",)
    assert [next(iter(values)) for _, values, step in wandb.told[1:-1] if step == 3] == list(NAMES)
    assert ("log", {"validation": ("image", 3)}, 4) in wandb.told
    wandb.told.clear()
    go_on(tmp_path / "run" / "last.npz")
    assert wandb.told[0] == ("start", "x1", "killed")


def test_a_new_run_in_the_folder_is_a_new_run_of_the_service(config, tmp_path, mlflow):
    config.train.update(log="mlflow", epochs=1)
    for _ in range(2):
        build_trainer(config, ONE, tmp_path / "run").fit()
    assert [each for each in mlflow.told if each[0] == "start"] == [("start", None, "killed")] * 2


@pytest.mark.parametrize("function", ["start_run", "log_metric", "end_run"])
def test_a_service_that_fails_does_not_end_the_run(config, tmp_path, mlflow, caplog, function):
    def fail(*arguments, **options):
        raise ConnectionError("no network")

    build_trainer(config, ONE, tmp_path / "whole").fit()
    setattr(mlflow, function, fail)
    config.train.log = "mlflow"
    caplog.set_level(logging.WARNING)
    build_trainer(config, ONE, tmp_path / "run").fit()
    warnings = [text for text in caplog.messages if text.startswith("mlflow fails and is told no more of this run (")]
    assert len(warnings) == 1 and "no network" in warnings[0]
    assert contents(tmp_path / "run")["losses.csv"] == contents(tmp_path / "whole")["losses.csv"]


def test_a_service_that_is_not_there_is_told_before_anything_is_built(config, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    config.train.log = "wandb"
    config.data.root = "nowhere"
    with pytest.raises(ConfigError, match=r"train\.log='wandb': cannot be imported .*; pip install wandb"):
        build_trainer(config, ONE, tmp_path / "run")
