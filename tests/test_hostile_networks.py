"""Damaged checkpoints, exported networks and OpenVINO IR: errors of this package, with bounded memory and time."""

import io
import json
import zipfile
from functools import partial

import mxnet as mx
import numpy as np
import pytest

from cpm.errors import CheckpointError
from cpm.inference import OnnxNetwork, open_network
from cpm.inference.detector import PersonDetector
from cpm.models import get_model, load_network, read_checkpoint, save_network
from cpm.models.exporting.export import export_onnx
from cpm.models.importing.openvino import read_graph
from cpm.models.networks.gluoncv_models import detector_network
from cpm.skeletons import Skeleton

from .helpers.mutations import check_survival, mutate, mutate_json
from .helpers.scale import repeats
from .reference.ir_writer import write_small

ARROW = Skeleton("arrow", ("tip", "left", "right"), (("tip", "left"), ("tip", "right")), (0.1, 0.2, 0.2))
RUNTIMES = ("onnxruntime", "openvino")


@pytest.fixture(scope="module")
def net():
    mx.random.seed(0)
    return get_model("cpm_small", channels=8, stages=1, skeleton=ARROW)


@pytest.fixture(scope="module")
def checkpoint(net, tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "net.npz"
    save_network(path, net, extra={"part": ""}, arrays={"steps": np.arange(5)})
    return path.read_bytes()


def meta_of(checkpoint):
    with np.load(io.BytesIO(checkpoint)) as content:
        return content["meta"].tobytes()


def with_arrays(checkpoint, **changes):
    """Return a checkpoint with some arrays replaced, or left out if they are None."""
    stream = io.BytesIO()
    with np.load(io.BytesIO(checkpoint)) as content:
        arrays = {**content, **changes}
    np.savez(stream, **{name: array for name, array in arrays.items() if array is not None})
    return stream.getvalue()


def with_meta(checkpoint, meta):
    return with_arrays(checkpoint, meta=np.frombuffer(meta, np.uint8))


def test_damaged_checkpoints(checkpoint, tmp_path):
    count = repeats(150, 5000)
    assert check_survival(load_network, partial(mutate, checkpoint), tmp_path / "net.npz", count) > count // 2


def test_damaged_descriptions_of_checkpoints(checkpoint, tmp_path):
    meta = meta_of(checkpoint)
    count = repeats(60, 5000)
    path = tmp_path / "net.npz"
    assert check_survival(load_network, lambda rng: with_meta(checkpoint, mutate_json(meta, rng)), path, count)
    assert check_survival(load_network, lambda rng: with_meta(checkpoint, mutate(meta, rng)), path, count)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"net/features.0.weight": None}, "missing"),
        ({"net/last.bias": np.full(3, np.nan, np.float32)}, r"last\.bias. has values that are not finite"),
        ({"net/last.bias": np.full(3, -np.inf, np.float32)}, r"last\.bias. has values that are not finite"),
        ({"net/last.bias": np.zeros(3)}, r"last\.bias. is float64, expected float32"),
        ({"net/last.bias": np.zeros(3, "U4")}, "an array of shape"),
        ({"net/more": np.zeros(3, np.float32)}, r"unexpected \(more\)"),
    ],
)
def test_wrong_parameters(change, message, checkpoint, tmp_path):
    path = tmp_path / "net.npz"
    path.write_bytes(with_arrays(checkpoint, **change))
    with pytest.raises(CheckpointError, match=rf"net\.npz: .*{message}"):
        load_network(path)


def test_a_description_cannot_claim_more_than_the_file_has(checkpoint, tmp_path):
    """Of 16 stages of 1,024 channels the parameters alone would take 20 GB."""
    meta = json.loads(meta_of(checkpoint))
    meta["options"].update(channels=1024, stages=16)
    huge = with_meta(checkpoint, json.dumps(meta).encode())
    calls = (load_network, open_network, lambda path: get_model("cpm_small", pretrained=path))
    for call in calls:
        with pytest.raises(CheckpointError, match="does not fit this cpm_small"):
            check_survival_of_one(call, huge, tmp_path / "net.npz")


def check_survival_of_one(read, content, path):
    """Read one file within the bounds of `check_survival`, whose refusal is raised again."""
    check_survival(read, lambda _: content, path, 1)
    read(path)


