"""Match the graph of an OpenVINO IR with a network of this package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mxnet.gluon import Block, nn

from ...errors import CheckpointError, list_some
from ..files.parameters import network_parameters
from ..networks.posenet import NORMALISATIONS, PoseNet
from ..registry import build
from .layouts import INPUTS
from .openvino import Convolution, Graph, read_graph


def build_from_ir(
    source: Path, model: str, source_input: str, ctx: Any, skeleton: Any = None, **options: Any
) -> tuple[PoseNet, dict]:
    """Build a network and return it with the values of an IR by their places.

    Parameters
    ----------
    source
        The ``.xml``.
    model, source_input, ctx, skeleton, **options
        As for `cpm.models.import_weights`.

    Raises
    ------
    CheckpointError
        If the file is broken or its graph is not that of the network.
    """
    graph = read_graph(source)
    convolutions = graph.convolutions
    order, normalisation = INPUTS[source_input]
    if model == "lightweight_openpose" and "block" not in options:
        options["block"] = "reduced"  # the one of the OpenVINO release
    net = build(model, skeleton, {"normalisation": normalisation, **options}, ctx)
    factor = _input_factor(source, graph, net, order)
    layers = list(_layers(net))
    problems = []
    if len(layers) != len(convolutions):
        problems.append(f"{len(convolutions)} convolutions in place of {len(layers)}")
    for (place, layer, activation), convolution in zip(layers, convolutions):
        problems += _compare(place, layer, activation, convolution)
    if not problems:
        problems = _compare_sources([place for place, *_ in layers], convolutions)
    if problems:
        raise CheckpointError(f"{source}: not the graph of this {net.name}: {list_some(problems, 5)}")
    values = _values(net, [place for place, *_ in layers], convolutions)
    first = f"{layers[0][0]}.weight"
    values[first] = values[first] * factor
    if order == "bgr":
        values[first] = values[first][:, ::-1]
    return net, values


def _layers(block: Block, prefix: str = "") -> Iterator[tuple[str, nn.Conv2D, str]]:
    """Yield place, layer and activation of every convolution in the order of the network."""
    children = list(block._children.items())
    for k, (name, child) in enumerate(children):
        if isinstance(child, nn.Conv2D):
            after = [child.act] if child.act else [other for _, other in children[k + 1 :]]
            after = [other for other in after if not isinstance(other, (nn.BatchNorm, nn.Dropout))]
            yield prefix + name, child, _activation(after[0] if after else None)
        else:
            yield from _layers(child, f"{prefix}{name}.")


def _activation(layer: Block | None) -> str:
    if isinstance(layer, nn.Activation):
        return str(layer._act_type)
    return "elu" if isinstance(layer, nn.ELU) else ""


def _compare(place: str, layer: nn.Conv2D, activation: str, found: Convolution) -> list[str]:
    expected = layer._kwargs
    pairs = {
        "weights": (found.weight.shape, tuple(layer.weight.shape)),
        "stride": (found.stride, tuple(expected["stride"])),
        "padding": (found.pad, tuple(expected["pad"])),
        "dilation": (found.dilation, tuple(expected["dilate"])),
        "groups": (found.groups, expected["num_group"]),
        "activation": (found.activation, activation),
    }
    return [
        f"{found.name}: {what} {theirs} in place of {ours} of {place}"
        for what, (theirs, ours) in pairs.items()
        if theirs != ours
    ]


def _compare_sources(places: list[str], convolutions: list[Convolution]) -> list[str]:
    """Make sure that later stages see PAFs, heatmaps and features in this order."""
    names = {place: convolution.name for place, convolution in zip(places, convolutions)}
    problems = []
    for place, convolution in zip(places, convolutions):
        if not convolution.sources:
            continue
        stage = int(place.split(".")[1]) - 1
        parts = (f"stages.{stage}.paf.", f"stages.{stage}.heatmap.", "features.")
        expected = tuple(names[[other for other in places if other.startswith(part)][-1]] for part in parts)
        if convolution.sources != expected:
            problems.append(f"{convolution.name}: sees {convolution.sources} in place of {expected}")
    return problems


def _values(net: PoseNet, places: list[str], convolutions: list[Convolution]) -> dict[str, np.ndarray]:
    """Return weights and biases by place; batch normalisation, which the file has folded in, does nothing."""
    parameters = network_parameters(net)
    values: dict[str, np.ndarray] = {}
    loose: np.ndarray | None = None
    by_place = dict(zip(places, convolutions))
    for place, parameter in parameters.items():
        module, _, kind = place.rpartition(".")
        if module in by_place:
            convolution = by_place[module]
            values[place] = convolution.weight if kind == "weight" else convolution.bias
            loose = None if kind == "bias" else convolution.bias
        elif kind == "beta":
            values[place] = np.zeros(parameter.shape) if loose is None else loose
            loose = None
        elif kind == "gamma":
            values[place] = np.full(parameter.shape, np.sqrt(1 + _EPSILON))
        else:
            values[place] = np.full(parameter.shape, 1.0 if kind == "running_var" else 0.0)
    return values


_EPSILON = 1e-5  # of Gluon's batch normalisation


def _input_factor(source: Path, graph: Graph, net: PoseNet, order: str) -> np.ndarray:
    """Return by how much the graph scales each channel of its input more than the network does.

    Both must take the same grey for zero, which is what the first convolution sees around the image.
    """
    mean, deviation = (np.array(values) for values in NORMALISATIONS[net.options["normalisation"]])
    if order == "bgr":
        mean = mean[::-1]
        deviation = deviation[::-1]
    if not np.allclose(graph.shift + mean * graph.scale, 0, atol=1e-5):
        raise CheckpointError(
            f"{source}: takes {-graph.shift / graph.scale} for zero, "
            f"which is not the normalisation {net.options['normalisation']!r} of the network"
        )
    return (graph.scale * deviation).reshape(1, -1, 1, 1)
