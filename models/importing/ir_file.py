"""The files of an OpenVINO IR: layers and their connections (``.xml``), and constants (``.bin``)."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

ARITHMETIC: dict[str, np.ufunc] = {
    "Add": np.add,
    "Subtract": np.subtract,
    "Multiply": np.multiply,
    "Divide": np.divide,
}
_DTYPES = {"f32": "<f4", "f16": "<f2", "i64": "<i8", "i32": "<i4", "i8": "i1", "u8": "u1"}
_DERIVED = {"Convert", "Reshape", *ARITHMETIC}  # what makes one constant of others
_DEEPEST = 8  # such layers in turn
_MAX_XML = 64 << 20


@dataclass(frozen=True)
class Node:
    """A layer: its type, its settings as they are written, and the layers that its inputs come from."""

    id: str
    name: str
    type: str
    data: Mapping[str, str]
    inputs: tuple[str, ...]


class IrFile:
    """The layers of an IR. All methods fail with errors of Python where the files are broken.

    Parameters
    ----------
    path
        The ``.xml``.
    binary
        The ``.bin``.

    Attributes
    ----------
    nodes
        The layers by their numbers.
    users
        The layers that use the output of each.
    num_bytes
        The size of the ``.bin``.
    """

    def __init__(self, path: Path, binary: Path) -> None:
        if path.stat().st_size > _MAX_XML:
            raise ValueError("the .xml is too large")
        self._bytes = np.memmap(binary, np.uint8, "r") if binary.stat().st_size else np.zeros(0, np.uint8)
        self.num_bytes = len(self._bytes)
        self.nodes: dict[str, Node] = {}
        self.users: dict[str, list[Node]] = {}
        self._parse(path.read_text("utf-8"))

    def _parse(self, text: str) -> None:
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
            self.nodes[id_] = Node(
                id_,
                layer.attrib["name"],
                layer.attrib["type"],
                {} if data is None else data.attrib,
                tuple(source for _, source in sorted(inputs.get(id_, []))),
            )
        if not self.nodes:
            raise ValueError("it has no layers")
        for node in self.nodes.values():
            for source_id in node.inputs:
                if source_id not in self.nodes:
                    raise ValueError(f"an edge comes from the unknown layer {source_id}")
                self.users.setdefault(source_id, []).append(node)

    def upstream(self, node: Node) -> Iterator[Node]:
        """Yield a layer, the one that its first input comes from, and so on."""
        for _ in range(len(self.nodes)):
            yield node
            if not node.inputs:
                return
            node = self.nodes[node.inputs[0]]

    def only_user(self, node: Node) -> Node | None:
        """Return the layer that uses another, apart from the one that prepares its output for int8."""
        users = self.users.get(node.id, [])
        return users[0] if len(users) == 1 else None

    def is_constant(self, node_id: str) -> bool:
        """Tell whether a layer is a constant, perhaps one that several layers make."""
        near = islice(self.upstream(self.nodes[node_id]), _DEEPEST + 1)
        return next((node.type for node in near if node.type not in _DERIVED), "") == "Const"

    def constant(self, node_id: str, depth: int = 0) -> np.ndarray:
        """Compute a constant; those of int8 files are made of several layers."""
        node = self.nodes[node_id]
        if depth > _DEEPEST or node.type not in _DERIVED | {"Const"}:
            raise ValueError(f"{node.name} is {node.type}, expected a constant")
        if node.type == "Const":
            return self._read(node)
        first = self.constant(node.inputs[0], depth + 1)
        if node.type == "Convert":
            return first
        if node.type == "Reshape":
            shape = [int(size) for size in self._read(self.nodes[node.inputs[1]])]
            return first.reshape(shape)
        second = self.constant(node.inputs[1], depth + 1)
        if math.prod(np.broadcast_shapes(first.shape, second.shape)) > max(first.size, second.size):
            raise ValueError(f"{node.name} combines {first.shape} and {second.shape}")
        return ARITHMETIC[node.type](first, second)

    def _read(self, node: Node) -> np.ndarray:
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