def test_compressed_members_are_not_unpacked(checkpoint, tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("meta.npy", bytes(1 << 28))
    with pytest.raises(CheckpointError, match="its members are compressed"):
        check_survival_of_one(read_checkpoint, stream.getvalue(), tmp_path / "net.npz")


@pytest.fixture(scope="module")
def exported(net, tmp_path_factory):
    pytest.importorskip("onnx")
    path = tmp_path_factory.mktemp("exported") / "net.onnx"
    export_onnx(net, path)
    return path.read_bytes()


def run_exported(path, runtime):
    """Open an exported network and run it, as a damaged one may open and not run."""
    net, _ = open_network(path, runtime)
    net(np.zeros((1, 64, 72, 3), np.uint8))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_damaged_exported_networks(runtime, exported, tmp_path, capfd):
    pytest.importorskip(runtime)
    run = partial(run_exported, runtime=runtime)
    count = repeats(100, 5000)
    assert check_survival(run, partial(mutate, exported), tmp_path / "net.onnx", count) > count // 3
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_damaged_descriptions_of_exported_networks(runtime, exported, tmp_path):
    pytest.importorskip(runtime)
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(exported)
    texts = {entry.key: entry.value for entry in model.metadata_props}

    def damage(rng):
        key = list(texts)[rng.integers(len(texts))]
        kind = rng.integers(4)
        if kind == 0:
            changed = {name: text for name, text in texts.items() if name != key}
        elif kind == 1:
            changed = {**texts, key: mutate(texts[key].encode(), rng).decode("utf-8", "replace")}
        else:
            tree = json.dumps({name: read_text(text) for name, text in texts.items()}).encode()
            changed = {name: str_of(value) for name, value in json.loads(mutate_json(tree, rng)).items()}
        del model.metadata_props[:]
        onnx.helper.set_model_props(model, changed)
        return model.SerializeToString()

    run = partial(run_exported, runtime=runtime)
    assert check_survival(run, damage, tmp_path / "net.onnx", repeats(80, 5000))


def read_text(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def str_of(value):
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("stride", "1e300"),
        ("stride", "true"),
        ("stride", "4"),
        ("multiple", "1" + "0" * 30),
        ("multiple", "-8"),
        ("options", "[]"),
        ("skeleton", '"COCO_17"'),
        ("skeleton", "[[]]"),
        ("outputs", '["pafs", ["heatmaps"]]'),
        ("outputs", "7"),
        ("model", ""),
    ],
)
def test_wrong_descriptions_of_exported_networks(key, text, exported, tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(exported)
    for entry in model.metadata_props:
        if entry.key == key:
            entry.value = text
    onnx.save(model, tmp_path / "net.onnx")
    for runtime in RUNTIMES:
        with pytest.raises(CheckpointError, match=r"net\.onnx: ") as caught:
            OnnxNetwork(tmp_path / "net.onnx", runtime=runtime)(np.zeros((1, 64, 64, 3), np.uint8))
        assert str(caught.value).isprintable()


def test_maps_that_are_not_finite_are_refused(exported, tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(exported)
    for tensor in model.graph.initializer:
        if tensor.name.endswith("bias"):
            values = np.full(tensor.dims, np.nan, np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(CheckpointError, match="that are not finite, it is damaged"):
        OnnxNetwork(tmp_path / "net.onnx")(np.zeros((1, 64, 64, 3), np.uint8))


def test_damaged_graphs(tmp_path):
    path = tmp_path / "net.xml"
    write_small(path)
    text = path.read_bytes()
    count = repeats(300, 5000)
    assert check_survival(read_graph, partial(mutate, text), path, count) > count // 2
    path.write_bytes(text)
    binary = path.with_suffix(".bin")
    content = binary.read_bytes()
    assert check_survival(lambda _: read_graph(path), partial(mutate, content), binary, count)


class TestDetector:
    NAME = "ssd_512_mobilenet1.0_voc"

    def test_same_as_gluon_reads_them(self, tmp_path):
        net = detector_network(self.NAME)
        net.initialize(mx.init.Uniform(0.2))
        images = mx.nd.random.uniform(shape=(1, 3, 128, 128))
        expected = [array.asnumpy() for array in net(images)]
        net.save_parameters(str(tmp_path / "new.params"))
        net.collect_params().save(str(tmp_path / "old.params"), strip_prefix=net.prefix)
        for name in ("new.params", "old.params"):
            other = PersonDetector(self.NAME, tmp_path / name)._net
            for array, wanted in zip(other(images), expected):
                np.testing.assert_array_equal(array.asnumpy(), wanted)

    def test_shapes_that_do_not_fit_together(self, tmp_path):
        net = detector_network(self.NAME)
        net.initialize()
        net(mx.nd.zeros((1, 3, 128, 128)))
        arrays = {name: value.data() for name, value in net._collect_params_with_prefix().items()}
        name, array = next((name, array) for name, array in arrays.items() if array.ndim == 4)
        mx.nd.save(str(tmp_path / "x.params"), {**arrays, name: mx.nd.ones((array.shape[0], 5, *array.shape[2:]))})
        with pytest.raises(CheckpointError, match=r"x\.params: (cannot be run|not the parameters of)"):
            PersonDetector(self.NAME, tmp_path / "x.params", short=128)(np.zeros((90, 130, 3), np.uint8))

    def test_a_count_beyond_all_memory(self, tmp_path):
        """MXNet's own reader would take 16 GB for this."""
        path = tmp_path / "x.params"
        path.write_bytes(np.array([0x112, 0, 1 << 30], "<u8").tobytes() + bytes(170))
        with pytest.raises(CheckpointError, match=r"x\.params: not an MXNet .*1073741824 tensors"):
            PersonDetector(self.NAME, path)

    def test_others(self, tmp_path):
        path = tmp_path / "x.params"
        mx.nd.save(str(path), {"features.0.weight": mx.nd.ones((2, 2)), "b": mx.nd.ones(3)})
        with pytest.raises(CheckpointError, match=rf"x\.params: not the parameters of {self.NAME}: .* and \d+ more"):
            PersonDetector(self.NAME, path)
        path.write_bytes(b"\n")
        with pytest.raises(CheckpointError, match=r"x\.params: too short .1 B., expected an MXNet parameter file$"):
            PersonDetector(self.NAME, path)


def test_a_sound_checkpoint(checkpoint, tmp_path):
    (tmp_path / "net").write_bytes(checkpoint)
    assert load_network(tmp_path / "net").skeleton == ARROW
