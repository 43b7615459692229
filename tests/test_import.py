"""Weights of Caffe, MXNet and OpenVINO: the network computes what the source does, every tensor has its place."""

import re
import tracemalloc

import cv2
import mxnet as mx
import numpy as np
import pytest

from cpm.errors import CheckpointError, ConfigError
from cpm.models import get_model, import_trunk, import_weights, load_network, save_network
from cpm.models.files.parameters import network_parameters
from cpm.models.importing.openvino import read_graph
from cpm.models.networks import gluoncv_models

from .helpers.commands import assert_one_line
from .reference.caffe_networks import vgg_cpm
from .reference.caffe_writer import caffemodel, needs_caffe_reader
from .reference.ir_writer import write_lightweight, write_small
from .reference.lightweight import run_lightweight

IMAGES = np.random.default_rng(5).integers(0, 256, (2, 64, 96, 3), np.uint8)


def maps_of(net, images=IMAGES):
    return [maps.asnumpy() for stage in net(mx.nd.array(images, dtype="uint8")) for maps in stage.values()]


def assert_same(maps, expected, tolerance=1e-4):
    assert len(maps) == len(expected)
    for ours, theirs in zip(maps, expected):
        assert ours.shape == theirs.shape and theirs.std() > 1e-3
        assert np.abs(ours - theirs).max() < tolerance * np.abs(theirs).max()


class TestCaffe:
    @needs_caffe_reader
    @pytest.mark.slow("imports a network in full")
    @pytest.mark.parametrize(
        ("skeleton", "num_heatmaps", "num_pafs", "old"), [("OPENPOSE_18", 19, 38, False), ("MPI_15", 16, 28, True)]
    )
    def test_every_stage_is_that_of_opencv(self, skeleton, num_heatmaps, num_pafs, old, tmp_path):
        blobs, text, outputs = vgg_cpm(num_heatmaps, num_pafs)
        path = tmp_path / "pose.caffemodel"
        path.write_bytes(caffemodel(blobs, old=old))
        prototxt = 'name: "pose"\ninput: "image"\ninput_dim: 2 input_dim: 3 input_dim: 64 input_dim: 96\n' + text
        (tmp_path / "pose.prototxt").write_text(prototxt)
        theirs = cv2.dnn.readNetFromCaffe(str(tmp_path / "pose.prototxt"), str(path))
        blob = (IMAGES[..., ::-1].astype(np.float32) / 256 - 0.5).transpose(0, 3, 1, 2)
        theirs.setInput(np.ascontiguousarray(blob))
        expected = theirs.forward(outputs)
        net = import_weights(path, "cpm_vgg19", skeleton=skeleton)
        assert_same(maps_of(net), expected)
        assert (net.options["normalisation"], len(expected)) == ("openpose", 12)

    @needs_caffe_reader
    def test_a_trunk_starts_a_training(self, tmp_path):
        blobs, text, _ = vgg_cpm(19, 38, stages=1)
        blobs = {name: arrays for name, arrays in blobs.items() if "CPM" not in name}
        rest = {"conv5_1": [np.ones((2, 2, 3, 3), np.float32)], "fc8": [np.ones((3, 4), np.float32)]}
        path = tmp_path / "VGG_ILSVRC_19_layers.caffemodel"
        path.write_bytes(caffemodel({**blobs, **rest}, old=True))
        (tmp_path / "vgg.prototxt").write_text(
            'input: "image"\ninput_dim: 2 input_dim: 3 input_dim: 64 input_dim: 96\n'
            + text.split('layer { name: "conv4_3')[0]
        )
        theirs = cv2.dnn.readNetFromCaffe(str(tmp_path / "vgg.prototxt"), str(path))
        mean = np.array([103.939, 116.779, 123.68], np.float32)
        theirs.setInput(np.ascontiguousarray((IMAGES[..., ::-1] - mean).transpose(0, 3, 1, 2)))
        expected = theirs.forward()
        save_network(tmp_path / "trunk.npz", import_trunk(path), part="trunk.")
        net = get_model("cpm_vgg19", trunk_file=tmp_path / "trunk.npz", stages=2, normalisation="caffe")
        features = net.trunk(net.normalise(mx.nd.array(IMAGES, dtype="uint8")))
        assert_same([features.asnumpy()], [expected])
        with pytest.raises(CheckpointError, match="normalisation is 'caffe', not 'imagenet'"):
            get_model("cpm_vgg19", trunk_file=tmp_path / "trunk.npz", stages=2)
        with pytest.raises(CheckpointError, match=r"holds only trunk\.\*.*model.trunk_file"):
            load_network(tmp_path / "trunk.npz")


