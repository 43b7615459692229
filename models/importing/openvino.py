"""Read OpenVINO IR (``.xml`` and ``.bin``, version 10 or 11): float, half, or int8, which is dequantised.

The names of its layers differ from release to release, so a network is matched by its graph: the convolutions
in the order in which they are computed, their shapes, strides, paddings, dilations, groups and activations.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import CheckpointError, reason
from ..files.file_kind import check_file_of_weights
from .ir_file import ARITHMETIC, IrFile, Node

_ACTIVATIONS = {"ReLU": "relu", "Elu": "elu"}
_CONVOLUTIONS = ("Convolution", "GroupConvolution")
_BROKEN = (ElementTree.ParseError, IndexError, KeyError, OverflowError, TypeError, ValueError)


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
class Graph:
    """What an IR computes.

    Attributes
    ----------
    convolutions
        All of them in the order in which they are computed, those of the widest output first.
    scale, shift
        What is done to the input at first, per channel or with one number for all.
    """

    convolutions: list[Convolution]
    scale: np.ndarray
    shift: np.ndarray


def read_graph(path: Path) -> Graph:
    """Read an IR.

    Parameters
    ----------
    path
        The ``.xml``; the ``.bin`` lies beside it.

    Raises
    ------
    CheckpointError
        If one of them is missing or broken.
    """
    check_file_of_weights(path, "the .xml of an OpenVINO IR")
    binary = _find_binary(path)
    try:
        ir = IrFile(path, binary)
        return Graph(_convolutions(ir), *_input_scaling(ir))
    except _BROKEN as error:
        found = f"no {error}" if isinstance(error, KeyError) else reason(error)
        raise CheckpointError(f"{path}: not an OpenVINO IR, or a broken one ({found})") from None


def _find_binary(path: Path) -> Path:
    """Return the file of numbers that lies beside the graph: by its name with another suffix, however written."""
    names = [path.with_suffix(".bin"), path.with_suffix(".BIN"), path.with_name(f"{path.name}.bin")]
    binary = next((name for name in names if name.is_file()), names[0])
    check_file_of_weights(binary, f"the numbers of the OpenVINO IR {path.name}")
    return binary


def _convolutions(ir: IrFile) -> list[Convolution]:
    """Return all convolutions in the order in which they are computed, those of the widest output first."""
    order = list(_compute_order(ir))
    found = [node for node in ir.nodes.values() if node.type in _CONVOLUTIONS]
    if len(found) != len(order):
        raise ValueError(f"{len(found) - len(order)} of its {len(found)} convolutions lead to no output")
    convolutions = []
    size = 0
    for node in order:
        convolutions.append(_convolution(ir, node))
        size += convolutions[-1].weight.size
        if size > ir.num_bytes:
            raise ValueError("its convolutions share their weights")
    return convolutions


def _input_scaling(ir: IrFile) -> tuple[np.ndarray, np.ndarray]:
    """Return the factor and the shift, per channel (or one for all), that the graph applies to its input."""
    scale = np.ones(1)
    shift = np.zeros(1)
    starts = [node for node in ir.nodes.values() if node.type == "Parameter"]
    if len(starts) != 1:
        raise ValueError(f"it has {len(starts)} inputs, expected one")
    node = starts[0]
    for _ in range(len(ir.nodes)):
        users = ir.users.get(node.id, [])
        if len(users) != 1 or users[0].type in _CONVOLUTIONS:
            return scale.astype(np.float32), shift.astype(np.float32)
        node = users[0]
        if node.type in ARITHMETIC:
            constant = ir.constant(node.inputs[1]).ravel()
            if node.type in ("Multiply", "Divide"):
                scale = ARITHMETIC[node.type](scale, constant)
            shift = ARITHMETIC[node.type](shift, constant)
        elif node.type not in ("FakeQuantize", "Convert"):
            raise ValueError(f"its input goes through {node.type} {node.name}, which is not known here")
    raise ValueError("its input goes round in a circle")


def _compute_order(ir: IrFile) -> Iterator[Node]:
    """Walk from the outputs to the input and yield every convolution after those that it depends on."""
    outputs = [node for node in ir.nodes.values() if node.type == "Result"]
    outputs.sort(key=lambda node: -_width(ir, node))
    done: set[str] = set()
    stack = [(node, False) for node in reversed(outputs)]
    for _ in range(4 * sum(len(node.inputs) + 1 for node in ir.nodes.values())):
        if not stack:
            return
        node, ready = stack.pop()
        if ready:
            if node.type in _CONVOLUTIONS:
                yield node
        elif node.id not in done:
            done.add(node.id)
            stack.append((node, True))
            stack += [(ir.nodes[source], False) for source in reversed(node.inputs)]
    raise ValueError("its layers form a circle")


def _producer(ir: IrFile, node: Node) -> Node | None:
    """Return the convolution whose output comes to a layer."""
    return next((each for each in ir.upstream(node) if each.type in _CONVOLUTIONS), None)


def _width(ir: IrFile, output: Node) -> int:
    node = _producer(ir, output)
    return len(ir.constant(node.inputs[1])) if node is not None and len(node.inputs) == 2 else 0


def _convolution(ir: IrFile, node: Node) -> Convolution:
    data = node.data
    weight = ir.constant(node.inputs[1])
    groups = 1
    if node.type == "GroupConvolution":
        groups = weight.shape[0]
        weight = weight.reshape(groups * weight.shape[1], *weight.shape[2:])
    if weight.ndim != 4:
        raise ValueError(f"{node.name} has weights {weight.shape}")
    bias, user = _bias(ir, node, len(weight))
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
        sources=tuple(_sources(ir, node.inputs[0])),
    )


def _bias(ir: IrFile, node: Node, channels: int) -> tuple[np.ndarray, Node | None]:
    """Return the bias, which is an addition of its own in this format, and the layer after it."""
    user = ir.only_user(node)
    bias = np.zeros(channels, np.float32)
    if user is not None and user.type == "Add" and ir.is_constant(user.inputs[1]):
        bias = ir.constant(user.inputs[1]).ravel()
        if bias.shape != (channels,):
            raise ValueError(f"{node.name} has a bias {bias.shape} for {channels} channels")
        user = ir.only_user(user)
    return bias, user


def _sources(ir: IrFile, node_id: str) -> list[str]:
    """Return the convolutions whose outputs are concatenated, if they are."""
    node = next((each for each in ir.upstream(ir.nodes[node_id]) if each.type != "FakeQuantize"), None)
    if node is None or node.type != "Concat":
        return []
    if int(node.data.get("axis", 1)) != 1:
        raise ValueError(f"{node.name} concatenates along axis {node.data['axis']}")
    producers = [_producer(ir, ir.nodes[source]) for source in node.inputs]
    return ["" if producer is None else producer.name for producer in producers]
