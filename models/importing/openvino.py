"""Read OpenVINO IR (``.xml`` and ``.bin``, version 10 or 11): float, half, or int8, which is dequantised.

The names of its layers differ from release to release, so a network is matched by its graph: the convolutions
in the order in which they are computed, their shapes, strides, paddings, dilations, groups and activations.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Any, Callable, TypeVar

import numpy as np

from ...errors import CheckpointError, reason
from ..files.file_kind import check_file_of_weights

_DTYPES = {"f32": "<f4", "f16": "<f2", "i64": "<i8", "i32": "<i4", "i8": "i1", "u8": "u1"}
_ARITHMETIC: dict[str, np.ufunc] = {
    "Add": np.add,
    "Subtract": np.subtract,
    "Multiply": np.multiply,
    "Divide": np.divide,
}
_DERIVED = {"Convert", "Reshape", *_ARITHMETIC}  # what makes one constant of others
_DEEPEST = 8  # such layers in turn
_ACTIVATIONS = {"ReLU": "relu", "Elu": "elu"}
_CONVOLUTIONS = ("Convolution", "GroupConvolution")
_MAX_XML = 64 << 20
_BROKEN = (ElementTree.ParseError, IndexError, KeyError, OverflowError, TypeError, ValueError)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Convolution:
    """A convolution of the graph.

    Attributes
    ----------
    name
        Its name in the file.
    weight
        (O, I / groups, kh, kw) float32.
    bias
        (O,) float32, zero where the file has none.
    stride, pad, dilation
        Rows and columns.
    groups
        1, or the number of channels of a depthwise convolution.
    activation
        "relu", "elu" or "".
    sources
        The names of the convolutions whose outputs it sees, where it sees several.
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    activation: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class _Node:
    id: str
    name: str
    type: str
    data: Mapping[str, str]
    inputs: tuple[str, ...]


def _find_binary(path: Path) -> Path:
    """Return the file of numbers that lies beside the graph: by its name with another suffix, however written."""
    names = [path.with_suffix(".bin"), path.with_suffix(".BIN"), path.with_name(f"{path.name}.bin")]
    binary = next((name for name in names if name.is_file()), names[0])
    check_file_of_weights(binary, f"the numbers of the OpenVINO IR {path.name}")
    return binary


def _refuse_broken(method: Callable[[Graph], Result]) -> Callable[[Graph], Result]:
    """Turn whatever a broken file makes of a method into an error that names the file."""

    @wraps(method)
    def guarded(graph: Graph) -> Result:
        try:
            return method(graph)
        except _BROKEN as error:
            raise graph.error(f"no {error}" if isinstance(error, KeyError) else reason(error)) from None

    return guarded


