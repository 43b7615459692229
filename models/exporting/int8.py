"""The steps of static quantisation by onnxruntime: fold batch normalisation, measure activations, round."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from .runtime import silence

_QUANTIZED = ("Conv", "ConvTranspose", "Relu", "MaxPool", "Add", "Concat")


def fold_batch_norm(source: Path, target: Path) -> Any:
    """Write an exported network with its batch normalisation folded into the convolutions; every node has a name."""
    onnx, runtime = (importlib.import_module(name) for name in ("onnx", "onnxruntime"))
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 4
    runtime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    model = onnx.load(target)
    for node in model.graph.node:
        node.name = node.output[0]
    used = {node.domain for node in model.graph.node}
    kept = [entry for entry in model.opset_import if entry.domain in used]  # onnxruntime lists all that it knows
    del model.opset_import[:]
    model.opset_import.extend(kept)
    return model


def calibrate(path: Path, batches: Sequence[np.ndarray], method: str, progress: bool) -> Any:
    """Return the ranges of all activations, holding those of one image at a time."""
    quantization = importlib.import_module("onnxruntime.quantization")
    with silence():
        calibrator = quantization.create_calibrator(
            str(path),
            _QUANTIZED,
            augmented_model_path=str(path.with_name("calibrated.onnx")),
            calibrate_method=getattr(quantization.CalibrationMethod, method),
        )
    for batch in tqdm(batches, desc="calibrating", unit="image", disable=not progress):
        with silence():
            calibrator.collect_data(_reader(quantization, batch))
    with silence():
        return calibrator.compute_data()


def _reader(quantization: Any, batch: np.ndarray) -> Any:
    class Reader(quantization.CalibrationDataReader):
        """One batch, in the form that a calibrator takes."""

        def __init__(self) -> None:
            self.feeds = iter([{"images": batch}])

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.feeds, None)

    return Reader()


def quantize_graph(folded: Path, plain: Path, target: Path, ranges: Any, reduce_range: bool, float_layers: int) -> None:
    """Write a folded network in int8, with the description of the plain one.

    Parameters
    ----------
    folded, plain, target
        The file of `fold_batch_norm`, the one that it was made of, and the one to write.
    ranges
        What `calibrate` returned.
    reduce_range
        Whether to round weights to 7 bits.
    float_layers
        How many of the first convolutions stay in float.
    """
    onnx, quantization = (importlib.import_module(name) for name in ("onnx", "onnxruntime.quantization"))
    model = onnx.load(folded)
    convolutions = [node.name for node in model.graph.node if node.op_type == "Conv"]
    in_float = [*convolutions[:float_layers], *_last_convolutions(model.graph)]
    quantizer = importlib.import_module("onnxruntime.quantization.qdq_quantizer").QDQQuantizer(
        model,
        per_channel=True,
        reduce_range=reduce_range,
        weight_qType=quantization.QuantType.QInt8,
        activation_qType=quantization.QuantType.QUInt8,
        tensors_range=ranges,
        nodes_to_quantize=[],
        nodes_to_exclude=in_float,
        op_types_to_quantize=list(_QUANTIZED),
        extra_options={"WeightSymmetric": True},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    model = quantizer.model.model
    described = onnx.load(plain)
    del model.metadata_props[:]
    model.metadata_props.extend(described.metadata_props)
    model.producer_name = described.producer_name
    model.producer_version = described.producer_version
    onnx.checker.check_model(model)
    onnx.save(model, target)


def _last_convolutions(graph: Any) -> list[str]:
    """Return the names of the convolutions that the outputs come from, which a slice or a sigmoid may follow."""
    makers = {name: node for node in graph.node for name in node.output}
    last = []
    for output in graph.output:
        node = makers[output.name]
        while node.op_type != "Conv":
            node = makers[node.input[0]]
        last.append(node.name)
    return last