def symbol_head(x, stages=6):
    """Build the stages as a symbol whose layers have the published names; returns the maps of all stages."""

    def conv(x, name, channels, kernel, relu=True):
        pad = (kernel // 2,) * 2
        x = mx.sym.Convolution(x, name=name, num_filter=channels, kernel=(kernel, kernel), pad=pad)
        return mx.sym.relu(x) if relu else x

    features = conv(conv(x, "conv4_3_CPM", 256, 3), "conv4_4_CPM", 128, 3)
    outputs, seen = [], features
    for stage in range(1, stages + 1):
        for branch, channels in ((1, 38), (2, 19)):
            x = seen
            shapes = [(128, 3)] * 3 + [(512, 1)] if stage == 1 else [(128, 7)] * 5 + [(128, 1)]
            names = "conv5_{}_CPM_L{}" if stage == 1 else f"Mconv{{}}_stage{stage}_L{{}}"
            for k, (width, kernel) in enumerate(shapes, 1):
                x = conv(x, names.format(k, branch), width, kernel)
            outputs.append(conv(x, names.format(len(shapes) + 1, branch), channels, 1, relu=False))
        seen = mx.sym.concat(*outputs[-2:], features, dim=1)
    return outputs


def fill(block, x):
    """Give every parameter values that keep the maps in range."""
    block.initialize()
    block(x)
    rng = np.random.default_rng(1)
    for name, value in block.collect_params().items():
        shape, kind = value.shape, name.rpartition("_")[2]
        if len(shape) > 1:
            array = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        else:
            array = rng.uniform(0.5, 1.5, shape) if kind in ("gamma", "var") else rng.normal(0, 0.1, shape)
        value.set_data(mx.nd.array(array))


class TestMxnet:
    @pytest.mark.slow("imports a network in full")
    def test_vgg_with_and_without_the_prefixes_of_a_symbol_checkpoint(self, tmp_path):
        x = mx.sym.var("data")
        for block, (layers, channels) in enumerate(((2, 64), (2, 128), (4, 256), (2, 512)), 1):
            if block > 1:
                x = mx.sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max", pooling_convention="full")
            for k in range(1, layers + 1):
                x = mx.sym.Convolution(x, name=f"conv{block}_{k}", num_filter=channels, kernel=(3, 3), pad=(1, 1))
                x = mx.sym.relu(x)
        block = mx.gluon.SymbolBlock(mx.sym.Group(symbol_head(x)), [mx.sym.var("data")])
        planes = mx.nd.array(IMAGES).transpose((0, 3, 1, 2))
        fill(block, planes)
        block.collect_params().save(str(tmp_path / "cpm.params"))
        assert_same(
            maps_of(import_weights(tmp_path / "cpm.params", "cpm_vgg19")),
            [maps.asnumpy() for maps in block(planes / 255 - 0.5)],
        )
        arrays = {f"arg:{name}": value.data() for name, value in block.collect_params().items()}
        mx.nd.save(str(tmp_path / "pose-0000.params"), arrays)
        assert_same(
            maps_of(import_weights(tmp_path / "pose-0000.params", "cpm_vgg19")),
            [maps.asnumpy() for maps in block(planes / 256 - 0.5)],
        )

    @pytest.mark.slow("imports a network in full")
    def test_dilated_resnet(self, tmp_path):
        trunk = gluoncv_models.resnet(50, dilated=True)
        planes = mx.nd.array(IMAGES).transpose((0, 3, 1, 2))
        mean = mx.nd.array([0.485, 0.456, 0.406]).reshape((1, 3, 1, 1))
        deviation = mx.nd.array([0.229, 0.224, 0.225]).reshape((1, 3, 1, 1))
        x = (planes / 255 - mean) / deviation
        fill(trunk, x)
        for part in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"):
            x = getattr(trunk, part)(x)
        head = mx.gluon.SymbolBlock(mx.sym.Group(symbol_head(mx.sym.var("data"))), [mx.sym.var("data")])
        fill(head, x)
        expected = [maps.asnumpy() for maps in head(x)]
        arrays = {"cpmnet0_mean": mean, "cpmnet0_std": deviation}
        arrays.update({name: value.data() for name, value in trunk.collect_params().items()})
        arrays.update({name: value.data() for name, value in head.collect_params().items()})
        mx.nd.save(str(tmp_path / "cpm.params"), arrays)
        net = import_weights(tmp_path / "cpm.params", "cpm_res50")
        assert_same(maps_of(net), expected)


class TestOpenVino:
    @pytest.mark.parametrize("kind", ["f32", "f16", "i8"])
    def test_every_precision(self, kind, tmp_path):
        weights = write_lightweight(tmp_path / "pose.xml", kind)
        net = import_weights(tmp_path / "pose.xml", "lightweight_openpose")
        found = [name for name in network_parameters(net) if name.endswith("weight")]
        assert len(found) == len(weights) == 58
        for number, (place, (weight, _)) in enumerate(zip(found, weights.values())):
            expected = weight[:, ::-1] * np.float32(np.float16(1 / 255) * 256) if number == 0 else weight
            np.testing.assert_allclose(network_parameters(net)[place].data().asnumpy(), expected, rtol=1e-3)
        assert net.options["block"] == "reduced"

    @pytest.mark.slow("imports a network in full")
    def test_the_real_network_computes_what_its_weights_do(self, test_data, tmp_path):
        folder = test_data / "lightweight_openpose"
        net = import_weights(folder / "human-pose-estimation-0001.xml", "lightweight_openpose")
        weights = np.load(folder / "human-pose-estimation-0001_dequantised.npz")
        image = cv2.imread(str(test_data / "photos" / "p3.jpg"))
        height, width = (length // 8 * 8 for length in image.shape[:2])
        expected = run_lightweight(weights, image[:height, :width])
        maps = maps_of(net, image[None, :height, :width, ::-1])
        assert_same(maps, expected, tolerance=1e-3)
        assert expected[3].max() > 0.5  # there are people in it

    def test_a_graph_of_another_network_is_refused(self, tmp_path):
        write_lightweight(tmp_path / "pose.xml")
        with pytest.raises(CheckpointError, match=r"pose\.xml: .*convolutions in place of"):
            import_weights(tmp_path / "pose.xml", "cpm_vgg19")
        text = (tmp_path / "pose.xml").read_text()
        for old, new, message in (
            ('type="Elu"', 'type="ReLU"', "layer23: activation relu in place of elu"),
            ('dilations="2,2"', 'dilations="1,1"', r"dilation \(1, 1\) in place of \(2, 2\)"),
        ):
            (tmp_path / "other.xml").write_text(text.replace(old, new))
            (tmp_path / "other.bin").write_bytes((tmp_path / "pose.bin").read_bytes())
            with pytest.raises(CheckpointError, match=message) as caught:
                import_weights(tmp_path / "other.xml", "lightweight_openpose")
            assert "\n" not in str(caught.value)
        with pytest.raises(CheckpointError, match="not the normalisation 'caffe' of the network"):
            import_weights(tmp_path / "pose.xml", "lightweight_openpose", "caffe-bgr")

    def test_a_thousand_broken_files(self, tmp_path):
        """Damage to the text and to the constants: an error, or the numbers that the file holds now."""
        path = tmp_path / "pose.xml"
        write_small(path)
        text, binary = path.read_bytes(), path.with_suffix(".bin").read_bytes()
        rng, refused, sound = np.random.default_rng(0), 0, 0
        numbers = [found.span() for found in re.finditer(rb"\d+", text)]
        tracemalloc.start()
        for turn in range(1000):
            broken = bytearray(text)
            if turn % 4 == 0:
                broken = broken[: rng.integers(len(broken))]
            elif turn % 4 == 1:
                broken[rng.integers(len(broken))] ^= 1 << rng.integers(8)
            elif turn % 4 == 2:
                begin, end = numbers[rng.integers(len(numbers))]
                broken[begin:end] = rng.choice([b"-1", b"0", b"99999999999999999999", b"4294967296", b"1e9", b""])
            path.write_bytes(broken)
            path.with_suffix(".bin").write_bytes(binary[: rng.integers(len(binary))] if turn % 4 == 3 else binary)
            try:
                convolutions = read_graph(path).convolutions
            except CheckpointError as error:
                refused += str(error).startswith(str(tmp_path)) and "\n" not in str(error)
            else:
                sound += 1
                assert all(np.isfinite(each.weight).all() for each in convolutions)
        assert refused > 500 and refused + sound == 1000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
        tracemalloc.stop()


class TestAccounting:
    @pytest.fixture
    def arrays(self):
        convolutions = {"conv1_1": (3, 64), "conv5_1_CPM_L1": (128, 128)}
        return {
            f"{name}_{kind}": np.zeros((width, inputs, 3, 3) if kind == "weight" else width, np.float32)
            for name, (inputs, width) in convolutions.items()
            for kind in ("weight", "bias")
        }

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({}, r"conv1_2\.weight is missing; conv1_2\.bias is missing; .* and \d+ more"),
            ({"conv1_1_weight": (64, 3, 5, 5)}, r"conv1_1\.weight \(64, 3, 5, 5\) in place of \(64, 3, 3, 3\)"),
        ],
    )
    def test_missing_and_misshapen(self, arrays, changes, message, tmp_path):
        arrays.update({name: np.zeros(shape, np.float32) for name, shape in changes.items()})
        assert re.search(message, self.refusal(arrays, tmp_path))

    def test_left_over(self, tmp_path):
        net = get_model("cpm_vgg19", stages=1)
        blobs, _, _ = vgg_cpm(19, 38, stages=1)
        arrays = {
            f"{name}_{kind}": array for name, both in blobs.items() for kind, array in zip(("weight", "bias"), both)
        }
        assert len(arrays) == len(network_parameters(net))
        assert self.refusal({**arrays, "extra_weight": np.zeros(5)}, tmp_path).endswith(
            "extra.weight (5,) has no place"
        )
        mx.nd.save(str(tmp_path / "x.params"), {name: mx.nd.array(array) for name, array in arrays.items()})
        assert import_weights(tmp_path / "x.params", "cpm_vgg19").options["stages"] == 1

    def refusal(self, arrays, tmp_path):
        path = tmp_path / "x.params"
        mx.nd.save(str(path), {name: mx.nd.array(array) for name, array in arrays.items()})
        with pytest.raises(CheckpointError, match=r"x\.params: not the weights of this cpm_vgg19: ") as caught:
            import_weights(path, "cpm_vgg19")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_other_mistakes(self, arrays, tmp_path):
        path = tmp_path / "x.params"
        mx.nd.save(str(path), {name: mx.nd.array(array) for name, array in arrays.items()})
        for arguments, error, message in (
            (
                (path, "cpm_small"),
                CheckpointError,
                r"no known layout of a cpm_small, its 4 tensors are conv1_1\.weight",
            ),
            ((path, "cpm_vgg"), ConfigError, "'cpm_vgg' is unknown"),
            ((path, "cpm_vgg19", "rgb"), ConfigError, "input 'rgb' is unknown, expected one of openpose-bgr"),
            ((tmp_path / "y.params", "cpm_vgg19"), CheckpointError, "no such file"),
            ((tmp_path / "y.xml", "lightweight_openpose"), CheckpointError, r"y\.xml: no such file"),
        ):
            with pytest.raises(error, match=message):
                import_weights(*arguments)


