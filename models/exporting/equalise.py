"""Make the channels of activations equally wide, so that one scale for all of them fits each.

Scaling a channel commutes with ReLU, so what a convolution makes s times smaller, the depthwise convolution behind
the ReLU can make s times larger: the network computes the same (Nagel et al. 2019, "Data-Free Quantization Through
Weight Equalization and Bias Correction", section 4.1). A depthwise convolution is free to, as each of its channels
has a scale of its own in int8. In a trained MobileNet a few channels are a hundred times wider than the
others, which in int8 would be left with two or three levels.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_NARROWEST = 1e-3  # relative to the widest channel; what is still narrower does nothing


@dataclass
class _Pair:
    """A convolution and the depthwise one behind its ReLU, by the names of their weights and biases."""

    activation: str
    weight: str
    bias: str
    next_weight: str
    widths: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))


def equalise(model: Any, images: Iterable[np.ndarray]) -> int:
    """Equalise the channels before every depthwise convolution of an ONNX model, in place.

    Parameters
    ----------
    model
        An ``onnx.ModelProto`` whose batch normalisation has been folded into the convolutions.
    images
        Batches for its input ``images``; the widths of the channels are measured on them.

    Returns
    -------
    int
        The number of pairs of convolutions that were equalised.
    """
    numpy_helper = importlib.import_module("onnx").numpy_helper
    pairs = _find_pairs(model.graph)
    if not pairs:
        return 0
    _measure(model, pairs, images)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}

    def multiply(name: str, factors: np.ndarray) -> None:
        array = numpy_helper.to_array(tensors[name])
        product = array * factors.reshape((-1,) + (1,) * (array.ndim - 1)).astype(array.dtype)
        tensors[name].CopyFrom(numpy_helper.from_array(product, name))

    for pair in pairs:
        factors = pair.widths / np.median(pair.widths)
        multiply(pair.weight, 1 / factors)
        multiply(pair.bias, 1 / factors)
        multiply(pair.next_weight, factors)
    return len(pairs)


def _find_pairs(graph: Any) -> list[_Pair]:
    """Find convolution, ReLU, depthwise convolution, where nothing else reads what is between them."""
    weights = {tensor.name: tensor.dims for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    readers: dict[str, list[Any]] = {output.name: [output] for output in graph.output}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    pairs = []
    for node in graph.node:
        if node.op_type != "Conv" or not _is_depthwise(node, weights):
            continue
        relu = makers.get(node.input[0])
        if relu is None or relu.op_type != "Relu":
            continue
        first = makers.get(relu.input[0])
        if first is None or first.op_type != "Conv" or len(first.input) < 3:
            continue
        names = [relu.input[0], relu.output[0], first.input[1], first.input[2], node.input[1]]
        if all(len(readers[name]) == 1 for name in names):
            pairs.append(_Pair(names[1], *names[2:]))
    return pairs


def _is_depthwise(node: Any, weights: dict[str, Any]) -> bool:
    groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
    return node.input[1] in weights and groups == weights[node.input[1]][0] > 1


def _measure(model: Any, pairs: list[_Pair], images: Iterable[np.ndarray]) -> None:
    """Set the largest value of every channel between each pair."""
    onnx, runtime = (importlib.import_module(name) for name in ("onnx", "onnxruntime"))
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.extend(onnx.helper.make_empty_tensor_value_info(pair.activation) for pair in pairs)
    session = runtime.InferenceSession(probe.SerializeToString(), providers=["CPUExecutionProvider"])
    for batch in images:
        for pair, maps in zip(pairs, session.run(None, {"images": batch})):
            widths = maps.max(axis=(0, 2, 3))
            pair.widths = np.maximum(pair.widths, widths) if pair.widths.size else widths
    for pair in pairs:
        pair.widths = np.maximum(pair.widths, _NARROWEST * pair.widths.max())
        pair.widths[pair.widths <= 0] = 1  # a network whose layer is dead on all images
