"""The checkpoints of a run: its state as a description and plain arrays, and a run from these."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np
from easydict import EasyDict

from ..configs import to_json
from ..datasets import BatchLoader
from ..errors import CheckpointError, CpmError
from ..models import Checkpoint, save_network
from ..models.files.checkpoint import value_of
from ..models.files.parameters import network_parameters
from .amp import restore_scaling, scaling_state
from .average import is_of_average
from .device_statistics import device_statistics, restore_statistics, split_arrays
from .folder import FORMER, keep_former
from .learner import Learner
from .meter import LossMeter
from .optimizer import check_finite, restore_trainer, trainer_arrays
from .progress import Progress, RunState, read_state


class RunKeeper:
    """Writes the checkpoints of a run, and gives a run back what one holds.

    Parameters
    ----------
    output
        The folder.
    config
        The recipe.
    learner, meter
        What has a state.
    train
        The batches, whose people a run goes on with.
    """

    def __init__(self, output: Path, config: EasyDict, learner: Learner, meter: LossMeter, train: BatchLoader) -> None:
        self._output = output
        self._config = config
        self._learner = learner
        self._meter = meter
        self._train = train

    @cached_property
    def people(self) -> int:
        """The checksum of the people that are trained on."""
        return self._train.checksum()

    def save(self, name: str, progress: Progress, resumable: bool) -> None:
        """Write a checkpoint with all that a run needs to go on, or the network alone.

        Raises
        ------
        CpmError
            If a parameter or a loss is no longer a number; nothing is written then.
        """
        extra = {"config": to_json(self._config), "progress": asdict(progress), "resumable": resumable}
        arrays = None
        if resumable:
            extra |= asdict(self._state(progress))
            arrays = {
                **trainer_arrays(self._learner.trainer, self._learner.net),
                **device_statistics(self._learner.net, self._learner.contexts),
                **self._learner.average.arrays(),
            }
        self._check_parameters(progress.iteration)
        path = self._output / name
        if resumable:
            keep_former(path, self._output / FORMER)
        save_network(path, self._learner.net, extra=extra, arrays=arrays)

    def save_average(self, name: str, progress: Progress) -> None:
        """Write the network with the moving average of its weights, if there is one; errors as of `save`."""
        if self._learner.average.is_kept:
            with self._learner.average.in_place():
                self.save(name, progress, resumable=False)

    def restore(self, checkpoint: Checkpoint) -> RunState:
        """Take over what a checkpoint holds beside the parameters.

        Raises
        ------
        CheckpointError
            If the state does not fit the network and the optimizer, or is not finite.
        """
        state = read_state(checkpoint)
        try:
            self._restore(checkpoint, state)
        except CheckpointError as error:
            raise CheckpointError(f"{checkpoint.path}: {error}") from None
        return state

    def _state(self, progress: Progress) -> RunState:
        return RunState(
            progress=progress,
            # Fewer than the iterations where the loss scale has left out steps.
            updates=self._learner.trainer.optimizer.num_update,
            loss_scale=scaling_state(self._learner.trainer),
            meter=self._meter.state(),
            people=self.people,
            devices=len(self._learner.contexts),
        )

    def _restore(self, checkpoint: Checkpoint, state: RunState) -> None:
        learner = self._learner
        average = {name: array for name, array in checkpoint.arrays.items() if is_of_average(name)}
        others = {name: array for name, array in checkpoint.arrays.items() if name not in average}
        statistics, arrays = split_arrays(others)
        for name, array in {**checkpoint.params, **statistics}.items():
            check_finite(name, array)
        restore_trainer(learner.trainer, learner.net, arrays, state.updates)
        restore_scaling(learner.trainer, state.loss_scale)
        learner.average.restore(average)
        if state.devices == len(learner.contexts) > 1:
            restore_statistics(learner.net, learner.contexts, statistics)
        if state.meter:
            if len(state.meter["sums"]) != len(learner.names):
                raise CheckpointError(f"{len(state.meter['sums'])} sums of losses, expected {len(learner.names)}")
            self._meter.restore(**state.meter)

    def _check_parameters(self, iteration: int) -> None:
        for place, parameter in network_parameters(self._learner.net).items():
            if not np.isfinite(value_of(parameter)).all():
                raise CpmError(
                    f"{place} is no longer finite after iteration {iteration}; a lower learning rate (--lr) may help"
                )
