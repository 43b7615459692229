"""The packages that networks are exported with and run by outside of MXNet, which need not be installed."""

from __future__ import annotations

import importlib
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from ..._compat import available_cores
from ...errors import CheckpointError, ConfigError

TEXTS = ("cpm_version", "model", "input")  # what an ONNX file describes in plain text, the rest is JSON


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
        raise ConfigError(f"{name} cannot be imported ({first_line(error)}): pip install 'cpm-pose[{extra}]'") from None


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


@contextmanager
def silence() -> Iterator[None]:
    """Keep prints, warnings and messages on the root logger of the exporter and the runtime away from the user."""
    root = logging.getLogger()
    before = root.disabled
    nowhere = logging.NullHandler()
    root.addHandler(nowhere)  # or its first message would set up logging for the whole process
    root.disabled = True
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        root.disabled = before
        root.removeHandler(nowhere)


def first_line(error: Exception) -> str:
    """Return the first line of the message of an error."""
    return str(error).partition("\n")[0]
