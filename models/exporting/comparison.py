"""Whether an exported file computes what the network does."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import numpy as np

from ...errors import CheckpointError
from ...mxnet_module import mx
from ..networks.posenet import PoseNet
from .graph import choose_stage, small_sides
from .runtime import first_line, open_session, silence

TOLERANCE = 1e-4  # relative to the largest value; float32 sums in another order differ by about 1e-6

Runner = Callable[[np.ndarray], list[np.ndarray]]


def symbol_runner(symbol: Path, params: Path) -> Runner:
    """Return what computes the maps of images (B, H, W, 3) float32 with the two files of a symbol."""
    try:
        with silence():  # it wonders about the type of the images
            block = mx.gluon.SymbolBlock.imports(str(symbol), ["images"], str(params), ctx=mx.cpu())
    except (AssertionError, OSError, ValueError, mx.MXNetError) as error:
        raise CheckpointError(f"{symbol}: MXNet cannot read it ({first_line(error)})") from None

    def run(images: np.ndarray) -> list[np.ndarray]:
        maps = block(mx.nd.array(images, ctx=mx.cpu()))
        return [array.asnumpy() for array in (maps if isinstance(maps, (list, tuple)) else [maps])]

    return run


def onnx_runner(path: str | Path) -> Runner:
    """Return what computes the maps of images (B, H, W, 3) float32 with an ONNX file."""
    session = open_session(path)
    return lambda images: session.run(None, {"images": images})


def compare(net: PoseNet, run: Runner, path: str | Path, stage: int) -> float:
    """Run an exported file and the network on the same random images.

    Parameters
    ----------
    net
        The network.
    run
        What computes with the file.
    path
        What to call the file in messages.
    stage
        The one that was exported.

    Returns
    -------
    float
        The largest absolute difference of the maps.

    Raises
    ------
    CheckpointError
        If the difference is more than `TOLERANCE` of the largest value, or the file cannot be run.
    ConfigError
        If there is no such stage.
    """
    images = np.random.default_rng(0).integers(0, 256, (2, *small_sides(net), 3)).astype(np.float32)
    context = next(iter(net.collect_params().values())).list_ctx()[0]
    chosen = choose_stage(net, net(mx.nd.array(images, ctx=context)), stage)
    expected = [maps.asnumpy() for maps in chosen.values()]
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
