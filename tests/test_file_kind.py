"""What a file of weights is, its content decides: whatever its name, in every place where weights are opened."""

import gzip
import io
import json
import os
import struct
import tarfile
import zipfile

import mxnet as mx
import numpy as np
import pytest

from cpm.errors import CheckpointError, ConfigError
from cpm.inference import is_exported, open_network
from cpm.inference.detector import PersonDetector
from cpm.models import get_model, import_trunk, import_weights, load_network, save_network
from cpm.models.exporting.export import export_onnx
from cpm.models.files.file_kind import find_kind
from cpm.models.files.parameters import network_parameters
from cpm.models.importing.safetensors_file import read_safetensors

from .reference import torch_writer
from .reference.caffe_networks import vgg_cpm
from .reference.caffe_writer import caffemodel, prototxt
from .reference.ir_writer import write_small
from .reference.safetensors_writer import safetensors

NAMES = (
    "net",
    "net.PTH",
    "net.ckpt",
    "net.bin",
    "net.pt",
    "net.pth.tar",
    "net.weights",
    "net.xml",
    "net.npz",
    "net.onnx",
)


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return stream.getvalue()


def tarred():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("net.pth"))
    return stream.getvalue()


def torch_file():
    tensors = torch_writer.dictionary({"a": torch_writer.tensor("0", (3,))})
    return torch_writer.archive(tensors, {"0": np.ones(3, np.float32)})


