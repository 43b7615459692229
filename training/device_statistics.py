"""The running statistics of batch normalisation, of which every device has its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import mxnet as mx
import numpy as np
from mxnet.gluon import Parameter

from ..errors import CheckpointError
from ..models import PoseNet
from ..models.files.parameters import network_parameters


def device_statistics(net: PoseNet, contexts: Sequence[mx.Context]) -> dict[str, np.ndarray]:
    """Return the statistics by device and place, as ``device1/trunk.1.running_mean``; none of a single device.

    What a network says of itself, :func:`cpm.models.save_network`, is their mean.
    """
    if len(contexts) == 1:
        return {}
    return {
        f"{_prefix(number)}{place}": parameter.data(context).asnumpy()
        for number, context in enumerate(contexts)
        for place, parameter in _statistics(net).items()
    }


def restore_statistics(net: PoseNet, contexts: Sequence[mx.Context], arrays: Mapping[str, np.ndarray]) -> None:
    """Give every device back what :func:`device_statistics` returned.

    Raises
    ------
    CheckpointError
        If the arrays do not fit the network and the devices.
    """
    places = _statistics(net)
    if len(arrays) > len(contexts) * len(places):
        raise CheckpointError(f"{len(arrays)} statistics of devices, expected {len(contexts) * len(places)}")
    for number, context in enumerate(contexts):
        for place, parameter in places.items():
            saved = arrays.get(f"{_prefix(number)}{place}")
            if saved is None or saved.shape != parameter.shape:
                found = "nothing" if saved is None else f"shape {saved.shape}"
                raise CheckpointError(f"{place} of device {number}: found {found}, expected shape {parameter.shape}")
            parameter.data(context)[:] = mx.nd.array(saved, ctx=context)


def split_arrays(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the arrays of a checkpoint that are statistics of devices, and the others."""
    statistics = {name: array for name, array in arrays.items() if name.startswith("device")}
    return statistics, {name: array for name, array in arrays.items() if name not in statistics}


def _prefix(number: int) -> str:
    return f"device{number}/"


def _statistics(net: PoseNet) -> dict[str, Parameter]:
    parameters = network_parameters(net)
    return {place: parameter for place, parameter in parameters.items() if parameter.grad_req == "null"}
