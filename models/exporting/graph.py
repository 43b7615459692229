"""One stage of a network as a graph of MXNet, with the parameters that it needs and a description."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ... import __version__
from ...errors import ConfigError
from ...mxnet_module import mx
from ...skeletons import skeleton_to_spec
from ..networks.posenet import PoseNet

INPUT = "RGB 0..255 float32 (batch, height, width, 3)"
DESCRIPTION = "__cpm__"  # the attribute of the input that holds the description


@dataclass(frozen=True)
class Graph:
    """One stage of a network; the parameters by their names in the symbol, the shape of some images."""

    symbol: mx.sym.Symbol
    params: dict[str, mx.nd.NDArray]
    meta: dict[str, Any]
    shape: tuple[int, ...]


def trace(net: PoseNet, stage: int, extra: Mapping[str, Any] | None) -> Graph:
    """Run a network on a symbol and keep what the stage needs."""
    maps = choose_stage(net, net(mx.sym.var("images")), stage)
    meta = _describe(net, list(maps), extra)
    named = [mx.sym.identity(symbol, name=kind) for kind, symbol in maps.items()]
    content = json.loads(mx.sym.Group(named).tojson())
    _leave_out_slices(content["nodes"])
    values = _name_by_place(net, content["nodes"], json.dumps(meta))
    symbol = mx.sym.load_json(json.dumps(content))
    params = {name: values[name] for name in symbol.list_inputs() if name != "images"}
    return Graph(symbol, params, meta, (2, *small_sides(net), 3))


def _name_by_place(net: PoseNet, nodes: list[dict[str, Any]], description: str) -> dict[str, mx.nd.NDArray]:
    """Name parameters by their place in the network and put the description on the input; return the values."""
    places: dict[str, str] = {}
    values: dict[str, mx.nd.NDArray] = {}
    for place, parameter in net._collect_params_with_prefix().items():
        places.setdefault(parameter.name, place)  # the first one of a parameter that is shared
        values[place] = parameter.list_data()[0].as_in_context(mx.cpu())
    for node in nodes:
        if node["name"] == "images":
            node["attrs"] = {"__dtype__": "0", DESCRIPTION: description}  # 0 is float32
        elif node["op"] == "null":
            node["name"] = places[node["name"]]
            node["attrs"] = {"__dtype__": "0", "__shape__": str(values[node["name"]].shape)}
        elif node["name"].startswith(net.prefix):  # it counts the networks of this process
            node["name"] = node["name"][len(net.prefix) :]
        if node["op"] == "BatchNorm" and node["attrs"].get("fix_gamma", "True") in ("True", "1"):
            gamma = nodes[node["inputs"][1][0]]["name"]
            values[gamma] = mx.nd.ones_like(values[gamma])  # what MXNet computes with, and ONNX would not
    return values


def _leave_out_slices(nodes: list[dict[str, Any]]) -> None:
    """Let what follows a slice of all channels take what comes before it: only gradients need it, see `join`."""
    before: dict[int, int] = {}
    for place, node in enumerate(nodes):
        inputs = [(before.get(source, source), output) for source, output, _ in node["inputs"]]
        node["inputs"] = [[source, output, 0] for source, output in inputs]  # the last counts tracings
        attributes = node.get("attrs", {})
        if node["op"] == "slice_axis" and (attributes["begin"], attributes["end"]) == ("0", "None"):
            before[place] = inputs[0][0]


def choose_stage(net: PoseNet, stages: Any, stage: int) -> Any:
    """Return the maps of one of the stages that a network has returned.

    Raises
    ------
    ConfigError
        If there is no such stage.
    """
    if not -len(stages) <= stage < len(stages):
        raise ConfigError(f"stage={stage}, but {net.name} has {len(stages)} stages")
    return stages[stage]


def _describe(net: PoseNet, kinds: list[str], extra: Mapping[str, Any] | None) -> dict[str, Any]:
    meta = {
        "cpm_version": __version__,
        "model": net.name,
        "options": {key: value for key, value in net.options.items() if key != "skeleton"},
        "skeleton": skeleton_to_spec(net.skeleton),
        "stride": net.stride,
        "multiple": net.multiple,
        "input": INPUT,
        "outputs": kinds,
    }
    if taken := sorted(set(meta) & set(extra or {})):
        raise ConfigError(f"an exported network cannot hold an additional {taken[0]!r}, it uses that name itself")
    return {**meta, **(extra or {})}


def small_sides(net: PoseNet) -> tuple[int, int]:
    """Return a small height and another width that the network takes."""
    height = -(-64 // net.multiple) * net.multiple
    return height, height + net.multiple