PAGE = b"<!DOCTYPE html><html><head><title>Virus scan warning</title></head><body>Too large</body></html>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
OTHERS = {
    "page": (PAGE, r"a web page \('Virus scan warning'\): the download has brought a page"),
    "page after a comment": (b"\n<!-- saved -->\n<HTML><body>x</body></HTML>", "a web page: "),
    "page in XHTML": (b'<?xml version="1.0"?>\n<html xmlns="x"><body/></html>', "a web page: "),
    "bare page": (b"<h1>404 Not Found</h1>", "a web page: "),
    "wide page": ("<html><title>x</title></html>".encode("utf-16"), r"a web page \('x'\)"),
    "long page": (b"<html>" + "Größe ".encode() * 5000, "a web page"),
    "old page": ("<html><title>Größe</title></html>".encode("latin-1"), r"a web page \('Größe'\)"),
    "pointer": (POINTER, "a Git LFS pointer, .*`git lfs pull`"),
    "nothing": (b"", "an empty file"),
    "message": (b'{"error": "Repository not found"}', "the error message of a server, .*Repository not found"),
    "message in XML": (
        b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
        "the error message.*AccessDenied",
    ),
    "sentence": (b"Invalid username or password.", "a text, 'Invalid username or password.'"),
    "symbol": (b'{"nodes": [{"op": "null", "name": "data"}]}', "an MXNet symbol.*give the .params"),
    "index": (b'{"metadata": {}, "weight_map": {}}', "the index of weights that lie in several files"),
    "prototxt": (prototxt().encode(), "a Caffe prototxt.*give the .caffemodel"),
    "zip": (zipped(model__pth=torch_file()), "a zip archive with 'model.pth' in it: unpack it"),
    "other zip": (zipped(a__txt=b"a", b__txt=b"b"), "a zip archive of 2 other files"),
    "empty zip": (zipped(), "a zip archive of 0 other files"),
    "keras": (zipped(config__json=b"{}", model__weights__h5=b""), "a Keras network: .* not read"),
    "npz": (zipped(a__npy=b"x"), "NumPy arrays .* without the description of a network"),
    "cut off": (torch_file()[:-100], "an archive, as .* but broken .*cut off, or not downloaded whole"),
    "gzip": (gzip.compress(torch_file()), "packed by gzip: unpack it"),
    "tar": (tarred(), "a tar archive: unpack it"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file .*not read"),
    "tflite": (b"\x1c\0\0\0TFL3" + bytes(100), "a TensorFlow Lite network: .*not read"),
    "graph": (b"\n\3abc\n\3abc\n\3abc", "a TensorFlow graph"),
    "pickle": (b"\x80\4N." + bytes(10), "a pickle that PyTorch has not written"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "a picture"),
    "zeros": (bytes(5000), "zeros where something should begin"),
    "noise": (b"\xe1\xb7\x99\xff\x17\x03\x81\xaa" * 10, "no kind of weights that is known"),
    "little": (b"x", "too short .1 B."),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_weights_is_called_what_it_is(name, tmp_path):
    content, message = OTHERS[name]
    path = tmp_path / "net.pth"
    path.write_bytes(content)
    for open_file in (find_kind, load_network, open_network, lambda path: import_weights(path, "cpm_small")):
        with pytest.raises(CheckpointError, match=f"^{path}: {message}") as caught:
            open_file(path)
        assert str(caught.value).isprintable()


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    for name, message in (
        ("", "a folder"),
        ("pipe", "a pipe or device"),
        ("gone", "no such file"),
        ("nowhere", "no such file"),
        ("x" * 300, "cannot be read .File name too long."),
        ("a\0b", "no such file"),
    ):
        for open_file in (find_kind, load_network, open_network, import_trunk):
            with pytest.raises(CheckpointError, match=f"{message}"):
                open_file(tmp_path / name)
    with pytest.raises(CheckpointError, match="pipe: a pipe or device"):
        PersonDetector("ssd_512_resnet50_v1_coco", tmp_path / "pipe")


@pytest.fixture(scope="module")
def small():
    mx.random.seed(0)
    return get_model("cpm_small", channels=8, stages=1)


@pytest.fixture(scope="module")
def contents(small, tmp_path_factory):
    """Return a small file of every kind."""
    folder = tmp_path_factory.mktemp("kinds")
    save_network(folder / "checkpoint", small)
    mx.nd.save(str(folder / "mxnet"), {"a": mx.nd.ones(3)})
    write_small(folder / "openvino.xml")
    return {
        "checkpoint": (folder / "checkpoint").read_bytes(),
        "mxnet": (folder / "mxnet").read_bytes(),
        "openvino": (folder / "openvino.xml").read_bytes(),
        "caffe": caffemodel({"a": [np.ones((3, 1, 1, 1)), np.ones(3)]}),
        "old caffe": caffemodel({"a": [np.ones((3, 1, 1, 1)), np.ones(3)]}, old=True),
        "torch": torch_file(),
        "old torch": torch_writer.old_file(torch_writer.dictionary({}), {}),
        "safetensors": safetensors({"a": np.ones(3, np.float32)}),
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_name_does_not_matter(name, contents, tmp_path):
    path = tmp_path / name
    for kind, content in contents.items():
        path.write_bytes(content)
        assert find_kind(path) == kind.rpartition(" ")[2]


def test_kinds_in_the_wrong_place(contents, tmp_path):
    path = tmp_path / "net.npz"
    for kind, message in (("torch", "a PyTorch checkpoint"), ("caffe", "a Caffe model"), ("mxnet", "an MXNet param")):
        path.write_bytes(contents[kind])
        for open_file in (load_network, open_network, lambda path: get_model("cpm_small", pretrained=path)):
            with pytest.raises(CheckpointError, match=rf"{message}.*expected a checkpoint.*cpm import makes"):
                open_file(path)
    path.write_bytes(contents["checkpoint"])
    with pytest.raises(CheckpointError, match="there is nothing to import: give it to --resume"):
        import_weights(path, "cpm_small")
    with pytest.raises(CheckpointError, match="a checkpoint of this package, expected an MXNet parameter file"):
        PersonDetector("ssd_512_resnet50_v1_coco", path)


@pytest.mark.parametrize("name", ["net", "net.onnx", "net.pth"])
def test_checkpoints_under_other_names(name, contents, small, tmp_path):
    path = tmp_path / name
    path.write_bytes(contents["checkpoint"])
    assert not is_exported(path)
    for net in (load_network(path), open_network(path)[0], get_model("cpm_small", pretrained=path)):
        for place, value in network_parameters(net).items():
            np.testing.assert_array_equal(value.data().asnumpy(), network_parameters(small)[place].data().asnumpy())


@pytest.mark.parametrize("name", ["net", "net.npz"])
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_exported_networks_under_other_names(name, runtime, small, tmp_path):
    pytest.importorskip(runtime)
    path = tmp_path / name
    export_onnx(small, path)
    assert is_exported(path)
    net, meta = open_network(path, runtime)
    assert (net.runtime, meta["model"]) == (runtime, "cpm_small")
    with pytest.raises(CheckpointError, match="an ONNX network, expected a checkpoint of this package: it can be run"):
        load_network(path)
    with pytest.raises(CheckpointError, match="an ONNX network, of which weights are not read"):
        import_weights(path, "cpm_small")
    with pytest.raises(ConfigError, match="an exported network runs on"):
        open_network(path, "mxnet")


def test_an_ir_under_other_names(tmp_path):
    write_small(tmp_path / "net.xml")
    with pytest.raises(CheckpointError, match=r"net\.bin: .*; if it belongs to net\.xml, give that"):
        import_weights(tmp_path / "net.bin", "lightweight_openpose")
    (tmp_path / "net.xml").rename(tmp_path / "net")
    for name in ("net.bin", "net.BIN"):
        (tmp_path / "net.bin").rename(tmp_path / name)
        with pytest.raises(CheckpointError, match="not the graph of this lightweight_openpose"):  # so it was read
            import_weights(tmp_path / "net", "lightweight_openpose")
        (tmp_path / name).rename(tmp_path / "net.bin")
    (tmp_path / "net.bin").unlink()
    with pytest.raises(CheckpointError, match=r"net\.bin: no such file, expected the numbers of the OpenVINO IR net"):
        import_weights(tmp_path / "net", "lightweight_openpose")


@pytest.mark.slow("builds a trunk in full for every kind of file")
def test_trunks_of_every_kind_start_a_training(tmp_path):
    blobs, *_ = vgg_cpm(19, 38, stages=1)
    blobs = {name: arrays for name, arrays in blobs.items() if "CPM" not in name}
    places = dict(zip(blobs, (0, 2, 5, 7, 10, 12, 14, 16, 19, 21)))
    tensors = {
        f"backbone.features.{places[name]}.{kind}": array
        for name, arrays in blobs.items()
        for kind, array in zip(("weight", "bias"), arrays)
    }
    path = tmp_path / "trunk"
    for content, normalisation in ((caffemodel(blobs), "caffe"), (safetensors(tensors), "imagenet")):
        path.write_bytes(content)
        expected = network_parameters(import_trunk(path).trunk)
        net = get_model("cpm_vgg19", trunk_file=path, stages=1, normalisation=normalisation)
        for place, value in network_parameters(net.trunk).items():
            np.testing.assert_array_equal(value.data().asnumpy(), expected[place].data().asnumpy())
        with pytest.raises(CheckpointError, match=f"wants normalisation='{normalisation}', the network has 'centred'"):
            get_model("cpm_vgg19", trunk_file=path, stages=1, normalisation="centred")


class TestSafetensors:
    def test_types(self, tmp_path):
        values = np.random.default_rng(0).normal(size=(2, 3))
        halves = (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
        arrays = {
            "module.b": values.astype(np.float32),
            "module.a": values.astype(np.float16),
            "double": values,
            "steps": np.arange(3),
            "mask": np.ones(3, bool),
            "number": np.array(2.5, np.float32),
            "none": np.zeros((0, 3), np.float32),
        }
        path = tmp_path / "net.safetensors"
        path.write_bytes(safetensors({**arrays, "bfloat16": halves}, {"bfloat16": "BF16"}))
        found = read_safetensors(path)
        expected = {"b": arrays["module.b"], "a": arrays["module.a"], "double": values, "number": arrays["number"]}
        expected |= {"none": arrays["none"], "bfloat16": (halves.astype(np.uint32) << 16).view(np.float32)}
        assert list(found) == ["b", "a", "double", "number", "none", "bfloat16"]
        for name, array in expected.items():
            assert found[name].dtype == np.float32 and found[name].shape == array.shape
            np.testing.assert_array_equal(found[name], array.astype(np.float32))

    def test_what_the_package_writes(self, tmp_path):
        numpy_module = pytest.importorskip("safetensors.numpy")
        numpy_module.save_file({"a": np.ones((2, 3), np.float32)}, tmp_path / "x", {"format": "pt"})
        np.testing.assert_array_equal(read_safetensors(tmp_path / "x")["a"], np.ones((2, 3)))

    @pytest.mark.parametrize(
        ("entries", "message"),
        [
            (
                {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 12]}},
                r"of shape \[2\] and type F32 has 12 bytes",
            ),
            ({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}, "ends at byte 16 of 12; was the file cut"),
            ({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, "4 bytes follow its end"),
            ({"a": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}, "begins at byte 4, expected 0"),
            ({"a": {"dtype": "F32", "shape": [-3], "data_offsets": [0, -12]}}, "impossible shape"),
            ({"a": {"dtype": "F32", "shape": [1 << 62, 1 << 62, 0], "data_offsets": [0, 0]}}, "impossible shape"),
            ({"a": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}}, "impossible shape"),
            ({"a": {"dtype": "F32", "shape": [1] * 40, "data_offsets": [0, 4]}}, "impossible shape"),
            ({"a": {"dtype": "F8_E4M3", "shape": [12], "data_offsets": [0, 12]}}, "of type 'F8_E4M3', expected one of"),
            ({"a": {"dtype": ["F32"], "shape": [3], "data_offsets": [0, 12]}}, "of type"),
            ({"a": {"dtype": "I32", "shape": [3], "data_offsets": [0, 12]}}, "none of its tensors is of floats"),
            ({"a": {"dtype": "F32", "shape": [3]}}, "has no type, shape and place"),
            ({"a": 3}, "has no type, shape and place"),
            (
                {f"{k}": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]} for k in range(2)},
                "begins at byte 0, exp",
            ),
        ],
    )
    def test_mistakes(self, entries, message, tmp_path):
        header = json.dumps(entries).encode()
        (tmp_path / "x").write_bytes(struct.pack("<Q", len(header)) + header + np.ones(3, "<f4").tobytes())
        with pytest.raises(CheckpointError, match=message):
            read_safetensors(tmp_path / "x")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (struct.pack("<Q", 1 << 40) + b"{}", "a description of 1099511627776 bytes, expected at most"),
            (struct.pack("<Q", 1000) + b"{}", "where 2 are left; was the file cut off"),
            (struct.pack("<Q", 10) + b'{"a":1,"a"', "delimiter"),
            (struct.pack("<Q", 13) + b'{"a":1,"a":1}', "two entries of its description have the same name"),
            (struct.pack("<Q", 100_002) + b"[" * 100_000 + b"{}", "recursion"),
        ],
    )
    def test_other_mistakes(self, content, message, tmp_path):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(CheckpointError, match=message):
            read_safetensors(tmp_path / "x")
