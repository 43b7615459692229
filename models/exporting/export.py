"""Take networks out of the package, as ONNX or as an MXNet symbol, and check that they compute the same.

Both hold one stage: the input ``images``, (batch, height, width, 3) RGB from 0 to 255, the normalisation, and
the outputs ``pafs``, ``heatmaps`` and ``offsets``, as far as the stage has them. Weights are named by their place in
the network, as in a checkpoint, so that the same network always makes the same file.
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import mxnet as mx
import numpy as np

from ... import __version__
from ..._compat import available_cores
from ...errors import CheckpointError, ConfigError
from ...files import atomic_path
from ...skeletons import skeleton_to_spec
from ..networks.posenet import PoseNet
from .onnx_mapping import onnx_mapping

logger = logging.getLogger(__name__)

INPUT = "RGB 0..255 float32 (batch, height, width, 3)"
TEXTS = ("cpm_version", "model", "input")  # what an ONNX file describes in plain text, the rest is JSON
TOLERANCE = 1e-4  # relative to the largest value; float32 sums in another order differ by about 1e-6

# What the converters of MXNet write; with the newest of the onnx package, older runtimes would refuse the file.
_OPSET, _IR_VERSION = 13, 7
_ATTRIBUTE = "__cpm__"

Runner = Callable[[np.ndarray], list[np.ndarray]]


@dataclass(frozen=True)
class _Graph:
    """One stage of a network; the parameters by their names in the symbol, the shape of some images."""

    symbol: mx.sym.Symbol
    params: dict[str, mx.nd.NDArray]
    meta: dict[str, Any]
    shape: tuple[int, ...]


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
        What `verify_export` returns; None, and a warning, where onnxruntime is not installed.

    Raises
    ------
    ConfigError
        If onnx is missing, the stage does not exist, or `extra` has a name that is taken.
    CheckpointError
        If an operator cannot be converted, or the file computes something else than the network.
    """
    onnx = import_optional("onnx")
    graph = _trace(net, stage, extra)
    with atomic_path(path) as temporary:
        _convert(onnx, graph, path, temporary)
        try:
            run = _onnx_runner(temporary)
        except ConfigError as error:
            logger.warning("%s: not checked against the network, %s", path, error)
            return None
        return _compare(net, run, path, stage)


def export_symbol(net: PoseNet, path: str | Path, stage: int = -1, extra: Mapping[str, Any] | None = None) -> float:
    """Write one stage of a network as ``PATH-symbol.json`` and ``PATH-0000.params``, for MXNet without this package.

    ``mx.gluon.SymbolBlock.imports("PATH-symbol.json", ["images"], "PATH-0000.params")`` reads them; its output
    is a list of the maps of the stage. For parameters, result and errors see `export_onnx`.
    """
    graph = _trace(net, stage, extra)
    auxiliary = set(graph.symbol.list_auxiliary_states())
    arrays = {("aux:" if name in auxiliary else "arg:") + name: array for name, array in graph.params.items()}
    symbol_file, params_file = symbol_files(path)
    with atomic_path(params_file) as params, atomic_path(symbol_file) as symbol:
        mx.nd.save(str(params), arrays)
        symbol.write_text(graph.symbol.tojson())
        return _compare(net, _symbol_runner(symbol, params), symbol_file, stage)


def verify_export(net: PoseNet, path: str | Path, stage: int = -1) -> float:
    """Run an exported file and the network on the same random images.

    `path` is an ONNX file or the ``…-symbol.json`` of a symbol. Returns the largest absolute difference of the maps.

    Raises
    ------
    CheckpointError
        If the difference is more than `TOLERANCE` of the largest value, or the file cannot be run.
    ConfigError
        If onnxruntime is missing, or there is no such stage.
    """
    prefix, symbol, _ = str(path).rpartition("-symbol.json")
    run = _symbol_runner(*symbol_files(prefix)) if symbol else _onnx_runner(path)
    return _compare(net, run, path, stage)


