"""Readers of foreign weights: what each framework wrote comes back value by value, and mistakes are named."""

import argparse
import struct
from collections import OrderedDict

import cv2
import mxnet as mx
import numpy as np
import pytest

from cpm.errors import CheckpointError
from cpm.models.importing.caffe import read_caffemodel
from cpm.models.importing.mxnet_file import read_params
from cpm.models.importing.torch_file import read_torch

from .reference import torch_writer
from .reference.caffe_writer import INNER_PRODUCT, blob, caffemodel, field, needs_caffe_reader, prototxt

READERS = {"caffemodel": read_caffemodel, "pth": read_torch, "params": read_params}


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed, it writes the files to be read")


@pytest.fixture
def read(tmp_path):
    """Write bytes to a file and read it by its suffix."""

    def write_and_read(content, suffix):
        path = tmp_path / f"net.{suffix}"
        path.write_bytes(content)
        return READERS[suffix](path)

    return write_and_read


def normal(*shape, dtype=np.float32):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(dtype)


def check_equal(found, expected):
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert (found[name].dtype, found[name].flags.c_contiguous) == (np.float32, True)
        assert found[name].shape == array.shape, name  # assert_array_equal takes a number for any array
        np.testing.assert_array_equal(found[name], np.asarray(array, np.float32), err_msg=name)


def check_fails(read, content, suffix, message):
    with pytest.raises(CheckpointError, match=rf"net\.{suffix}: .*{message}") as caught:
        read(content, suffix)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", READERS)
def test_what_is_no_file_of_the_format(suffix, tmp_path, read):
    with pytest.raises(CheckpointError, match=f"{tmp_path}/none.{suffix}: no such file, expected a"):
        READERS[suffix](tmp_path / f"none.{suffix}")
    with pytest.raises(CheckpointError, match=f"{tmp_path}: a folder, expected a"):
        READERS[suffix](tmp_path)
    mx.nd.save(str(tmp_path / "x"), {"x": mx.nd.ones(3)})
    np.savez(tmp_path / "x.npz", x=np.zeros(3))
    others = {
        "caffemodel": caffemodel({"x": [normal(3)]}),
        "pth": torch_writer.archive(torch_writer.dictionary({}), {}),
        "params": (tmp_path / "x").read_bytes(),
        "npz": (tmp_path / "x.npz").read_bytes(),
        "text": b'name: "net"\nlayer {\n  name: "x"\n}\n' * 20,
        "nothing": b"",
    }
    for other in others.keys() - {suffix}:
        check_fails(read, others[other], suffix, "")


