"""Open a network in whatever kind of file it is, to run on the backend that suits it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..choices import BACKENDS, RUNTIMES
from ..errors import ConfigError, quote
from ..models.files.checkpoint import read_checkpoint
from ..models.files.file_kind import find_kind
from ..mxnet_module import mx
from .onnx_network import OnnxNetwork

if TYPE_CHECKING:
    from ..models import PoseNet


def is_exported(path: str | Path) -> bool:
    """Tell whether a file holds an exported network, which runs on the CPU, and not a checkpoint.

    Raises
    ------
    CheckpointError
        If the file is missing or no kind of weights.
    """
    return find_kind(path, "a checkpoint or an exported network") == "onnx"


def open_network(
    path: str | Path, backend: str | None = None, ctx: mx.Context | None = None, model: str | None = None
) -> tuple[PoseNet | OnnxNetwork, Mapping[str, Any]]:
    """Open a checkpoint or an exported network (in float or int8), whichever the content of the file is.

    Parameters
    ----------
    path
        The file.
    backend
        One of `BACKENDS`; by default "mxnet" for a checkpoint and "onnxruntime" for an exported network.
    ctx
        Where MXNet computes; exported networks run on the CPU.
    model
        The name of the network, if it is not the one in the checkpoint.

    Returns
    -------
    tuple
        The network, and its description: of the checkpoint, or of the exporter.

    Raises
    ------
    CheckpointError
        If the file is missing, broken or of another kind.
    ConfigError
        If the backend cannot run such a file or is not installed, or `model` is given for an exported network.
    """
    path = Path(path)
    if backend is not None and backend not in BACKENDS:
        raise ConfigError(f"backend={quote(backend)}, expected one of {', '.join(BACKENDS)}")
    if is_exported(path):
        if backend == "mxnet":
            raise ConfigError(f"{path}: an exported network runs on {' or '.join(RUNTIMES)}, not on mxnet")
        if model is not None:
            raise ConfigError(f"{path}: an exported network cannot become a {model}")
        if ctx is not None and ctx.device_type != "cpu":
            raise ConfigError(f"{path}: an exported network runs on the CPU, not on {ctx}; --gpus=-1 says so")
        exported = OnnxNetwork(path, runtime=backend or RUNTIMES[0])
        return exported, exported.meta
    if backend in RUNTIMES:
        raise ConfigError(f"{path}: {backend} runs exported networks; cpm export makes one, or cpm quantize")
    from ..models.loading import load_network  # which needs MXNet, as exported networks do not

    checkpoint = read_checkpoint(path)
    return load_network(checkpoint, ctx, model), checkpoint.meta