def read_symbol_meta(path: str | Path) -> dict[str, Any]:
    """Return the description in a ``…-symbol.json`` of `export_symbol`.

    Raises
    ------
    CheckpointError
        If the file is missing, broken or made by something else.
    """
    try:
        nodes = json.loads(Path(path).read_bytes())["nodes"]
        (images,) = (node for node in nodes if node["name"] == "images")
        meta = json.loads(images["attrs"][_ATTRIBUTE])
        return dict(meta)
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror}, expected an exported symbol") from None
    except (KeyError, TypeError, ValueError, RecursionError):
        raise CheckpointError(f"{path}: not a symbol that this package has exported") from None


def import_optional(name: str) -> Any:
    """Import onnx, onnxruntime, OpenVINO or a module of theirs.

    Raises
    ------
    ConfigError
        If it cannot be imported; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        extra = "openvino" if name == "openvino" else "onnx"
        raise ConfigError(f"{name} cannot be imported ({first_line(error)}): pip install 'cpm[{extra}]'") from None


def open_session(path: str | Path, threads: int | None = None) -> Any:
    """Return the session of onnxruntime on the CPU for an ONNX file; by default with a thread for each core.

    Raises
    ------
    CheckpointError
        If the file is missing, broken, or no ONNX.
    ConfigError
        If onnxruntime is missing.
    """
    runtime = import_optional("onnxruntime")
    if not Path(path).is_file():
        raise CheckpointError(f"{path}: no such file, expected an exported network (.onnx)")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or available_cores()
    options.log_severity_level = 4  # it raises its errors, too
    try:
        with silence():
            return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no class in common
        raise CheckpointError(f"{path}: not an ONNX file, or a broken one ({first_line(error)})") from None


def _trace(net: PoseNet, stage: int, extra: Mapping[str, Any] | None) -> _Graph:
    """Run a network on a symbol and keep what the stage needs."""
    maps = _choose(net, net(mx.sym.var("images")), stage)
    meta = _describe(net, list(maps), extra)
    named = [mx.sym.identity(symbol, name=kind) for kind, symbol in maps.items()]
    places: dict[str, str] = {}
    values: dict[str, mx.nd.NDArray] = {}
    for place, parameter in net._collect_params_with_prefix().items():
        places.setdefault(parameter.name, place)  # the first one of a parameter that is shared
        values[place] = parameter.list_data()[0].as_in_context(mx.cpu())
    content = json.loads(mx.sym.Group(named).tojson())
    nodes = content["nodes"]
    _leave_out_slices(nodes)
    for node in nodes:
        if node["name"] == "images":
            node["attrs"] = {"__dtype__": "0", _ATTRIBUTE: json.dumps(meta)}  # 0 is float32
        elif node["op"] == "null":
            node["name"] = places[node["name"]]
            node["attrs"] = {"__dtype__": "0", "__shape__": str(values[node["name"]].shape)}
        elif node["name"].startswith(net.prefix):  # it counts the networks of this process
            node["name"] = node["name"][len(net.prefix) :]
        if node["op"] == "BatchNorm" and node["attrs"].get("fix_gamma", "True") in ("True", "1"):
            gamma = nodes[node["inputs"][1][0]]["name"]
            values[gamma] = mx.nd.ones_like(values[gamma])  # what MXNet computes with, and ONNX would not
    symbol = mx.sym.load_json(json.dumps(content))
    params = {name: values[name] for name in symbol.list_inputs() if name != "images"}
    return _Graph(symbol, params, meta, (2, *_sides(net), 3))


def _leave_out_slices(nodes: list[dict[str, Any]]) -> None:
    """Let what follows a slice of all channels take what comes before it: only gradients need it, see `join`."""
    before: dict[int, int] = {}
    for place, node in enumerate(nodes):
        inputs = [(before.get(source, source), output) for source, output, _ in node["inputs"]]
        node["inputs"] = [[source, output, 0] for source, output in inputs]  # the last counts tracings
        attributes = node.get("attrs", {})
        if node["op"] == "slice_axis" and (attributes["begin"], attributes["end"]) == ("0", "None"):
            before[place] = inputs[0][0]


def _choose(net: PoseNet, stages: Any, stage: int) -> Any:
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


def _convert(onnx: Any, graph: _Graph, path: str | Path, temporary: Path) -> None:
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


def _mend(onnx: Any, model: Any, graph: _Graph) -> None:
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
    model.producer_name, model.producer_version = "cpm", graph.meta["cpm_version"]
    model.opset_import[0].version, model.ir_version = _OPSET, _IR_VERSION
    texts = {key: value if key in TEXTS else json.dumps(value) for key, value in graph.meta.items()}
    onnx.helper.set_model_props(model, texts)


@contextmanager
def silence() -> Iterator[None]:
    """Keep prints, warnings and messages on the root logger of the exporter and the runtime away from the user."""
    root, nowhere = logging.getLogger(), logging.NullHandler()
    root.addHandler(nowhere)  # or its first message would set up logging for the whole process
    root.disabled, before = True, root.disabled
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        root.disabled = before
        root.removeHandler(nowhere)


def _sides(net: PoseNet) -> tuple[int, int]:
    """Return a small height and another width that the network takes."""
    height = -(-64 // net.multiple) * net.multiple
    return height, height + net.multiple


def first_line(error: Exception) -> str:
    """Return the first line of the message of an error."""
    return str(error).partition("\n")[0]


def symbol_files(path: str | Path) -> tuple[Path, Path]:
    """Return the two files of an exported symbol: the graph and the parameters."""
    return Path(f"{path}-symbol.json"), Path(f"{path}-0000.params")


def _symbol_runner(symbol: Path, params: Path) -> Runner:
    try:
        with silence():  # it wonders about the type of the images
            block = mx.gluon.SymbolBlock.imports(str(symbol), ["images"], str(params), ctx=mx.cpu())
    except (AssertionError, OSError, ValueError, mx.MXNetError) as error:
        raise CheckpointError(f"{symbol}: MXNet cannot read it ({first_line(error)})") from None

    def run(images: np.ndarray) -> list[np.ndarray]:
        maps = block(mx.nd.array(images, ctx=mx.cpu()))
        return [array.asnumpy() for array in (maps if isinstance(maps, (list, tuple)) else [maps])]

    return run


def _onnx_runner(path: str | Path) -> Runner:
    session = open_session(path)
    return lambda images: session.run(None, {"images": images})


def _compare(net: PoseNet, run: Runner, path: str | Path, stage: int) -> float:
    """Return the largest difference between an exported file and the network; raise if it is too large."""
    images = np.random.default_rng(0).integers(0, 256, (2, *_sides(net), 3)).astype(np.float32)
    context = next(iter(net.collect_params().values())).list_ctx()[0]
    expected = [maps.asnumpy() for maps in _choose(net, net(mx.nd.array(images, ctx=context)), stage).values()]
    try:
        found = run(images)
    except Exception as error:  # those of onnxruntime have no class in common
        raise CheckpointError(f"{path}: cannot be run ({first_line(error)})") from None
    shapes = [[maps.shape for maps in either] for either in (found, expected)]
    if shapes[0] != shapes[1]:
        raise CheckpointError(f"{path}: returns maps of shapes {shapes[0]}, but {net.name} {shapes[1]}")
    differences = [float(np.abs(a - b).max()) for a, b in zip(found, expected)]
    relative = max(x / max(float(np.abs(b).max()), 1e-30) for x, b in zip(differences, expected))
    if not np.all(np.isfinite(differences)) or relative > TOLERANCE:
        raise CheckpointError(
            f"{path}: differs from {net.name} by {relative:.2g} of the largest value, expected up to {TOLERANCE:g}"
        )
    return max(differences)
