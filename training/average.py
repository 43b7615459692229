"""The moving average of the weights of a network, which often scores better than the weights themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import mxnet as mx
import numpy as np

from ..errors import CheckpointError
from ..models import PoseNet
from ..models.files.parameters import network_parameters
from .optimizer import check_finite

_PREFIX = "average/"


class WeightAverage:
    """An exponential moving average of the parameters (Polyak & Juditsky 1992), running statistics included.

    In the first updates it forgets faster, by (1 + n) / (10 + n) after n of them, or it would be that of first values.

    Parameters
    ----------
    net
        The network.
    decay
        How much of the average an update keeps; 0 has none, and then nothing here takes time or memory.
    """

    def __init__(self, net: PoseNet, decay: float) -> None:
        self._parameters = network_parameters(net) if decay else {}
        self._decay = decay
        self._updates = 0
        self._values = {place: parameter.list_data()[0].copy() for place, parameter in self._parameters.items()}

    @property
    def is_kept(self) -> bool:
        """Whether there is one."""
        return bool(self._decay)

    def update(self) -> None:
        """Take the parameters of today in."""
        self._updates += 1
        keep = min(self._decay, (1 + self._updates) / (10 + self._updates))
        for place, parameter in self._parameters.items():
            value = self._values[place]
            value += (1 - keep) * (parameter.list_data()[0] - value)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the network have the average for its parameters in a block, on all devices."""
        own = {place: [data.copy() for data in parameter.list_data()] for place, parameter in self._parameters.items()}
        try:
            for place, parameter in self._parameters.items():
                for data in parameter.list_data():
                    data[:] = self._values[place].as_in_context(data.context)
            yield
        finally:
            for place, values in own.items():
                for data, value in zip(self._parameters[place].list_data(), values):
                    data[:] = value

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the average by ``average/<place>``, and how many updates it is of."""
        if not self.is_kept:
            return {}
        values = {f"{_PREFIX}{place}": value.asnumpy() for place, value in self._values.items()}
        return {**values, f"{_PREFIX}updates": np.array(self._updates, np.int64)}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take back what `arrays` returned; a run that had none begins it with the parameters that it has.

        Raises
        ------
        CheckpointError
            If the arrays do not fit the network, or are not finite.
        """
        if not (arrays and self.is_kept):
            return
        updates = arrays.get(f"{_PREFIX}updates")
        if updates is None or updates.shape or not 0 <= int(updates) < 2**31 or len(arrays) != len(self._values) + 1:
            raise CheckpointError(
                f"{len(arrays)} arrays of the average, expected {len(self._values)} and their updates"
            )
        for place, value in self._values.items():
            saved = arrays.get(f"{_PREFIX}{place}")
            if saved is None or saved.shape != value.shape:
                found = "nothing" if saved is None else f"shape {saved.shape}"
                raise CheckpointError(f"average of {place}: found {found}, expected shape {value.shape}")
            check_finite(f"average of {place}", saved)
            value[:] = mx.nd.array(saved, ctx=value.context)
        self._updates = int(updates)


def is_of_average(name: str) -> bool:
    """Return whether an array of a checkpoint is one of the average."""
    return name.startswith(_PREFIX)
