"""Networks in int8: static quantisation of the exported network, calibrated on images.

Weights are rounded to int8 with a scale for each channel, activations to uint8 with a scale for each tensor (Jacob et
al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", section 2).
The file is ONNX with QuantizeLinear and DequantizeLinear around every convolution, which onnxruntime and OpenVINO
turn into integer arithmetic. The layers that make the maps stay in float: they take little time, and the maps
have weak peaks beside strong ones. So do the first layers of networks with depthwise convolutions, which
are as quick and whose errors go through all others.
"""

from __future__ import annotations

import importlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ...errors import CheckpointError, ConfigError, DataError, quote
from ...files import atomic_path
from ..networks.posenet import PoseNet
from .equalise import equalise
from .export import export_onnx, first_line, import_optional, open_session, silence

CALIBRATIONS = {"naive": "MinMax", "entropy": "Entropy"}  # and what onnxruntime calls them

_FLOAT_LAYERS = 3
_QUANTIZED = ("Conv", "ConvTranspose", "Relu", "MaxPool", "Add", "Concat")


@dataclass(frozen=True)
class Accuracy:
    """How far the maps of a network in int8 are from its maps in float, on images that it was not calibrated on.

    Attributes
    ----------
    correlation
        For each map, by the name of the joint or the limb: Pearson's, over all cells of all images.
    error
        For the kinds of maps: the root of the mean squared difference, relative to the root of the mean square.
    milliseconds
        For "float" and "int8": the shortest time of a forward pass in onnxruntime.
    """

    correlation: dict[str, float]
    error: dict[str, float]
    milliseconds: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures, fit for JSON."""
        return asdict(self)


def quantize_network(
    net: PoseNet,
    path: str | Path,
    images: Sequence[np.ndarray],
    check: Sequence[np.ndarray],
    calibration: str = "entropy",
    reduce_range: bool = False,
    float_layers: int | None = None,
    stage: int = -1,
    extra: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Accuracy:
    """Write a network as an ONNX file in int8, for `cpm.inference.OnnxNetwork`.

    Parameters
    ----------
    net
        A network of `get_model`, which stays as it is.
    path
        The file, which ends in ``.onnx``.
    images
        To calibrate on: (H, W, 3) RGB uint8, as the network will see them; some dozens are enough. Their sides are
        multiples of ``net.multiple``.
    check
        To compare both networks on, of the same kind.
    calibration
        How the range of an activation is found: "naive" takes the smallest and the largest value, "entropy" the
        range whose int8 distribution has the smallest Kullback-Leibler divergence from that of the values.
    reduce_range
        Whether to round weights to 7 bits, for processors without VNNI, whose 16-bit sums may overflow with 8.
    float_layers
        How many of the first convolutions stay in float; by default 3 in a network with depthwise ones, else none.
    stage
        0 for the first; negative numbers count from the last.
    extra
        Additional entries of the description, fit for JSON.
    progress
        Whether to show a progress bar.

    Returns
    -------
    Accuracy
        The comparison with the network in float.

    Raises
    ------
    ConfigError
        If onnx or onnxruntime is missing, the calibration or the stage is unknown, `float_layers` is negative, or the
        name ends otherwise.
    DataError
        If there is no image, or one has another shape or type.
    CheckpointError
        If the network cannot be converted.
    """
    if calibration not in CALIBRATIONS:
        raise ConfigError(f"calibration={quote(calibration)}, expected one of {', '.join(CALIBRATIONS)}")
    if Path(path).suffix != ".onnx":
        raise ConfigError(f"{path}: expected a name that ends in .onnx, by which it is known what it is")
    if float_layers is not None and float_layers < 0:
        raise ConfigError(f"float_layers={float_layers}, expected 0 or more")
    batches, checked = _as_batches(net, "images", images), _as_batches(net, "check", check)
    import_optional("onnx")
    import_optional("onnxruntime.quantization")
    about = {"calibration": calibration, "images": len(images), "weight_bits": 7 if reduce_range else 8}
    with tempfile.TemporaryDirectory() as folder, atomic_path(path) as temporary:
        plain, folded = Path(folder) / "float.onnx", Path(folder) / "folded.onnx"
        export_onnx(net, plain, stage, {**(extra or {}), "quantization": about})
        try:
            with silence():
                model = fold_batch_norm(plain, folded)
                pairs = equalise(model, batches)
                importlib.import_module("onnx").save(model, folded)
            ranges = _calibrate(folded, batches, CALIBRATIONS[calibration], progress)
            with silence():
                first = _FLOAT_LAYERS * bool(pairs) if float_layers is None else float_layers
                _quantize(folded, plain, temporary, ranges, reduce_range, first)
        except Exception as error:  # those of onnxruntime have no class in common
            raise CheckpointError(f"{path}: {net.name} cannot be quantised ({first_line(error)})") from None
        return _compare(net, plain, temporary, checked, stage)


def _as_batches(net: PoseNet, name: str, images: Sequence[np.ndarray]) -> list[np.ndarray]:
    if not len(images):
        raise DataError(f"{name}: no images, expected at least one")
    for image in images:
        shape, multiple = image.shape, net.multiple
        if len(shape) != 3 or shape[2] != 3 or image.dtype != np.uint8 or shape[0] % multiple or shape[1] % multiple:
            raise DataError(
                f"{name}: an image of shape {shape} and type {image.dtype}, expected uint8 (height, width, 3) "
                f"with both sides multiples of {multiple}"
            )
    return [image[None].astype(np.float32) for image in images]


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


def _calibrate(path: Path, batches: Sequence[np.ndarray], method: str, progress: bool) -> Any:
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


def _quantize(folded: Path, plain: Path, target: Path, ranges: Any, reduce_range: bool, float_layers: int) -> None:
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
    model, described = quantizer.model.model, onnx.load(plain)
    del model.metadata_props[:]
    model.metadata_props.extend(described.metadata_props)
    model.producer_name, model.producer_version = described.producer_name, described.producer_version
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


def _compare(net: PoseNet, plain: Path, quantized: Path, batches: Sequence[np.ndarray], stage: int) -> Accuracy:
    """Run both files on the same images, in turn."""
    sessions = {"float": open_session(plain), "int8": open_session(quantized)}
    maps: dict[str, list[list[np.ndarray]]] = {name: [] for name in sessions}
    seconds: dict[str, list[float]] = {name: [] for name in sessions}
    for session in sessions.values():
        session.run(None, {"images": batches[0]})
    for batch in batches:
        for name, session in sessions.items():
            start = time.perf_counter()
            maps[name].append(session.run(None, {"images": batch}))
            seconds[name].append(time.perf_counter() - start)
    correlation, error = {}, {}
    for index, kind in enumerate(net.kinds[stage]):
        expected, found = (_channels(maps[name], index) for name in ("float", "int8"))
        error[kind.name] = float(np.sqrt(((found - expected) ** 2).sum() / max(float((expected**2).sum()), 1e-30)))
        for name, *channel in zip(kind.channel_names(net.skeleton), expected, found):
            correlation[name] = _correlate(*channel)
    return Accuracy(correlation, error, {name: 1000 * min(times) for name, times in seconds.items()})


def _channels(maps: list[list[np.ndarray]], index: int) -> np.ndarray:
    """Return one kind of maps of all images as (C, cells)."""
    return np.concatenate([of_image[index][0].reshape(of_image[index].shape[1], -1) for of_image in maps], axis=1)


def _correlate(expected: np.ndarray, found: np.ndarray) -> float:
    """Return Pearson's correlation; of constant maps 1 if they agree, else 0."""
    a, b = expected - expected.mean(), found - found.mean()
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    if norm == 0:
        return float(np.allclose(expected, found, atol=1e-6))
    return float((a * b).sum() / norm)
