"""Networks in int8: close to those in float, equalised without a change, and refused where they cannot be made."""

import json

import mxnet as mx
import numpy as np
import pytest

from cpm import CheckpointError, ConfigError, DataError
from cpm.codecs import PafCodec
from cpm.datasets import CocoKeypoints, list_images, read_image
from cpm.evaluation import accuracy_report, evaluate_coco, select_images, spread_images
from cpm.inference import OnnxNetwork, PoseEstimator, open_network
from cpm.models import export_onnx, get_model, import_weights, quantize_network, save_network
from cpm.models.exporting.equalise import equalise
from cpm.models.exporting.int8 import fold_batch_norm

from .helpers.commands import assert_one_line
from .helpers.networks import lively

runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'cpm-pose[onnx]'")
onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install 'cpm-pose[onnx]'")
pytest.importorskip("onnxruntime.quantization", reason="the quantizer of onnxruntime cannot be imported")

LARGE = pytest.mark.slow("quantises a network in full")


def pictures(count, seed=0, size=(64, 96)):
    """Blurred noise, so that neighbouring pixels are alike as in photographs."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (count, size[0] // 8, size[1] // 8, 3)).astype(np.uint8)
    return [np.kron(each, np.ones((8, 8, 1), np.uint8)) for each in small]


@pytest.mark.parametrize(
    ("name", "options", "least"),
    [
        ("cpm_small", {"channels": 32, "stages": 2}, 0.99),
        ("cpm_small", {"channels": 32, "stages": 2, "offsets": True, "sigmoid": True}, 0.98),
        pytest.param("lightweight_openpose", {}, 0.97, marks=LARGE),
        pytest.param("cpm_vgg19", {"stages": 2}, 0.98, marks=LARGE),
        pytest.param("paf_resnet", {}, 0.95, marks=LARGE),
    ],
)
def test_maps_are_close_to_those_in_float(tmp_path, name, options, least):
    mx.random.seed(3)
    net = get_model(name, **options)
    path = tmp_path / "net.onnx"
    accuracy = quantize_network(net, path, pictures(4), pictures(2, seed=1), "naive", progress=False)
    maps = len(net.skeleton.joints) + 1 + 2 * len(net.skeleton.limbs)
    maps += 2 * len(net.skeleton.joints) if "offsets" in options else 0
    assert len(accuracy.correlation) == maps and list(accuracy.error) == [kind.name for kind in net.kinds[-1]]
    assert np.median(list(accuracy.correlation.values())) > least, accuracy
    network = OnnxNetwork(path)
    assert network.meta["quantization"] == {"calibration": "naive", "images": 4, "weight_bits": 8}
    graph = onnx.load(path).graph
    types = {node.op_type for node in graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= types
    # The last layers stay in float: their weights are those of the network, not levels.
    weights = [net.stages[-1].heatmap[-1].weight, net.stages[-1].paf[-1].weight] if "stages" in options else []
    stored = [onnx.numpy_helper.to_array(each) for each in graph.initializer]
    for weight in weights:
        values = weight.data().asnumpy()
        assert any(
            each.dtype == np.float32 and each.shape == values.shape and (each == values).all() for each in stored
        )
    # The figures of the report are those of the file.
    image = pictures(2, seed=1)[0][None]
    expected, found = net(mx.nd.array(image, dtype="uint8"))[-1], network(image)[0]
    assert list(expected) == list(found)
    for a, b in zip(expected.values(), found.values()):
        assert a.shape == b.shape
        assert np.corrcoef(a.asnumpy().ravel(), b.ravel())[0, 1] > 0.97


@pytest.mark.slow("quantises a network in full and runs it on photographs")
def test_the_real_network_keeps_its_score(test_data, tmp_path):
    net = import_weights(test_data / "lightweight_openpose" / "human-pose-estimation-0001.xml", "lightweight_openpose")
    images, check = spread_images(test_data / "coco_mini" / "train2017", 20, 8, 368, net.multiple)
    path = tmp_path / "int8.onnx"
    accuracy = quantize_network(net, path, images, check, progress=False)
    assert np.median(list(accuracy.correlation.values())) > 0.99 and min(accuracy.correlation.values()) > 0.9
    assert accuracy.error["pafs"] < 0.15 and accuracy.error["heatmaps"] < 0.01
    dataset = CocoKeypoints(test_data / "coco_mini", "val2017")
    chosen = select_images(dataset, "people", None)[:25]
    scores = [
        evaluate_coco(PoseEstimator(each, PafCodec(net.skeleton), (1,), flip=False), dataset, chosen, progress=False)
        for each in (net, OnnxNetwork(path))
    ]
    assert abs(scores[1]["AP"] - scores[0]["AP"]) < 0.03  # 25 pictures; a joint may tip either way


def test_equalised_channels_change_nothing_and_are_equally_wide(tmp_path):
    mx.random.seed(1)
    net = lively(get_model("lightweight_openpose"))
    export_onnx(net, tmp_path / "net.onnx")
    model = fold_batch_norm(tmp_path / "net.onnx", tmp_path / "folded.onnx")
    images = [image[None].astype(np.float32) for image in pictures(2)]
    before = run(model, images[0])
    assert equalise(model, images) > 5
    for a, b in zip(before, run(model, images[0])):
        np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(a).max())
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    depthwise = [node for node in model.graph.node if any(a.name == "group" and a.i > 1 for a in node.attribute)]
    inner = depthwise[1].input[0]
    probe.graph.output.append(onnx.helper.make_empty_tensor_value_info(inner))
    widths = np.max([run(probe, image)[-1].max(axis=(0, 2, 3)) for image in images], axis=0)
    alive = widths[widths > 1e-3 * widths.max()]
    assert alive.max() < 1.001 * np.median(alive)


def test_a_runaway_channel_is_tamed(tmp_path):
    """As in trained MobileNets: one channel a hundred times wider than the others would take all levels of int8."""
    mx.random.seed(1)
    net = get_model("lightweight_openpose")
    blocks = [value for name, value in net.collect_params().items() if name.endswith("gamma")]
    gamma = blocks[8].data().copy()
    gamma[0] = 300
    blocks[8].set_data(gamma)
    accuracy = quantize_network(net, tmp_path / "net.onnx", pictures(4), pictures(2, 1), "naive", progress=False)
    assert np.median(list(accuracy.correlation.values())) > 0.9


def run(model, images):
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"images": images})


def test_both_runtimes_agree(tmp_path):
    pytest.importorskip("openvino", reason="OpenVINO is not installed: pip install 'cpm-pose[openvino]'")
    net = lively(get_model("cpm_small", channels=16, stages=1))
    export_onnx(net, tmp_path / "float.onnx")
    quantize_network(net, tmp_path / "int8.onnx", pictures(4), pictures(1, 1), progress=False)
    images = np.stack(pictures(2, 2))
    for name, tolerance in (("float", 1e-4), ("int8", 0.1)):
        path = tmp_path / f"{name}.onnx"
        both = [OnnxNetwork(path, threads=1, runtime=each) for each in ("onnxruntime", "openvino")]
        assert both[0].meta == both[1].meta and both[0].kinds == both[1].kinds
        for a, b in zip(*(network(images)[0].values() for network in both)):
            np.testing.assert_allclose(a, b, atol=tolerance * np.abs(a).max())
    (tmp_path / "float.onnx").write_bytes(b"no network")
    with pytest.raises(CheckpointError, match="expected an ONNX network"):
        OnnxNetwork(tmp_path / "float.onnx", runtime="openvino")
    with pytest.raises(CheckpointError, match="no such file"):
        OnnxNetwork(tmp_path / "nowhere.onnx", runtime="openvino")


def test_mistakes_are_told(tmp_path):
    net, path = get_model("cpm_small", channels=16, stages=1), tmp_path / "net.onnx"
    good = pictures(1)
    with pytest.raises(ConfigError, match="calibration='minmax', expected one of naive, entropy"):
        quantize_network(net, path, good, good, "minmax")
    with pytest.raises(DataError, match="images: no images"):
        quantize_network(net, path, [], good)
    with pytest.raises(DataError, match=r"check: an image of shape \(64, 95, 3\) .* multiples of 8"):
        quantize_network(net, path, good, [good[0][:, 1:]])
    with pytest.raises(ConfigError, match="stage=7, but cpm_small has 1 stages"):
        quantize_network(net, path, good, good, stage=7)
    with pytest.raises(ConfigError, match=r"ends in \.onnx"):
        quantize_network(net, tmp_path / "net.npz", good, good)
    assert not list(tmp_path.iterdir())


def test_open_network_chooses_the_backend(tmp_path):
    net = get_model("cpm_small", channels=16, stages=1)
    save_network(tmp_path / "net.npz", net)
    export_onnx(net, tmp_path / "net.onnx")
    opened, meta = open_network(tmp_path / "net.npz")
    assert opened.name == meta["model"] == "cpm_small"
    exported, meta = open_network(tmp_path / "net.onnx")
    assert isinstance(exported, OnnxNetwork) and exported.runtime == "onnxruntime" and meta["model"] == "cpm_small"
    for name, backend, message in (
        ("net.onnx", "mxnet", "runs on onnxruntime or openvino, not on mxnet"),
        ("net.npz", "openvino", "cpm export makes one, or cpm quantize"),
        ("net.npz", "tensorrt", "expected one of mxnet, onnxruntime, openvino"),
    ):
        with pytest.raises(ConfigError, match=message):
            open_network(tmp_path / name, backend)
    with pytest.raises(ConfigError, match=r"runs on the CPU, not on gpu\(0\)"):
        open_network(tmp_path / "net.onnx", ctx=mx.gpu(0))


@pytest.mark.slow("quantises, and starts a process for every step and mistake")
def test_quantize_and_evaluate_as_a_user_does(run_script, write_coco, tmp_path):
    from .conftest import person

    root = write_coco([[person(50 + 8 * k, 60, 80)] for k in range(4)], "val2017")
    save_network(tmp_path / "net.npz", get_model("cpm_small", channels=16, stages=1))
    output = tmp_path / "int8.onnx"
    quantize = ("quantize.py", tmp_path / "net.npz", f"--output={output}", "--height=64")
    process = run_script(*quantize, f"--images={root / 'val2017'}", "--count=3", "--check=1")
    assert process.returncode == 0, process.stderr
    assert "correlation of the maps" in process.stdout and "calibrating" in process.stderr
    assert len(json.loads((tmp_path / "int8.json").read_text())["correlation"]) == 57
    evaluate = ("evaluate.py", f"--resume={output}", f"--dataset-root={root}", "--scales=0.3", f"--output={tmp_path}")
    process = run_script(*evaluate)
    assert process.returncode == 0 and "AP50" in process.stdout, process.stderr
    assert_one_line(run_script(*evaluate, "--backend=mxnet"), "runs on onnxruntime or openvino")
    assert_one_line(run_script(*quantize, "--images=nowhere"), "nowhere: no such file or folder")
    assert_one_line(run_script(*quantize, f"--images={root / 'val2017'}"), "4 pictures, expected 20")
    assert_one_line(run_script(*quantize, f"--images={root / 'val2017'}", "--count=0"), "--count: '0'")


def test_pictures_are_spread_over_the_folder(write_coco):
    root = write_coco([[] for _ in range(9)], "val2017")
    images, check = spread_images(root / "val2017", 5, 2, 64, 8)
    assert len(images) == 5 and len(check) == 2
    assert all(image.shape == (64, 88, 3) for image in images + check)
    whole = [read_image(path) for path in list_images(root / "val2017")]
    assert len(whole) == 9
    assert not any(np.array_equal(a, b) for a in images for b in check)


def test_others_take_the_places_of_pictures_that_cannot_be_read(write_coco, caplog):
    folder = write_coco([[] for _ in range(9)], "val2017") / "val2017"
    whole = [path.read_bytes() for path in list_images(folder)]
    (folder / "0.heic").write_bytes(b"\0\0\0\x18ftypheic")
    list_images(folder)[3].write_bytes(whole[2][:200])
    images, check = spread_images(folder, 6, 2, 64, 8)
    assert len(images) == 6 and len(check) == 2
    pictures = [image.tobytes() for image in images + check]
    assert len(set(pictures)) == 8
    assert "2 pictures cannot be read, others take their places" in caplog.text and "a HEIC picture" in caplog.text
    with pytest.raises(DataError, match=r"too many pictures cannot be read, 1 of them: .*HEIC"):
        spread_images(folder, 8, 2, 64, 8)


def test_the_report_names_the_worst(tmp_path):
    net = get_model("cpm_small", channels=16, stages=1)
    accuracy = quantize_network(net, tmp_path / "net.onnx", pictures(2), pictures(1, 1), progress=False)
    worst = min(accuracy.correlation, key=accuracy.correlation.get)
    assert f"least: {worst}" in accuracy_report(accuracy)
