"""The state of a run as a description and plain arrays, and a run from these."""

from __future__ import annotations

import numpy as np

from ..errors import CheckpointError, CpmError
from ..models import Checkpoint, PoseNet
from ..models.checkpoint import value_of
from ..models.posenet import network_parameters
from .amp import restore_scaling, scaling_state
from .device_statistics import device_statistics, restore_statistics, split_arrays
from .learner import Learner
from .meter import LossMeter
from .optimizer import check_finite, restore_trainer, trainer_arrays
from .progress import Progress, RunState, read_state


def check_parameters(net: PoseNet, iteration: int) -> None:
    """Make sure that a network is worth keeping after an iteration.

    Raises
    ------
    CpmError
        If a parameter is no longer a number.
    """
    for place, parameter in network_parameters(net).items():
        if not np.isfinite(value_of(parameter)).all():
            raise CpmError(
                f"{place} is no longer finite after iteration {iteration}; a lower learning rate (--lr) may help"
            )


def run_state(learner: Learner, meter: LossMeter, progress: Progress, people: int) -> RunState:
    """Return what a checkpoint says of a run beside the arrays."""
    return RunState(
        progress=progress,
        updates=learner.trainer.optimizer.num_update,
        loss_scale=scaling_state(learner.trainer),
        lr=learner.trainer.learning_rate,
        meter=meter.state(),
        people=people,
        devices=len(learner.contexts),
    )


def run_arrays(learner: Learner) -> dict[str, np.ndarray]:
    """Return the arrays of a run beside the parameters."""
    return {
        **trainer_arrays(learner.trainer, learner.net),
        **device_statistics(learner.net, learner.contexts),
    }


def restore_run(checkpoint: Checkpoint, learner: Learner, meter: LossMeter) -> RunState:
    """Give a run back what its checkpoint keeps beside the parameters.

    Raises
    ------
    CheckpointError
        If the state does not fit the network and the optimizer, or is not finite.
    """
    state = read_state(checkpoint)
    try:
        _restore(checkpoint, state, learner, meter)
    except CheckpointError as error:
        raise CheckpointError(f"{checkpoint.path}: {error}") from None
    return state


def _restore(checkpoint: Checkpoint, state: RunState, learner: Learner, meter: LossMeter) -> None:
    statistics, arrays = split_arrays(checkpoint.arrays)
    for name, array in {**checkpoint.params, **statistics}.items():
        check_finite(name, array)
    restore_trainer(learner.trainer, learner.net, arrays, state.updates)
    restore_scaling(learner.trainer, state.loss_scale)
    if statistics and state.devices == len(learner.contexts):
        restore_statistics(learner.net, learner.contexts, statistics)
    if state.lr is not None:
        learner.trainer.set_learning_rate(state.lr)
    if state.meter:
        if len(state.meter["sums"]) != len(learner.names):
            raise CheckpointError(f"{len(state.meter['sums'])} sums of losses, expected {len(learner.names)}")
        meter.restore(**state.meter)