@pytest.mark.slow("imports and evaluates in processes of their own")
def test_script_and_what_comes_after_it(run_script, tmp_path):
    write_lightweight(tmp_path / "pose.xml")
    output = tmp_path / "pose.npz"
    process = run_script(
        "import_weights.py", tmp_path / "pose.xml", "--model=lightweight_openpose", f"--output={output}"
    )
    assert process.returncode == 0, process.stderr
    assert "lightweight_openpose, OPENPOSE_18, input openpose" in process.stdout
    expected = maps_of(import_weights(tmp_path / "pose.xml", "lightweight_openpose"))
    for net in (load_network(output), get_model("lightweight_openpose", pretrained=output)):
        assert net.options["block"] == "reduced"
        for maps, other in zip(maps_of(net), expected):
            np.testing.assert_array_equal(maps, other)
    process = run_script(
        "import_weights.py", tmp_path / "pose.xml", "--model=cpm_vgg19", f"--output={tmp_path / 'x.npz'}"
    )
    assert_one_line(process, "pose.xml", "not the graph of this cpm_vgg19")
    process = run_script(
        "import_weights.py",
        tmp_path / "pose.xml",
        "--model=lightweight_openpose",
        f"--output={output}",
        "--set=width=2",
    )
    assert_one_line(process, "lightweight_openpose has no option 'width'")
    assert not (tmp_path / "x.npz").exists()
