"""Take networks out of the package, as ONNX or as an MXNet symbol, and check that they compute the same.

Both hold one stage: the input ``images``, (batch, height, width, 3) RGB from 0 to 255, the normalisation, and
the outputs ``pafs``, ``heatmaps`` and ``offsets``, as far as the stage has them. Weights are named by their place in
the network, as in a checkpoint, so that the same network always makes the same file.
"""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import CheckpointError, ConfigError
from ...files import atomic_path
from ...mxnet_module import mx
from ..networks.posenet import PoseNet
from .comparison import compare, onnx_runner, symbol_runner
from .graph import Graph, trace
from .onnx_mapping import onnx_mapping
from .runtime import TEXTS, first_line, import_optional, silence

logger = logging.getLogger(__name__)


# What the converters of MXNet write; with the newest of the onnx package, older runtimes would refuse the file.
_OPSET = 13
_IR_VERSION = 7


def export_onnx(
    net: PoseNet, path: str | Path, stage: int = -1, extra: Mapping[str, Any] | None = None
) -> float | None:
    """Write one stage of a network as an ONNX file for any batch, height and width.

    The file appears whole, and only if onnxruntime computes with it what the network does.

    Parameters
    ----------
    net
        A network of `get_model`, which stays as it is. Where it lives on several devices, the values of the
        first are taken.
    path
        The file, conventionally ``.onnx``.
    stage
        0 for the first; negative numbers count from the last.
    extra
        Additional entries of the description, fit for JSON, e.g. the ``config`` of the training.

    Returns
    -------
    float or None
        What `compare` returns; None, and a warning, where onnxruntime is not installed.

    Raises
    ------
    ConfigError
        If onnx is missing, the stage does not exist, or `extra` has a name that is taken.
    CheckpointError
        If an operator cannot be converted, or the file computes something else than the network.
    """
    onnx = import_optional("onnx")
    graph = trace(net, stage, extra)
    with atomic_path(path) as temporary:
        _convert(onnx, graph, path, temporary)
        try:
            run = onnx_runner(temporary)
        except ConfigError as error:
            logger.warning("%s: not checked against the network, %s", path, error)
            return None
        return compare(net, run, path, stage)


def export_symbol(net: PoseNet, path: str | Path, stage: int = -1, extra: Mapping[str, Any] | None = None) -> float:
    """Write one stage of a network as ``PATH-symbol.json`` and ``PATH-0000.params``, for MXNet without this package.

    ``mx.gluon.SymbolBlock.imports("PATH-symbol.json", ["images"], "PATH-0000.params")`` reads them; its output
    is a list of the maps of the stage. For parameters, result and errors see `export_onnx`.
    """
    graph = trace(net, stage, extra)
    auxiliary = set(graph.symbol.list_auxiliary_states())
    arrays = {("aux:" if name in auxiliary else "arg:") + name: array for name, array in graph.params.items()}
    symbol_file, params_file = symbol_files(path)
    with atomic_path(params_file) as params, atomic_path(symbol_file) as symbol:
        mx.nd.save(str(params), arrays)
        symbol.write_text(graph.symbol.tojson())
        return compare(net, symbol_runner(symbol, params), symbol_file, stage)


def symbol_files(path: str | Path) -> tuple[Path, Path]:
    """Return the two files of an exported symbol: the graph and the parameters."""
    return Path(f"{path}-symbol.json"), Path(f"{path}-0000.params")


def _convert(onnx: Any, graph: Graph, path: str | Path, temporary: Path) -> None:
    """Let MXNet convert a graph, mend and check what comes out."""
    try:
        with silence(), onnx_mapping(onnx):
            importlib.import_module("mxnet.onnx").export_model(
                graph.symbol,
                graph.params,
                [graph.shape],
                [np.float32],
                str(temporary),
                dynamic=True,
                dynamic_input_shapes=[("batch", "height", "width", 3)],
            )
        model = onnx.load(temporary)
        _mend(onnx, model, graph)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, temporary)
    except Exception as error:  # the converters fail in every way there is
        reason = first_line(error)
        raise CheckpointError(f"{path}: MXNet cannot convert {graph.meta['model']} to ONNX ({reason})") from None


def _mend(onnx: Any, model: Any, graph: Graph) -> None:
    """Mend what the exporter leaves, name the dimensions and add the description."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    images = [value for value in model.graph.input if value.name not in tensors]
    del model.graph.input[:]
    model.graph.input.extend(images)
    for node in model.graph.node:
        if node.op_type == "PRelu" and len(tensors[node.input[1]].dims) == 1:
            tensors[node.input[1]].dims.extend([1, 1])  # one slope for each channel, not for each column
    _, shapes, _ = graph.symbol.infer_shape(images=graph.shape)
    del model.graph.output[:]
    for name, shape in zip(graph.meta["outputs"], shapes):
        dimensions = ["batch", shape[1], "rows", "columns"]
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, dimensions))
    model.graph.name = graph.meta["model"]
    model.producer_name = "cpm"
    model.producer_version = graph.meta["cpm_version"]
    model.opset_import[0].version = _OPSET
    model.ir_version = _IR_VERSION
    texts = {key: value if key in TEXTS else json.dumps(value) for key, value in graph.meta.items()}
    onnx.helper.set_model_props(model, texts)


# By the name of a format: what writes it, and the files that it writes.
EXPORTERS: dict[str, tuple[Callable[..., float | None], Callable[[Path], tuple[Path, ...]]]] = {
    "onnx": (export_onnx, lambda path: (path,)),
    "symbol": (export_symbol, symbol_files),
}
