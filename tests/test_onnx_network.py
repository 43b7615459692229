"""Exported networks in place of the Gluon ones: they find the same people and take nothing else for a network."""

import subprocess
import sys
import textwrap

import mxnet as mx
import numpy as np
import pytest

from cpm import CheckpointError, ConfigError, DataError
from cpm.codecs import PafCodec
from cpm.datasets import read_image
from cpm.inference import OnnxNetwork, PoseEstimator
from cpm.models import get_model, import_weights
from cpm.models.exporting.export import export_onnx
from cpm.skeletons import COCO_17

from .helpers.networks import assert_close, lively, maps_of, pictures

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'cpm-pose[onnx]'")
onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install 'cpm-pose[onnx]'")


@pytest.fixture(scope="module")
def net():
    return lively(get_model("cpm_small", channels=16, stages=2, skeleton=COCO_17))


@pytest.fixture
def path(net, tmp_path):
    export_onnx(net, tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


@pytest.mark.slow("runs a network in full on photographs")
def test_people_in_photos_are_the_same(test_data, tmp_path):
    source = test_data / "lightweight_openpose" / "human-pose-estimation-0001.xml"
    net = import_weights(source, "lightweight_openpose")
    export_onnx(net, tmp_path / "net.onnx")
    exported = OnnxNetwork(tmp_path / "net.onnx")
    for name in ("golf", "p1", "p3", "ski"):
        image = read_image(test_data / "photos" / f"{name}.jpg")
        both = [PoseEstimator(each, PafCodec(net.skeleton), (1,), flip=True) for each in (net, exported)]
        expected, found = (estimator(image) for estimator in both)
        assert len(found) == len(expected) > 0
        for a, b in zip(found, expected):
            np.testing.assert_allclose(a.keypoints, b.keypoints, atol=0.05)


def test_people_are_the_same(tmp_path):
    """A network drawn at random sees joints everywhere, if its maps are stretched to the range of real ones."""
    net = lively(get_model("cpm_small", channels=16, stages=2, skeleton=COCO_17))
    image = np.random.default_rng(0).integers(0, 256, (90, 131, 3), np.uint8)
    padded = np.pad(image, ((0, 6), (0, 5), (0, 0)), constant_values=128)[None]
    drawn = maps_of(net, padded)
    for branch, maps, top in (("paf", drawn["pafs"], 1.0), ("heatmap", drawn["heatmaps"], 0.8)):
        layer = getattr(net.stages[-1], branch)[-1]
        low, high = maps.min(axis=(0, 2, 3)), maps.max(axis=(0, 2, 3))
        gain = mx.nd.array(top / (high - low))
        layer.bias.set_data((layer.bias.data() - mx.nd.array(low)) * gain)
        layer.weight.set_data(layer.weight.data() * gain.reshape((-1, 1, 1, 1)))
    export_onnx(net, tmp_path / "net.onnx")
    codec, exported = PafCodec(COCO_17), OnnxNetwork(tmp_path / "net.onnx", threads=1)
    for scales, flip in (((1,), False), ((0.5, 1), True)):
        expected, found = (PoseEstimator(each, codec, scales, flip, box_size=90)(image) for each in (net, exported))
        assert len(found) == len(expected) > 0
        for a, b in zip(found, expected):
            assert a.score == pytest.approx(b.score, abs=1e-3)
            np.testing.assert_allclose(a.keypoints, b.keypoints, atol=1e-2)


def test_signals_arrive_after_openvino_networks_are_freed(path):
    pytest.importorskip("openvino", reason="OpenVINO is not installed: pip install 'cpm-pose[openvino]'")
    program = f"""
        import gc, os, signal
        from cpm.inference import OnnxNetwork

        networks = [OnnxNetwork({str(path)!r}, threads=1, runtime="openvino") for _ in range(2)]
        while networks:
            del networks[0]
            gc.collect()
        signal.signal(signal.SIGINT, lambda *_: print("arrived", flush=True))
        os.kill(os.getpid(), signal.SIGINT)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stdout) == (0, "arrived\n"), run.stderr


def test_images_of_another_shape_are_refused(net, path):
    exported = OnnxNetwork(path, threads=1)
    images = pictures(net)
    assert_close(exported(mx.nd.array(images, dtype="uint8"))[0], exported(images.astype(np.float32))[0], 0)
    for wrong in (images[0], images[..., :2], images[:, :-1], images.astype(float), images[:0], "images"):
        with pytest.raises(DataError, match=r"cpm_small: images of shape .* both sides multiples of 8"):
            exported(wrong)
    with pytest.raises(ConfigError, match="threads=0, expected a positive number"):
        OnnxNetwork(path, threads=0)


def test_other_files_are_no_networks(path):
    content, model = path.read_bytes(), onnx.load(path)
    for damage in (b"", b"no network", content[: len(content) // 2], content[100:]):
        path.write_bytes(damage)
        with pytest.raises(CheckpointError, match=r"net\.onnx: (not an ONNX file, or a broken|.*expected an ONNX)"):
            OnnxNetwork(path)
    for missing, found in ((path.with_name("nowhere.onnx"), "no such file"), (path.parent, "a folder")):
        with pytest.raises(CheckpointError, match=f"{found}, expected an ONNX network"):
            OnnxNetwork(missing)
    texts = {entry.key: entry.value for entry in model.metadata_props}
    changes = ({"skeleton": "{}"}, {"stride": "wide"}, {"multiple": "0"}, {"outputs": '["pafs"]'}, {"model": None})
    for change in changes:
        del model.metadata_props[:]
        changed = {key: value for key, value in {**texts, **change}.items() if value is not None}
        onnx.helper.set_model_props(model, changed)
        onnx.save(model, path)
        with pytest.raises(CheckpointError, match="an ONNX file, but none that this package has exported"):
            OnnxNetwork(path)


def test_a_network_that_cannot_run_is_named(path):
    """As a file may claim shapes that its operators do not make."""
    model = onnx.load(path)
    for node in model.graph.node:
        if node.op_type == "Transpose":
            node.attribute[0].ints[:] = [0, 1, 2, 3]  # (batch, height, width, 3) as if it were channels first
    onnx.save(model, path)
    with pytest.raises(CheckpointError, match=r"net\.onnx: (onnxruntime cannot run it|not an ONNX file, or a broken)"):
        OnnxNetwork(path)(np.zeros((1, 32, 32, 3), np.uint8))
