"""How near the maps of a network in int8 come to those in float."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..networks.posenet import PoseNet
from .runtime import open_session


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


def compare_files(net: PoseNet, plain: Path, quantized: Path, batches: Sequence[np.ndarray], stage: int) -> Accuracy:
    """Run a file in float and one in int8 on the same images, in turn."""
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
    correlation = {}
    error = {}
    for index, kind in enumerate(net.kinds[stage]):
        expected, found = (_channels(maps[name], index) for name in ("float", "int8"))
        error[kind.name] = float(np.sqrt(((found - expected) ** 2).sum() / max(float((expected**2).sum()), 1e-30)))
        for name, *channel in zip(kind.channel_names(net.skeleton), expected, found):
            correlation[name] = _correlate(*channel)
    return Accuracy(correlation, error, {name: 1000 * min(times) for name, times in seconds.items()})


def _channels(maps: list[list[np.ndarray]], index: int) -> np.ndarray:
    """Return one kind of maps of all images as (C, cells)."""
    kind = [of_image[index][0] for of_image in maps]
    return np.concatenate([each.reshape(len(each), -1) for each in kind], axis=1)


def _correlate(expected: np.ndarray, found: np.ndarray) -> float:
    """Return Pearson's correlation; of constant maps 1 if they agree, else 0."""
    a = expected - expected.mean()
    b = found - found.mean()
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    if norm == 0:
        return float(np.allclose(expected, found, atol=1e-6))
    return float((a * b).sum() / norm)