class TestCaffe:
    @pytest.mark.parametrize("old", [False, True])
    @pytest.mark.parametrize("legacy", [False, True])
    @pytest.mark.parametrize("packed", [True, False])
    def test_round_trip(self, old, legacy, packed, read):
        layers = {"data": [], "conv1_1": [normal(4, 3, 3, 3), normal(4)], "ünit/2": [normal(2, 4, 1, 1)]}
        content = caffemodel(layers, old, legacy=legacy, packed=packed, diff=True)
        expected = {
            "conv1_1.weight": layers["conv1_1"][0],
            "conv1_1.bias": layers["conv1_1"][1],
            "ünit/2.weight": layers["ünit/2"][0],
        }
        check_equal(read(content, "caffemodel"), expected)

    def test_more_blobs_and_double(self, read):
        statistics = [normal(5, dtype=np.float64), normal(5, dtype=np.float64), np.array([0.999])]
        names = ("bn.weight", "bn.bias", "bn.2")
        for packed in (True, False):
            found = read(caffemodel({"bn": statistics}, packed=packed), "caffemodel")
            check_equal(found, dict(zip(names, statistics)))

    def test_pieces_and_unknown_fields(self, read):
        values = normal(6)
        pieces = field(5, values[:2].tobytes()) + b"\x2d" + values[2].tobytes() + field(5, values[3:].tobytes())
        layer = field(7, pieces + field(7, field(1, 6)) + field(99, 7)) + field(50, "x") + field(1, "late")
        check_equal(read(field(100, layer) + field(8, b"\xff"), "caffemodel"), {"late.weight": values})

    @needs_caffe_reader
    @pytest.mark.parametrize("old", [False, True])
    def test_opencv_computes_the_same(self, old, tmp_path, read):
        layers = {
            "conv1": [normal(4, 3, 3, 3), normal(4)],
            "conv2": [normal(6, 4, 1, 1), normal(6)],
            "fc": [normal(5, 6 * 8 * 10), normal(5)],
        }
        content = caffemodel(layers, old, {"fc": INNER_PRODUCT}, legacy=old)
        found = read(content, "caffemodel")
        (tmp_path / "net.prototxt").write_text(prototxt(old))
        net = cv2.dnn.readNetFromCaffe(str(tmp_path / "net.prototxt"), str(tmp_path / "net.caffemodel"))
        image = normal(1, 3, 8, 10)
        net.setInput(image)
        x = mx.nd.array(image)
        for name, kernel in (("conv1", 3), ("conv2", 1)):
            weight, bias = (mx.nd.array(found[f"{name}.{part}"]) for part in ("weight", "bias"))
            x = mx.nd.Convolution(x, weight, bias, (kernel, kernel), pad=(kernel // 2,) * 2, num_filter=len(weight))
        expected = found["fc.weight"].reshape(5, -1) @ x.asnumpy().ravel() + found["fc.bias"]
        np.testing.assert_allclose(net.forward().ravel(), expected, rtol=1e-4, atol=1e-3)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (caffemodel({"data": []}), "no layer has weights"),
            (caffemodel({"x": [normal(3)]}) * 2, r"two of its tensors are named x\.weight"),
            (caffemodel({"x": [np.array([1, np.inf])]}), r"x\.weight has values that are not finite"),
            (caffemodel({"": [normal(3)]}), "has no name"),
            (caffemodel({"a\nb": [normal(3)]}), "names a tensor"),
            (caffemodel({"x": [normal(3)] * 101}), "more than 100 blobs"),
            (caffemodel({"x": [normal(3)]})[:-1], "are left"),
            (field(100, field(1, "x") + field(7, b"")), r"x\.weight has 0 values"),
            (field(100, field(1, "x") + field(7, field(7, field(1, b"\x02" * 40)))), "more than 32 dimensions"),
            (field(100, field(1, "x") + field(7, blob(normal(3)) + field(1, 5))), r"3 values for the shape \(5, 0"),
            (field(100, field(1, "x") + field(7, field(5, bytes(8)) + field(8, bytes(8)))), "two types"),
            (field(100, field(1, "x") + field(7, field(5, bytes(7)))), "buffer size"),
            (field(2, field(1, field(1, "x"))), "upgrade_net_proto_binary"),
            (b"\x0b", "unknown wire type 3"),
            (b"\xff" * 11, "without an end"),
        ],
    )
    def test_mistakes(self, content, message, read):
        check_fails(read, content, "caffemodel", message)


