"""Checkpoints: what is saved comes back bit by bit, and nothing else is taken for a checkpoint."""

import io
import json
import zipfile

import mxnet as mx
import numpy as np
import pytest

from cpm.errors import CheckpointError, ConfigError
from cpm.models import (
    get_model,
    load_network,
    load_parameters,
    read_checkpoint,
    save_network,
    skeleton_from_meta,
)
from cpm.models.files.parameters import network_parameters
from cpm.skeletons import COCO_17, MPI_15, OPENPOSE_18, Skeleton

from .helpers.scale import mostly_slow

SWAPPED = Skeleton("SWAPPED", OPENPOSE_18.joints[::-1], OPENPOSE_18.limbs)


def tiny(**options):
    return get_model("cpm_mobilenet", **{"width": 0.125, "stages": 2, **options})


def values(net):
    return {place: value.data().asnumpy() for place, value in network_parameters(net).items()}


def images():
    return mx.nd.array(np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3)), dtype="uint8")


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "net.npz"
    save_network(path, tiny())
    return path


def rewrite(path, **changes):
    """Write the arrays of a checkpoint again, some replaced, those that are None left out."""
    with np.load(path) as content:
        arrays = {**content, **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def encode(meta):
    return np.frombuffer(json.dumps(meta).encode(), np.uint8)


@pytest.mark.parametrize(
    "name", mostly_slow(["cpm_vgg19", "cpm_res50", "cpm_mobilenet"], ["cpm_mobilenet"], "builds a network in full")
)
def test_round_trip_is_exact(name, tmp_path):
    net = get_model(name, stages=1, normalisation="centred", skeleton=MPI_15)
    with mx.autograd.record():  # moves the statistics of batch normalisation from their first values
        net(images())
    save_network(tmp_path / "net.npz", net)
    again = load_network(tmp_path / "net.npz")
    assert (again.name, again.options, again.skeleton) == (name, net.options, MPI_15)
    expected = values(net)
    assert expected.keys() == values(again).keys()
    for place, array in values(again).items():
        np.testing.assert_array_equal(array, expected[place], err_msg=place)
    other = again(images())[-1]
    for kind, maps in net(images())[-1].items():
        np.testing.assert_array_equal(maps.asnumpy(), other[kind].asnumpy())


def test_own_skeleton_extras_and_arrays(tmp_path):
    fins = Skeleton(
        "arrow",
        ("tip", "left_fin", "right_fin"),
        (("tip", "left_fin"), ("tip", "right_fin")),
        (0.1, 0.2, 0.2),
        {"tip": ("left_fin", "right_fin")},
    )
    state = {"trunk.0.weight/0": np.arange(6, dtype=np.float32).reshape(2, 3), "steps": np.array(7)}
    path = tmp_path / "folder" / "net.npz"
    save_network(path, tiny(skeleton=fins), extra={"epoch": 3}, arrays=state)
    checkpoint = read_checkpoint(path)
    assert checkpoint.meta["epoch"] == 3
    assert skeleton_from_meta(checkpoint.meta) == load_network(checkpoint).skeleton == fins
    assert checkpoint.arrays.keys() == state.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(checkpoint.arrays[name], array)
    assert not any(name.startswith("normalise") for name in checkpoint.params)
    with np.load(path, allow_pickle=False) as content:
        np.testing.assert_array_equal(content["net/trunk.0.weight"], checkpoint.params["trunk.0.weight"])


def test_devices_are_averaged(tmp_path):
    net = tiny(ctx=[mx.cpu(0), mx.cpu(1)])
    mean = network_parameters(net)["trunk.1.running_mean"]
    for value, array in enumerate(mean.list_data()):
        array[:] = 2 * value
    save_network(tmp_path / "net.npz", net)
    again = load_network(tmp_path / "net.npz", ctx=[mx.cpu(0), mx.cpu(1)])
    for array in network_parameters(again)["trunk.1.running_mean"].list_data():
        assert (array.asnumpy() == 1).all()


def test_pretrained_takes_a_checkpoint(saved):
    expected = read_checkpoint(saved).params
    for place, array in values(tiny(pretrained=saved)).items():
        np.testing.assert_array_equal(array, expected[place])


def test_names_of_the_format_are_refused(tmp_path):
    for extra, arrays in (({"model": "x"}, None), (None, {"meta": np.zeros(1)}), (None, {"net/x": np.zeros(1)})):
        with pytest.raises(ConfigError, match="cannot hold an additional"):
            save_network(tmp_path / "net.npz", tiny(), extra, arrays)
    assert not list(tmp_path.iterdir())


def test_failed_writing_leaves_the_old_file(saved):
    before = saved.read_bytes()
    with pytest.raises(TypeError):
        save_network(saved, tiny(), extra={"not JSON": object()})
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stages": 1}, r"unexpected \(stages\.1"),
        ({"stages": 3}, r"missing \(stages\.2"),
        (
            {"width": 0.25},
            r"of another shape \(trunk\.0\.weight \(4, 3, 3, 3\) instead of \(8, 3, 3, 3\), .*\.\.\.",
        ),
        ({"skeleton": COCO_17}, "of another shape"),
        ({"skeleton": SWAPPED}, "skeleton is 'OPENPOSE_18', not 'SWAPPED'"),
        ({"normalisation": "centred"}, "normalisation is 'imagenet', not 'centred'"),
    ],
)
def test_parameters_of_another_network(saved, options, message):
    net = tiny(**options)
    before = values(net)
    with pytest.raises(CheckpointError, match=rf"net\.npz: .*{message}"):
        load_parameters(net, read_checkpoint(saved))
    for place, array in values(net).items():
        np.testing.assert_array_equal(array, before[place])


