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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import CheckpointError, ConfigError, DataError, quote
from ...files import atomic_path
from ..networks.posenet import PoseNet
from .accuracy import Accuracy, compare_files
from .equalise import equalise
from .export import export_onnx
from .int8 import calibrate, fold_batch_norm, quantize_graph
from .runtime import first_line, import_optional, silence

CALIBRATIONS = {"naive": "MinMax", "entropy": "Entropy"}  # and what onnxruntime calls them

_FLOAT_LAYERS = 3  # of a network with depthwise convolutions


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
    _check_options(path, calibration, float_layers)
    batches = _as_batches(net, "images", images)
    checked = _as_batches(net, "check", check)
    import_optional("onnx")
    import_optional("onnxruntime.quantization")
    about = {"calibration": calibration, "images": len(images), "weight_bits": 7 if reduce_range else 8}
    with tempfile.TemporaryDirectory() as folder, atomic_path(path) as temporary:
        plain = Path(folder) / "float.onnx"
        folded = Path(folder) / "folded.onnx"
        export_onnx(net, plain, stage, {**(extra or {}), "quantization": about})
        try:
            with silence():
                model = fold_batch_norm(plain, folded)
                pairs = equalise(model, batches)
                importlib.import_module("onnx").save(model, folded)
            ranges = calibrate(folded, batches, CALIBRATIONS[calibration], progress)
            with silence():
                first = _FLOAT_LAYERS * bool(pairs) if float_layers is None else float_layers
                quantize_graph(folded, plain, temporary, ranges, reduce_range, first)
        except Exception as error:  # those of onnxruntime have no class in common
            raise CheckpointError(f"{path}: {net.name} cannot be quantised ({first_line(error)})") from None
        return compare_files(net, plain, temporary, checked, stage)


def _check_options(path: str | Path, calibration: str, float_layers: int | None) -> None:
    if calibration not in CALIBRATIONS:
        raise ConfigError(f"calibration={quote(calibration)}, expected one of {', '.join(CALIBRATIONS)}")
    if Path(path).suffix != ".onnx":
        raise ConfigError(f"{path}: expected a name that ends in .onnx, by which it is known what it is")
    if float_layers is not None and float_layers < 0:
        raise ConfigError(f"float_layers={float_layers}, expected 0 or more")


def _as_batches(net: PoseNet, name: str, images: Sequence[np.ndarray]) -> list[np.ndarray]:
    if not len(images):
        raise DataError(f"{name}: no images, expected at least one")
    for image in images:
        shape = image.shape
        multiple = net.multiple
        if len(shape) != 3 or shape[2] != 3 or image.dtype != np.uint8 or shape[0] % multiple or shape[1] % multiple:
            raise DataError(
                f"{name}: an image of shape {shape} and type {image.dtype}, expected uint8 (height, width, 3) "
                f"with both sides multiples of {multiple}"
            )
    return [image[None].astype(np.float32) for image in images]