class TestTorch:
    @pytest.mark.parametrize("zipped", [True, False])
    def test_network(self, zipped, torch, tmp_path):
        net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 2))
        torch.save(net.state_dict(), tmp_path / "net.pth", _use_new_zipfile_serialization=zipped)
        expected = {name: value.numpy() for name, value in net.state_dict().items() if "num_batches" not in name}
        check_equal(read_torch(tmp_path / "net.pth"), expected)
        torch.save(OrderedDict(net.named_parameters()), tmp_path / "net.pth", _use_new_zipfile_serialization=zipped)
        expected = {name: value.detach().numpy() for name, value in net.named_parameters()}
        check_equal(read_torch(tmp_path / "net.pth"), expected)

    @pytest.mark.parametrize("zipped", [True, False])
    def test_types_and_views(self, zipped, torch, tmp_path):
        base = torch.arange(24.0).reshape(2, 3, 4)
        state = {
            "half": base.half(),
            "double": base.double() / 3,
            "bfloat16": (base / 3).bfloat16(),
            "transposed": base.permute(2, 0, 1),
            "halves": (base.bfloat16() / 3).permute(2, 0, 1),
            "part": base[1, 1:, ::2],
            "channels_last": base[None].contiguous(memory_format=torch.channels_last),
            "number": torch.tensor(1.5),
            "none": torch.zeros(0, 3),
        }
        expected = {name: value.float().contiguous().numpy() for name, value in state.items()}
        state = {**state, "steps": torch.tensor(3), "mask": base > 1, "complex": base + 1j, "short": base.short()}
        torch.save(state, tmp_path / "net.pth", _use_new_zipfile_serialization=zipped)
        check_equal(read_torch(tmp_path / "net.pth"), expected)

    @pytest.mark.parametrize("zipped", [True, False])
    @pytest.mark.parametrize("key", ["state_dict", "model_state", "model", "net"])
    def test_checkpoint_of_a_training(self, key, zipped, torch, tmp_path):
        net = torch.nn.DataParallel(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)))
        optimizer = torch.optim.Adam(net.parameters())
        net(torch.ones(2, 3)).sum().backward()
        optimizer.step()
        content = {
            "epoch": np.int64(3),
            "best": torch.tensor(0.5),
            key: net.state_dict(),
            "opt_state": optimizer.state_dict(),
            "args": argparse.Namespace(rate=0.1, devices={0, 1}, means=np.ones(3), kind=torch.float16, size=(2, 3)),
            "names": [["a", 1], ["b", 2], frozenset("c"), b"bytes", 1 << 70, None, np.float32],
        }
        torch.save(content, tmp_path / "net.pth", _use_new_zipfile_serialization=zipped)
        expected = {name: value.numpy() for name, value in net.module.state_dict().items() if "num_b" not in name}
        check_equal(read_torch(tmp_path / "net.pth"), expected)

    def test_whole_network(self, torch, tmp_path):
        for content in (torch.nn.Linear(2, 3), {"model": torch.nn.Linear(2, 3), "epoch": 3}):
            torch.save(content, tmp_path / "net.pth")
            with pytest.raises(CheckpointError, match=r"net\.pth: .*a pickled torch\.nn\.modules\.linear\.Linear"):
                read_torch(tmp_path / "net.pth")

    @pytest.mark.parametrize("write", [torch_writer.archive, torch_writer.old_file])
    def test_without_torch(self, write, read):
        storages = {"7": normal(12), "8": np.arange(6, dtype="<f2"), "9": np.arange(3)}
        tensors = {
            "module.a": torch_writer.tensor("7", (2, 5), offset=1, length=12),
            "module.b": torch_writer.tensor("7", (3, 3), strides=(1, 3), length=12),
            "module.c": torch_writer.tensor("8", (6,), storage="HalfStorage"),
            "module.steps": torch_writer.tensor("9", (3,), storage="LongStorage"),
        }
        values = storages["7"]
        expected = {"a": values[1:11].reshape(2, 5), "b": values[:9].reshape(3, 3).T, "c": storages["8"]}
        check_equal(read(write(torch_writer.dictionary(tensors), storages), "pth"), expected)
        tensors["other"] = tensors.pop("module.c")
        found = read(write(torch_writer.dictionary(tensors), storages), "pth")
        assert list(found) == ["a", "b", "other"]

    def test_python_2(self, read):
        pairs = b"](" + b"".join(
            b"](U" + bytes([len(name)]) + name + torch_writer.tensor("0", (3,)) + b"e" for name in (b"a", b"b")
        )
        operations = b"ccollections\nOrderedDict\n" + pairs + b"e\x85R}" + torch_writer.text("_metadata") + b"}sb"
        found = read(torch_writer.old_file(operations, {"0": normal(3)}), "pth")
        check_equal(found, {"a": normal(3), "b": normal(3)})

    def test_view_of_a_storage(self, read):
        tensor = torch_writer.tensor("0", (3,), length=8)
        view = b"(" + torch_writer.text("1") + torch_writer.integers((2, 4))[1:]  # elements 2 to 5
        for content, message in ((view, None), (view.replace(b"J\4\0", b"J\7\0"), "beyond the end")):
            operations = torch_writer.dictionary({"a": tensor.replace(b"tQ", content + b"tQ")})
            written = torch_writer.old_file(operations, {"0": np.arange(8, dtype=np.float32)})
            if message:
                check_fails(read, written, "pth", message)
            else:
                check_equal(read(written, "pth"), {"a": np.arange(2, 5)})

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"shape": (2, 4)}, r"shape \(2, 4\) in a storage of 6"),
            ({"strides": (3, 2)}, "in a storage of 6"),
            ({"strides": (0, 0), "shape": (7, 7)}, "in a storage of 6"),
            ({"offset": 1}, "in a storage of 6"),
            ({"shape": (1 << 40, 1 << 40), "length": 6}, "in a storage of 6"),
            ({"strides": (1,)}, "impossible shape"),
            ({"strides": (-3, 1)}, "impossible shape"),
            ({"offset": -1}, "impossible shape"),
            ({"shape": (1,) * 40}, "impossible shape"),
            ({"length": 5}, "storage '0'"),
            ({"key": "1"}, "data/1|storage '0'"),
            ({"storage": "HalfStorage"}, "storage '0' of 6 elements has 24 bytes|12 bytes follow its end"),
            ({"storage": "IntStorage"}, "none of its tensors is of floats"),
        ],
    )
    @pytest.mark.parametrize("write", [torch_writer.archive, torch_writer.old_file])
    def test_wrong_tensors(self, write, changes, message, read):
        options = {"key": "0", "shape": (2, 3), "length": 6, **changes}
        operations = torch_writer.dictionary({"a": torch_writer.tensor(**options)})
        check_fails(read, write(operations, {"0": normal(6)}), "pth", message)

    def test_mistakes(self, read):
        values = {"0": normal(3)}
        tensor = torch_writer.tensor("0", (3,))
        state = torch_writer.dictionary({"a": tensor})
        quantised = b"ctorch._utils\n_rebuild_qtensor\n)R"
        for content, message in (
            (torch_writer.archive(state, values, byteorder="big"), "big-endian"),
            (torch_writer.archive(state, values, compression=8), "'data.pkl' is compressed"),
            (torch_writer.archive(state, {}), "without 'data/0'"),
            (torch_writer.archive(state, {"0": np.full(3, np.nan, np.float32)}), "a has values that are not finite"),
            (torch_writer.archive(b"K\1", {}), "it holds a value of type int, expected a state dict"),
            (torch_writer.archive(tensor, values), "it holds a tensor"),
            (torch_writer.archive(torch_writer.dictionary({"x": b"K\1"}), values), "no state dict in it, found 'x'"),
            (torch_writer.archive(torch_writer.dictionary({"a": tensor, "b": quantised}), values), "b is a pickled"),
            (torch_writer.archive(b"}(K\1", {}), "STOP at a place"),
            (torch_writer.archive(b"R", {}), "REDUCE at a place"),
            (torch_writer.archive(b"\x82\1", {}), "EXT1, which no checkpoint needs"),
            (torch_writer.old_file(state, values, little_endian=False), "not little-endian"),
            (torch_writer.old_file(state, values)[:-1], "3 elements expected in storage '0'"),
            (torch_writer.old_file(state, {}), "storage '0' is missing"),
            (torch_writer.old_file(state, {**values, "1": normal(3)}), "storage '1' that the content does not"),
        ):
            check_fails(read, content, "pth", message)


