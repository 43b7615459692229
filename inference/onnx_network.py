"""Exported networks on onnxruntime or OpenVINO, in place of the Gluon ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Callable

import numpy as np

from .._compat import available_cores
from ..choices import RUNTIMES
from ..codecs import kinds_of
from ..errors import CheckpointError, ConfigError, DataError, quote, reason
from ..models.exporting.runtime import TEXTS, import_optional, open_session
from ..models.files.file_kind import expect_kind
from ..skeletons import skeleton_from_spec

_LARGEST = 1024  # pixels that a stride or a multiple may have

_Runner = Callable[[np.ndarray], Sequence[np.ndarray]]


class OnnxNetwork:
    """One stage of a network in a file of `export_onnx` or `quantize_network`, on the CPU, for `PoseEstimator`.

    An ONNX file is a program of tensor operators. It cannot do anything but calculate, but it says itself how
    much memory that takes.

    Parameters
    ----------
    path
        The file.
    threads
        How many threads an operator may use; by default one for each core that this process may use.
    runtime
        "onnxruntime" or "openvino"; both calculate in float32 where the file does not say int8.

    Attributes
    ----------
    path : Path
    runtime : str
    name : str
        The name of the network in the registry.
    options : dict
        What it was built with, apart from the skeleton.
    skeleton : Skeleton
    stride, multiple, kinds
        As of a `PoseNet`; there is one stage.
    meta : dict
        The whole description, also what the exporter was given in addition.

    Raises
    ------
    CheckpointError
        If the file is missing, broken, or was not exported by this package.
    ConfigError
        If the runtime is unknown or missing, or `threads` is not positive.
    """

    def __init__(self, path: str | Path, threads: int | None = None, runtime: str = "onnxruntime") -> None:
        if threads is not None and threads < 1:
            raise ConfigError(f"threads={threads}, expected a positive number")
        if runtime not in RUNTIMES:
            raise ConfigError(f"runtime={quote(runtime)}, expected one of {', '.join(RUNTIMES)}")
        self.path = Path(path)
        self.runtime = runtime
        open_file = _open_openvino if runtime == "openvino" else _open_onnxruntime
        expect_kind(self.path, "onnx")
        self._run, texts, inputs, outputs = open_file(self.path, threads or available_cores())
        self.meta: dict[str, Any] = {key: text if key in TEXTS else _parse(text) for key, text in texts.items()}
        try:
            self._describe(inputs, outputs)
        except (AttributeError, ConfigError, KeyError, TypeError, ValueError) as error:
            missing = f"no {error}" if isinstance(error, KeyError) else reason(error)
            raise CheckpointError(
                f"{path}: an ONNX file, but none that this package has exported ({missing})"
            ) from None

    def _describe(self, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        """Take from the description what the network is."""
        self.name = _typed(self.meta, "model", str)
        self.options = _typed(self.meta, "options", dict)
        self.skeleton = skeleton_from_spec(_typed(self.meta, "skeleton", dict))
        self.stride = _typed(self.meta, "stride", int)
        self.multiple = _typed(self.meta, "multiple", int)
        described = tuple(_typed(self.meta, "outputs", list))
        if not (self.name and self.name.isprintable()):
            raise ValueError(f"its model is {quote(self.name)}")
        if not (1 <= self.stride <= _LARGEST and 1 <= self.multiple <= _LARGEST):
            raise ValueError(f"stride {self.stride} and multiple {self.multiple}, expected 1 to {_LARGEST}")
        if described != outputs:
            raise ValueError(f"its outputs are {quote(outputs)}")
        if inputs != ("images",):
            raise ValueError(f"its inputs are {quote(inputs)}")
        self.kinds = (kinds_of(outputs),)

    def __call__(self, images: Any) -> list[dict[str, np.ndarray]]:
        """Compute the maps.

        Parameters
        ----------
        images
            (B, H, W, 3) RGB of NumPy or MXNet, uint8 or float32 from 0 to 255; H and W multiples of `multiple`.

        Returns
        -------
        list
            One stage: its maps (B, C, h, w) float32 by the names of their `kinds`, with h = H / stride.

        Raises
        ------
        DataError
            If the images have another shape or type.
        CheckpointError
            If the file turns out to be broken.
        """
        array = images.asnumpy() if hasattr(images, "asnumpy") else np.asarray(images)
        shape = array.shape
        multiple = self.multiple
        fits = array.ndim == 4 and array.size and shape[3] == 3 and not (shape[1] % multiple or shape[2] % multiple)
        if not fits or array.dtype not in (np.uint8, np.float32):
            raise DataError(
                f"{self.name}: images of shape {shape} and type {array.dtype}, expected uint8 or float32 "
                f"(batch, height, width, 3) with both sides multiples of {multiple}"
            )
        try:
            found = list(self._run(array.astype(np.float32, copy=False)))
        except Exception as error:  # the errors of the runtimes have no class in common
            raise CheckpointError(f"{self.path}: {self.runtime} cannot run it ({reason(error)})") from None
        grid = (shape[1] // self.stride, shape[2] // self.stride)
        for kind, maps in zip(self.kinds[0], found):  # a damaged file may return anything
            if maps.shape[1:] != (kind.channels(self.skeleton), *grid):
                raise CheckpointError(f"{self.path}: returns {kind.name} of shape {maps.shape}, it is damaged")
            if not np.isfinite(maps).all():
                raise CheckpointError(f"{self.path}: returns {kind.name} that are not finite, it is damaged")
        return [{kind.name: maps for kind, maps in zip(self.kinds[0], found)}]


_Opened = tuple[_Runner, dict[str, str], tuple[str, ...], tuple[str, ...]]


def _open_onnxruntime(path: Path, threads: int) -> _Opened:
    """Return what runs a file, its description, and the names of its inputs and outputs."""
    session = open_session(path, threads)
    try:
        texts = dict(session.get_modelmeta().custom_metadata_map)
        ports = (session.get_inputs(), session.get_outputs())
        inputs, outputs = (tuple(node.name for node in nodes) for nodes in ports)
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path}: a broken ONNX file ({reason(error)})") from None
    return lambda images: session.run(None, {"images": images}), texts, inputs, outputs


def _open_openvino(path: Path, threads: int) -> _Opened:
    """Return the same on OpenVINO."""
    onnx = import_optional("onnx")
    core = _openvino_core()
    try:
        described = onnx.load(path)
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        # Left to itself it calculates in bfloat16 where the processor can.
        settings["INFERENCE_PRECISION_HINT"] = "f32"
        model = core.compile_model(str(path), "CPU", settings)
    except Exception as error:  # foreign bytes fail in every way there is
        raise CheckpointError(f"{path}: not an ONNX file, or a broken one ({reason(error)})") from None
    texts = {entry.key: entry.value for entry in described.metadata_props}
    graph = described.graph
    named = {entry.name for entry in (*graph.input, *graph.output)}  # OpenVINO knows a tensor by several names
    inputs, outputs = (
        tuple(min(port.get_names() & named, default="") for port in ports) for ports in (model.inputs, model.outputs)
    )
    request = model.create_infer_request()

    def run(images: np.ndarray) -> list[np.ndarray]:
        results = request.infer({0: images}, share_inputs=True)
        return [np.array(results[port]) for port in model.outputs]

    return run, texts, inputs, outputs


@cache
def _openvino_core() -> Any:
    """Return the one `openvino.Core` of the process, which is never freed.

    Each has a stack for the signals of the process and puts the former one back when it is freed: of two that
    are freed in the order they were made, the second puts back memory that is gone, and the next Ctrl-C crashes.
    """
    return import_optional("openvino").Core()


def _typed(meta: dict[str, Any], key: str, kind: type) -> Any:
    value = meta[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"its {key} is {quote(value)}")
    return value


def _parse(text: str) -> Any:
    """Return what is in an entry of the description: JSON, or a text as it is."""
    try:
        return json.loads(text)
    except (RecursionError, ValueError):
        return text
