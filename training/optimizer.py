"""The Gluon trainer of a network, and its state as plain arrays."""

from __future__ import annotations

import re
from typing import Any

import mxnet as mx
import numpy as np
from easydict import EasyDict
from mxnet import gluon

from ..errors import CheckpointError, ConfigError, quote
from ..models import PoseNet
from .optimizers import create_optimizer

_NO_DECAY = ("bias", "gamma", "beta")


def gluon_trainer(net: PoseNet, config: EasyDict) -> gluon.Trainer:
    """Return a Gluon trainer for the parameters of `net`, with the multipliers of ``config.optimizer``.

    Biases and the gammas and betas of batch normalisation are not decayed. The gradients of several
    devices are added up, and every device updates its own copy of the parameters.

    Raises
    ------
    ConfigError
        If a pattern of ``lr_mults`` matches no parameter.
    """
    options = config.optimizer
    parameters = net._collect_params_with_prefix()
    for name, parameter in parameters.items():
        parameter.wd_mult = 0.0 if name.endswith(_NO_DECAY) else 1.0
        parameter.lr_mult = 1.0
    for pattern, factor in options.lr_mults:
        matching = [parameter for name, parameter in parameters.items() if re.search(pattern, name)]
        if not matching:
            raise ConfigError(f"optimizer.lr_mults: no parameter of {net.name} matches {quote(pattern)}")
        for parameter in matching:
            parameter.lr_mult *= factor
    optimizer = create_optimizer(options)
    trainer = gluon.Trainer(net.collect_params(), optimizer, kvstore="device", update_on_kvstore=False)
    # Left to the first step, the second would give all devices the statistics of batch normalisation of the first.
    trainer._init_kvstore()
    trainer._init_params()
    return trainer


class TrunkFreezer:
    """Keeps the trunk of a network as it is in the first epochs, so that new layers learn to use it first.

    Its statistics of batch normalisation move all the same.

    Parameters
    ----------
    net
        The network, whose multipliers are set already.
    epochs
        How many.

    Raises
    ------
    ConfigError
        If there are to be such epochs and the network has no trunk.
    """

    def __init__(self, net: PoseNet, epochs: int) -> None:
        parameters = net._collect_params_with_prefix()
        trunk = [parameter for name, parameter in parameters.items() if name.startswith("trunk.")]
        self._factors = {parameter: parameter.lr_mult for parameter in trunk}
        self._epochs = epochs
        if epochs and not self._factors:
            raise ConfigError(f"train.freeze_trunk={epochs}: {net.name} has no trunk")

    def begin(self, epoch: int) -> None:
        """Freeze or release the trunk for an epoch, counted from 0."""
        for parameter, factor in self._factors.items():
            parameter.lr_mult = 0.0 if epoch < self._epochs else factor


def trainer_arrays(trainer: gluon.Trainer, net: PoseNet) -> dict[str, np.ndarray]:
    """Return what the optimizer remembers of every parameter (momentum and the like) as named arrays."""
    updater = trainer._updaters[0]
    arrays = {}
    for name, parameter in net._collect_params_with_prefix().items():
        state = updater.states.get(trainer._param2idx.get(parameter.name))
        for slot, array in enumerate(_slots(state)):
            arrays[f"{name}/{slot}"] = array.asnumpy()
    return arrays


def restore_trainer(trainer: gluon.Trainer, net: PoseNet, arrays: dict[str, np.ndarray], updates: int) -> None:
    """Give the optimizer back what :func:`trainer_arrays` returned after `updates` updates.

    Raises
    ------
    CheckpointError
        If the arrays do not fit the parameters, or are not finite.
    """
    if updates == 0:
        if arrays:
            raise CheckpointError(f"{len(arrays)} arrays of optimizer state, and not one update")
        return
    counts = {index: updates for index in range(len(trainer._params))}
    optimizer = trainer._optimizer
    optimizer.num_update = optimizer.begin_num_update = updates
    optimizer._all_index_update_counts = {context.device_id: dict(counts) for context in trainer._contexts}
    read = set()
    for updater, context in zip(trainer._updaters, trainer._contexts):
        for name, parameter in net._collect_params_with_prefix().items():
            if parameter.grad_req == "null":
                continue
            index = trainer._param2idx[parameter.name]
            state = optimizer.create_state_multi_precision(index, parameter.data(context))
            for slot, array in enumerate(_slots(state)):
                saved = _saved(arrays, name, slot, array.shape)
                array[:] = mx.nd.array(saved, ctx=context, dtype=saved.dtype)
                read.add(f"{name}/{slot}")
            updater.states[index] = state
            updater.states_synced[index] = True
    if len(read) != len(arrays):
        left = len(arrays) - len(read)
        raise CheckpointError(f"{left} arrays of optimizer state belong to no parameter of {net.name}")


def _saved(arrays: dict[str, np.ndarray], name: str, slot: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return what the optimizer remembered of a parameter, if it is there and fits."""
    saved = arrays.get(f"{name}/{slot}")
    if saved is None or saved.shape != shape:
        found = "nothing" if saved is None else f"shape {saved.shape}"
        raise CheckpointError(
            f"optimizer state of {name}: found {found}, expected shape {shape}; was it written by another optimizer?"
        )
    check_finite(f"optimizer state of {name}", saved)
    return saved


def check_finite(name: str, array: np.ndarray) -> None:
    """Make sure that an array of a checkpoint holds numbers.

    Raises
    ------
    CheckpointError
        If one is not finite.
    """
    if not np.isfinite(array).all():
        raise CheckpointError(f"{name}: not all numbers are finite")


def _slots(state: Any) -> list[mx.nd.NDArray]:
    """Flatten the state of one parameter: nothing, an array, or nested tuples of arrays."""
    if state is None:
        return []
    if isinstance(state, (tuple, list)):
        return [array for part in state for array in _slots(part)]
    return [state]
