"""Weights are found in whatever a training wraps them in, and refused by name where several could be meant."""

import argparse
import logging
from collections import OrderedDict, defaultdict

import numpy as np
import pytest

from cpm.errors import CheckpointError
from cpm.models import import_weights
from cpm.models.files.parameters import network_parameters
from cpm.models.importing.torch_file import read_torch

from .helpers.commands import assert_one_line
from .reference.safetensors_writer import safetensors

torch = pytest.importorskip("torch", reason="PyTorch is not installed, it writes the files to be read")

from .reference.torch_networks import PoseResNet, randomise  # noqa: E402  (needs PyTorch)

SMALL = OrderedDict(a=torch.arange(3.0), b=torch.ones(2, 2), steps=torch.tensor(3))
OTHER = OrderedDict(a=torch.arange(3.0) + 1, b=torch.ones(2, 2))


class Options(dict):
    """As the dictionaries of configurations are, whose keys are attributes too."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


def training(**wrapped):
    """Return what a training keeps besides its weights."""
    adam = torch.optim.Adam([torch.nn.Parameter(torch.ones(3))])
    return {
        "epoch": np.int64(3),
        "best": torch.tensor(0.5),
        "score": np.float32(0.25),
        "args": argparse.Namespace(rate=0.1, means=np.ones(3)),
        "config": Options(rate=0.1, model=Options(name="x")),
        "optimizer": {**adam.state_dict(), "state": {"a": {"exp_avg": torch.ones(3)}}},
        "optimizer_states": [adam.state_dict()],
        "lr_scheduler": {"last": torch.ones(1)},
        "callbacks": {"ema": {"decay": 0.9}},
        "rng_state": torch.get_rng_state(),
        **wrapped,
    }


def prefixed(prefix, state=SMALL):
    return OrderedDict((prefix + name, value) for name, value in state.items())


WRAPPED = {
    "bare": SMALL,
    **{
        key: training(**{key: SMALL})
        for key in (
            *(
                "state_dict",
                "model_state_dict",
                "model_state",
                "model",
                "net",
                "network",
                "weights",
                "params",
                "module",
            ),
            *("parameters", "model_weights", "net_state_dict", "modelStateDict", "MODEL", "ema", "state_dict_ema"),
            *("ema_state_dict", "model_ema", "params_ema", "generator"),
        )
    },
    "an unknown key": {"epoch": 3, "pose": SMALL},
    "compiled": prefixed("_orig_mod."),
    "parallel": {"state_dict": prefixed("module.")},
    "compiled in parallel": {"model": prefixed("module._orig_mod.")},
    "parallel in compiled": {"state_dict": {"model": prefixed("_orig_mod.module.")}},
    "sharded": prefixed("_fsdp_wrapped_module."),
    "nested": training(state_dict={"model": {"params": SMALL}}),
    "the same twice": {"state_dict": SMALL, "model": SMALL},
    "filled like a dictionary": Options(epoch=3, state_dict=defaultdict(list, SMALL)),
    "averaged": {"n_averaged": torch.tensor(7), **prefixed("module.")},
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", WRAPPED)
def test_wrapped(name, zipped, tmp_path):
    torch.save(WRAPPED[name], tmp_path / "x", _use_new_zipfile_serialization=zipped)
    found = read_torch(tmp_path / "x")
    assert list(found) == ["a", "b"]
    for key, array in found.items():
        np.testing.assert_array_equal(array, SMALL[key].numpy())


SEVERAL = {
    "averaged too": ({"state_dict": SMALL, "state_dict_ema": OTHER}, "'state_dict' and 'state_dict_ema'"),
    "two networks": ({"model": SMALL, "net": OTHER, "epoch": 3}, "'model' and 'net'"),
    "the best too": ({"state_dict": SMALL, "best_model": OTHER}, "'state_dict' and 'best_model'"),
    "unknown keys": ({"student": SMALL, "critic": OTHER}, "'student' and 'critic'"),
    "nested": ({"state_dict": {"first": SMALL, "second": OTHER}}, "'first' and 'second'"),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_several_sets_of_weights(name, tmp_path):
    content, names = SEVERAL[name]
    torch.save(content, tmp_path / "x")
    with pytest.raises(CheckpointError, match=f"several sets of weights, {names}: say which .* option entry") as caught:
        read_torch(tmp_path / "x")
    assert "\n" not in str(caught.value)
    for chosen, expected in zip(names.replace("'", "").split(" and "), (SMALL, OTHER)):
        np.testing.assert_array_equal(read_torch(tmp_path / "x", chosen)["a"], expected["a"].numpy())
    with pytest.raises(CheckpointError, match="several sets of weights"):
        read_torch(tmp_path / "x", "another")


@pytest.mark.slow("imports in processes of their own")
def test_the_script_names_them_in_one_line(run_script, tmp_path):
    torch.save(SEVERAL["averaged too"][0], tmp_path / "x")
    output = tmp_path / "x.npz"
    arguments = (tmp_path / "x", "--model=cpm_small", f"--output={output}")
    process = run_script("import_weights.py", *arguments)
    assert_one_line(process, "'state_dict' and 'state_dict_ema'", "option entry")
    process = run_script("import_weights.py", *arguments, "--entry=state_dict_ema")
    assert_one_line(process, "no known layout of a cpm_small, its 2 tensors are a, b")
    process = run_script("import_weights.py", *arguments, "--set=source=x")
    assert_one_line(process, "cpm_small has no option 'source'")
    assert not output.exists()


def test_mistakes(tmp_path):
    for content, entry, message in (
        ({"model": torch.nn.Linear(2, 3)}, "", "no state dict in it, found 'model': a pickled torch.nn.modules"),
        (torch.nn.Linear(2, 3), "", r"a pickled torch.nn.modules.*as net\.state_dict\(\) returns it"),
        ({"epoch": 3}, "", "no state dict in it, found 'epoch'"),
        ({"optimizer": {"state": {"a": torch.ones(3)}}}, "", "no state dict in it, found 'optimizer'"),
        ({**prefixed("conv."), "more": OTHER}, "", "no state dict in it, found 'conv.a': a tensor"),
        (SMALL, "ema", "it has no entry 'ema', found 'a': a tensor"),
        ({**SMALL, **prefixed("module.")}, "", "'a' and 'module.a', are the same one"),
    ):
        torch.save(content, tmp_path / "x")
        with pytest.raises(CheckpointError, match=message):
            read_torch(tmp_path / "x", entry)


class TestPartOfALargerNetwork:
    """Of names, only what the layout of the network says can tell where it begins."""

    @pytest.fixture(scope="class")
    def state(self):
        return randomise(PoseResNet(18)).state_dict()

    @pytest.fixture
    def check(self, state, tmp_path):
        def check_imported(content, entry=""):
            path = tmp_path / "net.ckpt"
            torch.save(content, path)
            net = import_weights(path, "pose_resnet", depth=18, entry=entry)
            weight = network_parameters(net)["last.weight"].data().asnumpy()
            np.testing.assert_array_equal(weight, state["final_layer.weight"].numpy())

        return check_imported

    @pytest.mark.parametrize("prefix", ["model.", "net.", "model.module.", "_orig_mod.model.backbone.", "a.b."])
    def test_prefixes(self, prefix, state, check):
        check({"state_dict": prefixed(prefix, state), "pytorch-lightning_version": "2.0"})

    def test_tensors_of_others_are_named(self, state, check, caplog):
        caplog.set_level(logging.INFO)
        check({"state_dict": {**prefixed("model.", state), "loss.weight": torch.ones(17)}})
        assert "1 tensors are not of the network model. and left out: loss.weight" in caplog.text

    def test_several_networks(self, state, check):
        other = {name: value + 1 for name, value in state.items()}
        both = {**prefixed("model.", state), **prefixed("ema.", other)}
        with pytest.raises(CheckpointError, match="holds several networks, 'model' and 'ema': say which one"):
            check(both)
        check(both, "model")
        with pytest.raises(CheckpointError, match="begin with 'loss' are not those of the network"):
            check({**prefixed("model.", state), "loss.weight": torch.ones(17)}, "loss")

    def test_safetensors(self, state, tmp_path):
        arrays = {f"model.{name}": value.numpy() for name, value in state.items()}
        (tmp_path / "x").write_bytes(safetensors(arrays))
        with pytest.raises(CheckpointError, match="begin with 'ema' are not those of the network"):
            import_weights(tmp_path / "x", "pose_resnet", depth=18, entry="ema")
        net = import_weights(tmp_path / "x", "pose_resnet", depth=18)
        weight = network_parameters(net)["last.weight"].data().asnumpy()
        np.testing.assert_array_equal(weight, state["final_layer.weight"].numpy())