class Graph:
    """The graph of an IR.

    Parameters
    ----------
    path
        The ``.xml``; the ``.bin`` lies beside it.

    Raises
    ------
    CheckpointError
        If one of them is missing or broken; as all methods do.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        check_file_of_weights(path, "the .xml of an OpenVINO IR")
        binary = _find_binary(path)
        if path.stat().st_size > _MAX_XML:
            raise self.error("the .xml is too large")
        self._bytes = np.memmap(binary, np.uint8, "r") if binary.stat().st_size else np.zeros(0, np.uint8)
        self._nodes: dict[str, _Node] = {}
        self._users: dict[str, list[_Node]] = {}
        self._parse()

    def error(self, reason: str) -> CheckpointError:
        """Return an error that names the file."""
        return CheckpointError(f"{self.path}: not an OpenVINO IR, or a broken one ({reason})")

    @_refuse_broken
    def _parse(self) -> None:
        text = self.path.read_text("utf-8")
        if "<!" in text.replace("<!--", ""):
            raise ValueError("it declares entities")
        root = ElementTree.fromstring(text)
        inputs: dict[str, list[tuple[int, str]]] = {}
        for edge in root.iterfind("edges/edge"):
            source = (int(edge.attrib["to-port"]), edge.attrib["from-layer"])
            inputs.setdefault(edge.attrib["to-layer"], []).append(source)
        for layer in root.iterfind("layers/layer"):
            data = layer.find("data")
            id_ = layer.attrib["id"]
            self._nodes[id_] = _Node(
                id_,
                layer.attrib["name"],
                layer.attrib["type"],
                {} if data is None else data.attrib,
                tuple(source for _, source in sorted(inputs.get(id_, []))),
            )
        if not self._nodes:
            raise ValueError("it has no layers")
        for node in self._nodes.values():
            for source_id in node.inputs:
                if source_id not in self._nodes:
                    raise ValueError(f"an edge comes from the unknown layer {source_id}")
                self._users.setdefault(source_id, []).append(node)

    @_refuse_broken
    def convolutions(self) -> list[Convolution]:
        """Return all convolutions in the order in which they are computed, those of the widest output first."""
        order = list(self._compute_order())
        found = [node for node in self._nodes.values() if node.type in _CONVOLUTIONS]
        if len(found) != len(order):
            raise ValueError(f"{len(found) - len(order)} of its {len(found)} convolutions lead to no output")
        convolutions = []
        size = 0
        for node in order:
            convolutions.append(self._convolution(node))
            size += convolutions[-1].weight.size
            if size > len(self._bytes):
                raise ValueError("its convolutions share their weights")
        return convolutions

    @_refuse_broken
    def input_scaling(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the factor and the shift, per channel (or one for all), that the graph applies to its input."""
        scale = np.ones(1)
        shift = np.zeros(1)
        starts = [node for node in self._nodes.values() if node.type == "Parameter"]
        if len(starts) != 1:
            raise ValueError(f"it has {len(starts)} inputs, expected one")
        node = starts[0]
        for _ in range(len(self._nodes)):
            users = self._users.get(node.id, [])
            if len(users) != 1 or users[0].type in _CONVOLUTIONS:
                return scale.astype(np.float32), shift.astype(np.float32)
            node = users[0]
            if node.type in _ARITHMETIC:
                constant = self._constant(node.inputs[1]).ravel()
                if node.type in ("Multiply", "Divide"):
                    scale = _ARITHMETIC[node.type](scale, constant)
                shift = _ARITHMETIC[node.type](shift, constant)
            elif node.type not in ("FakeQuantize", "Convert"):
                raise ValueError(f"its input goes through {node.type} {node.name}, which is not known here")
        raise ValueError("its input goes round in a circle")

    def _compute_order(self) -> Iterator[_Node]:
        """Walk from the outputs to the input and yield every convolution after those that it depends on."""
        outputs = [node for node in self._nodes.values() if node.type == "Result"]
        outputs.sort(key=lambda node: -self._width(node))
        done: set[str] = set()
        stack = [(node, False) for node in reversed(outputs)]
        for _ in range(4 * sum(len(node.inputs) + 1 for node in self._nodes.values())):
            if not stack:
                return
            node, ready = stack.pop()
            if ready:
                if node.type in _CONVOLUTIONS:
                    yield node
            elif node.id not in done:
                done.add(node.id)
                stack.append((node, True))
                stack += [(self._nodes[source], False) for source in reversed(node.inputs)]
        raise ValueError("its layers form a circle")

    def _upstream(self, node: _Node) -> Iterator[_Node]:
        """Yield a layer, the one that its first input comes from, and so on."""
        for _ in range(len(self._nodes)):
            yield node
            if not node.inputs:
                return
            node = self._nodes[node.inputs[0]]

    def _producer(self, node: _Node) -> _Node | None:
        """Return the convolution whose output comes to a layer."""
        return next((each for each in self._upstream(node) if each.type in _CONVOLUTIONS), None)

    def _width(self, output: _Node) -> int:
        node = self._producer(output)
        return len(self._constant(node.inputs[1])) if node is not None and len(node.inputs) == 2 else 0

    def _convolution(self, node: _Node) -> Convolution:
        data = node.data
        weight = self._constant(node.inputs[1])
        groups = 1
        if node.type == "GroupConvolution":
            groups = weight.shape[0]
            weight = weight.reshape(groups * weight.shape[1], *weight.shape[2:])
        if weight.ndim != 4:
            raise ValueError(f"{node.name} has weights {weight.shape}")
        bias, user = self._bias(node, len(weight))
        pads = [tuple(map(int, data[key].split(","))) for key in ("pads_begin", "pads_end")]
        if pads[0] != pads[1] or data.get("auto_pad", "explicit") not in ("explicit", "notset"):
            raise ValueError(f"{node.name} pads its sides differently")
        return Convolution(
            name=node.name,
            weight=weight,
            bias=bias,
            stride=tuple(map(int, data["strides"].split(","))),
            pad=pads[0],
            dilation=tuple(map(int, data["dilations"].split(","))),
            groups=groups,
            activation=_ACTIVATIONS.get(user.type if user else "", ""),
            sources=tuple(self._sources(node.inputs[0])),
        )

    def _bias(self, node: _Node, channels: int) -> tuple[np.ndarray, _Node | None]:
        """Return the bias, which is an addition of its own in this format, and the layer after it."""
        user = self._only_user(node)
        bias = np.zeros(channels, np.float32)
        if user is not None and user.type == "Add" and self._is_constant(user.inputs[1]):
            bias = self._constant(user.inputs[1]).ravel()
            if bias.shape != (channels,):
                raise ValueError(f"{node.name} has a bias {bias.shape} for {channels} channels")
            user = self._only_user(user)
        return bias, user

    def _only_user(self, node: _Node) -> _Node | None:
        """Return the layer that uses another, apart from the one that prepares its output for int8."""
        users = self._users.get(node.id, [])
        return users[0] if len(users) == 1 else None

    def _sources(self, node_id: str) -> list[str]:
        """Return the convolutions whose outputs are concatenated, if they are."""
        node = next(each for each in self._upstream(self._nodes[node_id]) if each.type != "FakeQuantize")
        if node.type != "Concat":
            return []
        if int(node.data.get("axis", 1)) != 1:
            raise ValueError(f"{node.name} concatenates along axis {node.data['axis']}")
        producers = [self._producer(self._nodes[source]) for source in node.inputs]
        return ["" if producer is None else producer.name for producer in producers]

    def _is_constant(self, node_id: str) -> bool:
        near = islice(self._upstream(self._nodes[node_id]), _DEEPEST + 1)
        return next((node.type for node in near if node.type not in _DERIVED), "") == "Const"

    def _constant(self, node_id: str, depth: int = 0) -> np.ndarray:
        """Compute a constant; those of int8 files are made of several layers."""
        node = self._nodes[node_id]
        if depth > _DEEPEST or node.type not in _DERIVED | {"Const"}:
            raise ValueError(f"{node.name} is {node.type}, expected a constant")
        if node.type == "Const":
            return self._read(node)
        first = self._constant(node.inputs[0], depth + 1)
        if node.type == "Convert":
            return first
        if node.type == "Reshape":
            shape = [int(size) for size in self._read(self._nodes[node.inputs[1]])]
            return first.reshape(shape)
        second = self._constant(node.inputs[1], depth + 1)
        if math.prod(np.broadcast_shapes(first.shape, second.shape)) > max(first.size, second.size):
            raise ValueError(f"{node.name} combines {first.shape} and {second.shape}")
        return _ARITHMETIC[node.type](first, second)

    def _read(self, node: _Node) -> np.ndarray:
        dtype = np.dtype(_DTYPES[node.data["element_type"]])
        shape = [int(size) for size in node.data["shape"].split(",") if size.strip()]
        offset = int(node.data["offset"])
        size = int(node.data["size"])
        if min([*shape, 1]) < 0 or offset < 0 or math.prod(shape) * dtype.itemsize != size:
            raise ValueError(f"{node.name} claims {size} bytes at {offset} for {shape}")
        if offset + size > len(self._bytes):
            raise ValueError(f"{node.name} ends at byte {offset + size} of {len(self._bytes)}; was the .bin cut off?")
        array = self._bytes[offset : offset + size].tobytes()
        values: Any = np.frombuffer(array, dtype).reshape(shape).astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError(f"{node.name} holds values that are no numbers")
        return values
