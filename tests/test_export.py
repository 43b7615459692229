"""Exported networks compute what the network does and tell what they are."""

import importlib
import json
import logging
import os
import sys

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import HybridBlock, nn

from cpm import CheckpointError, ConfigError
from cpm.codecs import JOINT_HEATMAPS
from cpm.inference import OnnxNetwork
from cpm.models import get_model, list_models, save_network
from cpm.models.exporting import comparison
from cpm.models.exporting.comparison import compare, onnx_runner, symbol_runner
from cpm.models.exporting.export import export_onnx, export_symbol, symbol_files
from cpm.models.exporting.onnx_mapping import onnx_mapping
from cpm.models.networks.posenet import PoseNet
from cpm.skeletons import COCO_17, MPI_15, Skeleton, skeleton_from_spec

from .helpers.commands import assert_one_line
from .helpers.networks import assert_close, lively, maps_of, pictures
from .helpers.scale import mostly_slow

# Every network, as small as it gets: options, and stages to export (one of each kind).
NETWORKS = {
    "cpm_small": ({"channels": 16, "stages": 2, "skeleton": MPI_15}, (0, -1)),
    "cpm_mobilenet": ({"width": 0.25, "stages": 2, "normalisation": "centred"}, (-1,)),
    "cpm_mobilenet_v2": ({"stages": 2}, (-1,)),
    "cpm_vgg19": ({"stages": 2, "normalisation": "openpose"}, (-1,)),
    "cpm_vgg19_bn": ({"stages": 2}, (-1,)),
    "cpm_res50": ({"stages": 2}, (-1,)),
    "cpm_res50_fpn": ({"stages": 2, "channels": 16}, (-1,)),
    "lightweight_openpose": ({}, (-1,)),
    "openpose_v2": ({"paf_stages": 2, "heatmap_stages": 1}, (0, -1)),
    "paf_resnet": ({}, (-1,)),
    "pose_resnet": ({"depth": 18}, (-1,)),
    "pose_small": ({"channels": 16}, (-1,)),
}
QUICK = ("cpm_small", "pose_small")


@pytest.fixture(scope="session")
def onnx():
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'cpm-pose[onnx]'")
    return pytest.importorskip("onnx", reason="onnx is not installed: pip install 'cpm-pose[onnx]'")


@pytest.fixture(scope="module")
def net():
    return lively(get_model("cpm_small", channels=16, stages=2))


def test_every_network_is_exported():
    assert set(NETWORKS) == set(list_models())


@pytest.mark.parametrize("name", mostly_slow(NETWORKS, QUICK, "exports a network of many layers"))
def test_every_network_is_the_same_in_onnx(onnx, name, tmp_path):
    options, stages = NETWORKS[name]
    net = lively(get_model(name, **options))
    for stage in stages:
        path = tmp_path / f"{name}{stage}.onnx"
        assert export_onnx(net, path, stage) is not None  # it has been compared on the way
        exported = OnnxNetwork(path, threads=1)
        assert exported.kinds == (net.kinds[stage],)
        for size in ((1, 1, 2), (2, 2, 3)):
            images = pictures(net, *size)
            (found,) = exported(images)
            assert_close(found, maps_of(net, images, stage))


@pytest.mark.parametrize("name", mostly_slow(NETWORKS, QUICK, "exports a network of many layers"))
def test_every_network_is_the_same_as_a_symbol(name, tmp_path):
    options, stages = NETWORKS[name]
    net = lively(get_model(name, **options))
    for stage in stages:
        assert export_symbol(net, tmp_path / name, stage) < 1e-2
        files = (f"{tmp_path / name}-symbol.json", f"{tmp_path / name}-0000.params")
        with pytest.warns(UserWarning, match="Cannot decide type"):  # by MXNet, of every symbol without defaults
            block = mx.gluon.SymbolBlock.imports(files[0], ["images"], files[1])
        for images in (pictures(net), pictures(net, 2, 2, 3).astype(np.float32)):
            maps = block(mx.nd.array(images, dtype=images.dtype))
            found = [each.asnumpy() for each in (maps if isinstance(maps, list) else [maps])]
            expected = maps_of(net, images, stage)
            assert len(found) == len(expected)
            assert_close(dict(zip(expected, found)), expected)


