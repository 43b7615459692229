"""Which stage of a network is used, and its maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

import numpy as np

from ..codecs import Codec, Network
from ..errors import ConfigError


def run_stage(
    net: Callable[[np.ndarray], Sequence[Any]],
    batch: np.ndarray,
    codec: Codec,
    stage: int = -1,
) -> dict[str, np.ndarray]:
    """Run a network on a batch of images.

    Parameters
    ----------
    net
        Returns the stages, each its maps of MXNet or NumPy by the names of their kinds.
    batch
        (B, H, W, 3) RGB uint8.
    codec
        Decodes the maps.
    stage
        Whose maps to return, in natural order: 0 is the first, -1 the last.

    Returns
    -------
    dict
        The maps (B, C, h, w) float32 that the codec decodes by the names of their kinds.

    Raises
    ------
    ConfigError
        If the network lacks the stage or its maps are not those of the codec.
    """
    stages = net(batch)
    if not -len(stages) <= stage < len(stages):
        raise ConfigError(f"stage={stage}, but the network has {len(stages)} stages")
    found = stages[stage]
    if not all(kind.name in found for kind in codec.kinds):
        wanted = " and ".join(kind.name for kind in codec.kinds)
        raise ConfigError(f"stage={stage} of the network has only {' and '.join(found)}, people need {wanted}")
    maps = {kind.name: _to_numpy(found[kind.name]) for kind in codec.kinds}
    _check_shapes(maps, codec, batch.shape)
    return maps


def _check_shapes(maps: Mapping[str, np.ndarray], codec: Codec, shape: tuple[int, ...]) -> None:
    """Make sure that maps are those of a codec on the grid of a batch of this shape (B, H, W, 3)."""
    grid = (shape[1] // codec.stride, shape[2] // codec.stride)
    expected = {name: (channels, *grid) for name, channels in codec.channels.items()}
    if any(array.shape[1:] != expected[name] for name, array in maps.items()):
        found = " and ".join(f"{name} {array.shape[1:]}" for name, array in maps.items())
        wanted = " and ".join(f"{name} {shape}" for name, shape in expected.items())
        raise ConfigError(
            f"the network returns {found}, but {codec.skeleton.name} at stride {codec.stride} needs {wanted}"
        )


def _to_numpy(maps: Any) -> np.ndarray:
    """Return maps of MXNet, or of NumPy already, as float32."""
    array: np.ndarray = maps if isinstance(maps, np.ndarray) else maps.asnumpy()
    return array.astype(np.float32, copy=False)


def stage_from_last(net: Network, number: int) -> int:
    """Translate a stage of the command line, where 0 is the last, to the natural order.

    Parameters
    ----------
    net
        The network.
    number
        0 for the last stage, 1 for the one before it, and so on.

    Returns
    -------
    int
        The stage as :class:`PoseEstimator` takes it.

    Raises
    ------
    ConfigError
        If the network has no such stage.
    """
    count = len(net.kinds)
    if not 0 <= number < count:
        stages = "one stage: 0" if count == 1 else f"{count} stages: 0 (the last) to {count - 1} (the first)"
        raise ConfigError(f"--stage={number}: the network has {stages}")
    return count - 1 - number