def test_model_overrides_the_name(saved):
    meta = json.loads(np.load(saved)["meta"].tobytes())
    rewrite(saved, meta=encode({**meta, "model": "renamed"}))
    with pytest.raises(CheckpointError, match=r"net\.npz: network 'renamed' is unknown"):
        load_network(saved)
    assert load_network(saved, model="cpm_mobilenet").name == "cpm_mobilenet"
    with pytest.raises(CheckpointError, match=r"holds a renamed that does not fit this cpm_res50: \d+ missing"):
        load_network(saved, model="cpm_res50")
    with pytest.raises(ConfigError, match="'cpm' is unknown"):
        load_network(saved, model="cpm")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2, this version of cpm reads format 1"),
        ({"model": 3}, "no 'model'"),
        ({"skeleton": None}, "no 'skeleton'"),
        ({"skeleton": {"name": "x", "joints": ["a"], "limbs": [["a", "b"]]}}, "joins unknown joints"),
        ({"skeleton": {"name": "x", "joints": 3}}, "skeleton"),
        ({"options": {"stages": 10**9}}, "stages=1000000000, expected"),
        ({"options": {"depth": 3}}, "no option 'depth'"),
        ({"options": {"normalisation": ["imagenet"]}}, "is unknown, expected one of"),
        ({"options": {"ctx": "gpu"}}, "no option 'ctx'"),
        ({"options": {"trunk_file": "/x"}}, "no option 'trunk_file'"),
    ],
)
def test_wrong_description(saved, change, message):
    meta = json.loads(np.load(saved)["meta"].tobytes())
    rewrite(saved, meta=encode({**meta, **change}))
    with pytest.raises(CheckpointError, match=message) as caught:
        load_network(saved)
    assert str(saved) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"meta": None},
        {"meta": np.frombuffer(b"[1, 2", np.uint8)},
        {"meta": np.frombuffer(b"[1, 2]", np.uint8)},
        {"meta": np.array(["{}"])},
        {"net/trunk.0.weight": np.zeros(3)},
    ],
)
def test_wrong_arrays(saved, changes):
    rewrite(saved, **changes)
    with pytest.raises(CheckpointError, match=r"net\.npz"):
        read_checkpoint(saved)


def test_damage_is_found(saved):
    whole = saved.read_bytes()
    rng = np.random.default_rng(0)
    for size in [0, 1, 100, len(whole) // 2, len(whole) - 1, *rng.integers(0, len(whole), 20)]:
        saved.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match=r"net\.npz: .*checkpoint"):
            read_checkpoint(saved)
    start = whole.index(b"trunk.0.weight.npy") + 300
    for place in rng.integers(start, start + 200, 10):
        broken = bytearray(whole)
        broken[place] ^= 1
        saved.write_bytes(broken)
        with pytest.raises(CheckpointError, match="CRC"):
            read_checkpoint(saved)


def test_foreign_files(tmp_path):
    tiny().save_parameters(str(tmp_path / "gluon.params"))
    (tmp_path / "text.npz").write_text("a text")
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    np.savez(tmp_path / "pickle.npz", meta=np.array([{}], object))
    with zipfile.ZipFile(tmp_path / "zip.npz", "w") as archive:
        archive.writestr("meta.npy", "{}")
    for path in [*tmp_path.iterdir(), tmp_path, tmp_path / "missing.npz"]:
        with pytest.raises(CheckpointError) as caught:
            load_network(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)


def test_absurd_sizes_are_refused_before_memory_is_taken(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 60,)})
    with zipfile.ZipFile(tmp_path / "shape.npz", "w") as archive:
        archive.writestr("meta.npy", header.getvalue() + bytes(64))
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("meta.npy", bytes(1 << 24))
    for name, message in (("shape.npz", "in 64 bytes"), ("bomb.npz", "compressed")):
        with pytest.raises(CheckpointError, match=message):
            read_checkpoint(tmp_path / name)