class Operator(HybridBlock):
    """Applies a function to F and its input."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def hybrid_forward(self, F, x):
        return self.function(F, x)


class Toy(PoseNet):
    """Eight channels, signed, and the layers in question."""

    kinds = ((JOINT_HEATMAPS,),)

    def __init__(self, *layers):
        super().__init__(COCO_17)
        with self.name_scope():
            self.body = nn.HybridSequential()
            self.body.add(nn.Conv2D(8, 3, 2, 1), *layers)  # so that no layer makes maps larger than the image

    def hybrid_forward(self, F, images):
        return [[self.body(self.normalise(images))]]


def slices(F, x):
    return F.concat(F.slice_axis(x, axis=1, begin=2, end=5), F.slice_axis(x, axis=1, begin=-3, end=None), dim=1)


def upsample(F, x):
    return F.UpSampling(F.Pooling(x, kernel=(2, 2), stride=(2, 2)), scale=2, sample_type="nearest") + x


OPERATORS = {
    "dilated depthwise convolution": lambda: nn.Conv2D(8, 3, padding=2, dilation=2, groups=8, use_bias=False),
    "strided grouped convolution": lambda: nn.Conv2D(4, 3, 2, 1, groups=2),
    "transposed convolution": lambda: nn.Conv2DTranspose(5, 4, 2, 1),
    "transposed convolution without bias": lambda: nn.Conv2DTranspose(5, 4, 2, 1, use_bias=False),
    "batch norm": lambda: nn.BatchNorm(),
    "batch norm without scale": lambda: nn.BatchNorm(scale=False),
    "max pooling": lambda: nn.MaxPool2D(3, 2, 1),
    "max pooling, rounded up": lambda: nn.MaxPool2D(3, 2, ceil_mode=True),
    "average pooling": lambda: nn.AvgPool2D(3, 2, 1),
    "elu": lambda: nn.ELU(0.7),
    "prelu of one slope": lambda: nn.PReLU(),
    "prelu of a slope per channel": lambda: nn.PReLU(in_channels=8),
    "leaky relu": lambda: nn.LeakyReLU(0.1),
    "relu6": lambda: Operator(lambda F, x: F.clip(x, 0, 6)),
    "slices and concatenation": lambda: Operator(slices),
    "nearest upsampling and sum": lambda: Operator(upsample),
    "dropout": lambda: nn.Dropout(0.5),
    "scalars": lambda: Operator(lambda F, x: 1 - 2 * x),
    "sigmoid": lambda: nn.Activation("sigmoid"),
}


def toy(*layers):
    net = Toy(*layers)
    net.initialize()
    net.hybridize(static_alloc=True)
    _, channels, rows, _ = net(mx.nd.zeros((1, 64, 64, 3)))[0]["heatmaps"].shape
    net.stride = 64 // rows
    net.skeleton = Skeleton("toy", tuple(f"joint_{k}" for k in range(channels)), ())
    return lively(net)


@pytest.mark.parametrize("build", OPERATORS.values(), ids=OPERATORS)
def test_operators_are_the_same(onnx, build, tmp_path):
    net = toy(build())
    export_onnx(net, tmp_path / "toy.onnx")  # compares
    export_symbol(net, tmp_path / "toy")
    images = pictures(net, 3, 1, 5)
    assert_close(OnnxNetwork(tmp_path / "toy.onnx", 1)(images)[0], maps_of(net, images))


def test_onnx_file_is_valid_and_tells_what_it_is(onnx, net, tmp_path):
    export_onnx(net, tmp_path / "net.onnx", extra={"config": {"epochs": 3}, "recipe": "7"})
    model = onnx.load(tmp_path / "net.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [value.name for value in model.graph.input] == ["images"]
    dimensions = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in [*model.graph.input, *model.graph.output]
    }
    assert dimensions == {
        "images": ["batch", "height", "width", 3],
        "pafs": ["batch", 38, "rows", "columns"],
        "heatmaps": ["batch", 19, "rows", "columns"],
    }
    assert {"normalise.mean", "trunk.0.weight"} <= {tensor.name for tensor in model.graph.initializer}
    assert (model.opset_import[0].version, model.ir_version) == (13, 7)
    texts = {entry.key: entry.value for entry in model.metadata_props}
    assert texts["model"] == "cpm_small" and texts["stride"] == texts["multiple"] == "8"
    assert texts["input"] == "RGB 0..255 float32 (batch, height, width, 3)"
    assert json.loads(texts["outputs"]) == ["pafs", "heatmaps"]
    exported = OnnxNetwork(tmp_path / "net.onnx")
    assert (exported.name, exported.skeleton, exported.stride, exported.multiple) == ("cpm_small", net.skeleton, 8, 8)
    assert get_model(exported.name, skeleton=exported.skeleton, **exported.options).options == net.options
    assert exported.meta["config"] == {"epochs": 3} and exported.meta["recipe"] == "7"


def description_of(path):
    (images,) = (node for node in json.loads(path.read_text())["nodes"] if node["name"] == "images")
    return json.loads(images["attrs"]["__cpm__"])


def difference(net, path, stage=-1):
    """Return how far the maps of an exported file are from those of the network."""
    prefix, symbol, _ = str(path).rpartition("-symbol.json")
    run = symbol_runner(*symbol_files(prefix)) if symbol else onnx_runner(path)
    return compare(net, run, path, stage)


def test_symbol_tells_what_it_is(net, tmp_path):
    export_symbol(net, tmp_path / "net", extra={"config": {"epochs": 3}})
    meta = description_of(tmp_path / "net-symbol.json")
    assert (meta["model"], meta["outputs"], meta["config"]) == ("cpm_small", ["pafs", "heatmaps"], {"epochs": 3})
    assert skeleton_from_spec(meta["skeleton"]) == net.skeleton
    symbol = mx.sym.load(str(tmp_path / "net-symbol.json"))
    assert symbol.list_outputs() == ["pafs_output", "heatmaps_output"]
    symbol.save(str(tmp_path / "again-symbol.json"))
    assert description_of(tmp_path / "again-symbol.json") == meta


def test_an_early_stage_is_written_without_the_later_ones(onnx, net, tmp_path):
    for stage in (0, -1):
        export_onnx(net, tmp_path / f"{stage}.onnx", stage)
        export_symbol(net, tmp_path / f"{stage}", stage)
    for end in (".onnx", "-0000.params"):
        assert os.path.getsize(tmp_path / f"0{end}") < 0.8 * os.path.getsize(tmp_path / f"-1{end}")
    with pytest.raises(ConfigError, match="stage=2, but cpm_small has 2 stages"):
        export_onnx(net, tmp_path / "2.onnx", 2)


def test_slices_for_gradients_alone_are_left_out(onnx, net, tmp_path):
    export_onnx(net, tmp_path / "net.onnx")
    operators = [node.op_type for node in onnx.load(tmp_path / "net.onnx").graph.node]
    assert "Concat" in operators and "Slice" not in operators


def test_the_same_network_makes_the_same_files(onnx, net, tmp_path):
    save_network(tmp_path / "net.npz", net)
    for name, each in (("a", net), ("b", get_model("cpm_small", tmp_path / "net.npz", channels=16, stages=2))):
        export_onnx(each, tmp_path / f"{name}.onnx")
        export_symbol(each, tmp_path / name)
    for end in (".onnx", "-symbol.json", "-0000.params"):
        assert (tmp_path / f"a{end}").read_bytes() == (tmp_path / f"b{end}").read_bytes()


def test_the_network_and_the_process_stay_as_they_were(onnx, net, tmp_path, capfd, recwarn):
    images = pictures(net)
    before, root = maps_of(net, images), logging.getLogger()
    state = (list(root.handlers), list(root.filters), root.level, root.disabled, sorted(os.listdir()))
    export_onnx(net, tmp_path / "net.onnx")
    export_symbol(net, tmp_path / "net")
    assert state == (list(root.handlers), list(root.filters), root.level, root.disabled, sorted(os.listdir()))
    assert capfd.readouterr() == ("", "")
    assert not [each for each in recwarn.list if each.category is not DeprecationWarning]
    assert sorted(os.listdir(tmp_path)) == ["net-0000.params", "net-symbol.json", "net.onnx"]
    assert net._active
    for name, maps in maps_of(net, images).items():
        np.testing.assert_array_equal(maps, before[name])
    with mx.autograd.record():
        loss = sum(maps.sum() for maps in net(mx.nd.array(images))[-1].values())
    loss.backward()
    assert any(p.grad().abs().sum().asscalar() > 0 for p in net.collect_params().values() if p.grad_req != "null")


def test_a_wrong_export_is_refused(onnx, net, tmp_path, monkeypatch):
    other = lively(get_model("cpm_small", channels=16, stages=2))
    export_onnx(net, tmp_path / "net.onnx")
    export_symbol(net, tmp_path / "net")
    for name in ("net.onnx", "net-symbol.json"):
        assert difference(net, tmp_path / name) < 1e-2
        with pytest.raises(CheckpointError, match=f"{name}: differs from cpm_small by .* expected up to 0.0001"):
            difference(other, tmp_path / name)
    with pytest.raises(CheckpointError, match="returns maps of shapes"):
        difference(lively(get_model("cpm_small", channels=16, skeleton=MPI_15)), tmp_path / "net.onnx")
    with pytest.raises(CheckpointError, match="no such file"):
        difference(net, tmp_path / "nowhere.onnx")
    with pytest.raises(CheckpointError, match=r"nowhere-symbol\.json: MXNet cannot read it"):
        difference(net, tmp_path / "nowhere-symbol.json")

    old = (tmp_path / "net.onnx").read_bytes()
    wrong = toy(Operator(lambda F, x: F.LRN(x, nsize=5)))  # ONNX divides by another sum
    with pytest.raises(CheckpointError, match="differs from toy"):
        export_onnx(wrong, tmp_path / "net.onnx")
    unknown = toy(Operator(lambda F, x: F.smooth_l1(x)))
    with pytest.raises(CheckpointError, match=r"net\.onnx: MXNet cannot convert toy.* to ONNX \(No conversion"):
        export_onnx(unknown, tmp_path / "net.onnx")
    monkeypatch.setattr(comparison, "TOLERANCE", -1)
    with pytest.raises(CheckpointError, match="differs"):
        export_symbol(net, tmp_path / "other")
    assert (tmp_path / "net.onnx").read_bytes() == old
    assert sorted(os.listdir(tmp_path)) == ["net-0000.params", "net-symbol.json", "net.onnx"]


def test_names_of_the_description_are_taken(net, tmp_path):
    with pytest.raises(ConfigError, match="cannot hold an additional 'stride'"):
        export_symbol(net, tmp_path / "net", extra={"stride": 4})


def test_missing_packages_are_named(net, tmp_path, monkeypatch, caplog):
    original = importlib.import_module

    def without(missing):
        def find(name):
            if name == missing:
                raise ImportError(f"No module named {name!r}")
            return original(name)

        monkeypatch.setattr(importlib, "import_module", find)

    without("onnx")
    with pytest.raises(
        ConfigError, match=r"onnx cannot be imported \(No module named 'onnx'\): pip install 'cpm-pose\["
    ):
        export_onnx(net, tmp_path / "net.onnx")
    assert not os.listdir(tmp_path)
    monkeypatch.undo()
    pytest.importorskip("onnx", reason="onnx is not installed: pip install 'cpm-pose[onnx]'")
    without("onnxruntime")
    assert export_onnx(net, tmp_path / "net.onnx") is None
    assert "net.onnx: not checked against the network, onnxruntime cannot be imported" in caplog.text
    with pytest.raises(ConfigError, match="onnxruntime cannot be imported"):
        OnnxNetwork(tmp_path / "net.onnx")


def test_script(onnx, net, run_script, tmp_path):
    save_network(tmp_path / "net.npz", net, extra={"config": {"epochs": 3}})
    process = run_script("export.py", tmp_path / "net.npz", "--output", tmp_path / "net.onnx", "--stage=1")
    assert process.returncode == 0 and process.stderr == "", process.stderr
    for part in ("net.onnx: cpm_small, stage 1", "input: images, RGB 0..255", "pafs, heatmaps", "largest difference"):
        assert part in process.stdout
    assert OnnxNetwork(tmp_path / "net.onnx").meta["config"] == {"epochs": 3}
    assert difference(net, tmp_path / "net.onnx", 0) < 1e-2
    process = run_script("export.py", tmp_path / "net.npz", "--format=symbol", f"--output={tmp_path / 'net'}")
    assert process.returncode == 0 and "net-0000.params: cpm_small" in process.stdout, process.stderr
    assert difference(net, tmp_path / "net-symbol.json") < 1e-2


@pytest.mark.slow("starts a process for every mistake")
def test_mistakes_of_the_script_are_one_line(net, run_script, tmp_path, monkeypatch):
    save_network(tmp_path / "net.npz", net)

    def export(checkpoint, *arguments):
        process = run_script("export.py", checkpoint, "--output", tmp_path / "out" / "net.onnx", *arguments)
        assert not (tmp_path / "out").exists() and process.stdout == ""
        return process

    assert_one_line(export(tmp_path / "nowhere.npz"), "nowhere.npz: no such file")
    assert_one_line(
        export(tmp_path / "net.npz", "--format=torch"),
        "--format: invalid choice: 'torch' (choose from 'onnx', 'symbol')",
    )
    assert_one_line(export(tmp_path / "net.npz", "--stage=2"), "--stage=2: the network has 2 stages")
    (tmp_path / "hidden" / "onnx").mkdir(parents=True)
    (tmp_path / "hidden" / "onnx" / "__init__.py").write_text("raise ImportError('it is hidden')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hidden"))
    assert_one_line(
        export(tmp_path / "net.npz"), "onnx cannot be imported (it is hidden): pip install 'cpm-pose[onnx]'"
    )


def test_the_converters_find_the_module_that_onnx_dropped(onnx):
    before = "onnx.mapping" in sys.modules, hasattr(onnx, "mapping")
    with onnx_mapping(onnx):
        from onnx import mapping

        for dtype in ("float32", "float16", "float64", "uint8", "int8", "int32", "int64", "bool"):
            number = mapping.NP_TYPE_TO_TENSOR_TYPE[np.dtype(dtype)]
            assert number == onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
            assert mapping.TENSOR_TYPE_TO_NP_TYPE[number] == dtype
    assert ("onnx.mapping" in sys.modules, hasattr(onnx, "mapping")) == before