class TestMxnet:
    def test_round_trip(self, tmp_path):
        arrays = {"arg:a": normal(2, 3), "aux:b": normal(4, dtype=np.float16), "c": normal(1, 2, dtype=np.float64)}
        mx.nd.save(str(tmp_path / "x.params"), {name: mx.nd.array(a, dtype=a.dtype) for name, a in arrays.items()})
        check_equal(read_params(tmp_path / "x.params"), arrays)

    def test_gluon(self, tmp_path):
        net = mx.gluon.nn.HybridSequential()
        net.add(mx.gluon.nn.Conv2D(4, 3), mx.gluon.nn.BatchNorm())
        net.initialize()
        net.hybridize()
        net(mx.nd.zeros((1, 3, 8, 8)))
        expected = {name: value.data().asnumpy() for name, value in net._collect_params_with_prefix().items()}
        net.save_parameters(str(tmp_path / "x.params"))
        check_equal(read_params(tmp_path / "x.params"), expected)
        net.export(str(tmp_path / "x"))
        found = {name.partition(":")[2]: array for name, array in read_params(tmp_path / "x-0000.params").items()}
        check_equal(found, dict(zip([value.name for value in net.collect_params().values()], expected.values())))

    def test_versions(self, read):
        values = normal(2, 3)
        tail = struct.pack("<iii", 1, 0, 0) + values.tobytes()
        sizes = struct.pack("<iqq", 2, 2, 3)
        for head in (
            struct.pack("<III", 2, 2, 3),
            struct.pack("<I", 0xF993FAC8) + sizes,
            struct.pack("<Ii", 0xF993FAC9, 0) + sizes,
            struct.pack("<Ii", 0xF993FACA, 0) + sizes,
        ):
            check_equal(read(_params([head + tail]), "params"), {"x0": values})
        number = struct.pack("<IiiiiIf", 0xF993FACA, 0, 0, 1, 0, 0, 2.5)
        check_equal(read(_params([number]), "params"), {"x0": np.array(2.5)})

    def test_numpy_arrays(self, tmp_path):
        with mx.util.np_shape(True), mx.util.np_array(True):
            mx.npx.save(str(tmp_path / "x.params"), {"x": mx.np.ones((2, 3)), "y": mx.np.array(2.5)})
        check_equal(read_params(tmp_path / "x.params"), {"x": np.ones((2, 3)), "y": np.array(2.5)})

    def test_mistakes(self, tmp_path, read):
        one = struct.pack("<IIiiif", 1, 1, 1, 0, 0, 1.5)
        mx.nd.save(str(tmp_path / "sparse"), {"x": mx.nd.ones((2, 2)).tostype("row_sparse")})
        for content, message in (
            (_params([one], names=[]), "its tensors have no names"),
            (_params([one] * 2, names=["x"]), "2 tensors with 1 names"),
            (_params([one] * 2, names=["x", "x"]), "two of its tensors are named x"),
            (_params([]), "it holds no tensors"),
            (_params([one]) + b"x", "1 bytes follow its end"),
            (_params([one])[:-1], "bytes expected where"),
            (_params([struct.pack("<IIiiii", 1, 1, 1, 0, 4, 1)]), "data type 4"),
            (_params([struct.pack("<Iii", 0xF993FAC9, 0, 0)]), "0 dimensions"),
            (_params([struct.pack("<Iiiq", 0xF993FAC9, 0, 1, -1)]), r"shape \(-1,\)"),
            (_params([struct.pack("<III", 2, 1 << 31, 1 << 31) + bytes(12)]), "bytes expected where"),
            ((tmp_path / "sparse").read_bytes(), "a sparse tensor"),
            (struct.pack("<QQQ", 0x112, 0, 1 << 60), "1152921504606846976 tensors"),
            (struct.pack("<QQQ", 0x113, 0, 1), "does not begin as one"),
        ):
            check_fails(read, content, "params", message)


def _params(arrays, names=None):
    names = [f"x{number}" for number in range(len(arrays))] if names is None else names
    named = b"".join(struct.pack("<Q", len(name)) + name.encode() for name in names)
    return b"".join([struct.pack("<QQQ", 0x112, 0, len(arrays)), *arrays, struct.pack("<Q", len(names)), named])
