"""Means of the losses between two rows of the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mxnet as mx
import numpy as np

from ..errors import CpmError


class LossError(CpmError):
    """A loss that is no longer a finite number.

    Attributes
    ----------
    place
        Where, as it was told.
    """

    def __init__(self, message: str, place: str) -> None:
        super().__init__(message)
        self.place = place


class LossMeter:
    """Means of the losses per sample, fetched one step late so that devices never wait.

    Parameters
    ----------
    names
        What the losses are of, in their order, e.g. ``stage1_pafs``.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._sums = np.zeros(len(names))
        self._samples = 0
        self._pending: list[mx.nd.NDArray] = []
        self._pending_samples = 0
        self._pending_place = ""

    def add(self, losses: list[mx.nd.NDArray], samples: int, place: str) -> None:
        """Take in the losses of a batch: per device their sums over its samples, and what to call its place."""
        self._fetch()
        self._pending = losses
        self._pending_samples = samples
        self._pending_place = place

    def take(self) -> dict[str, float]:
        """Return the means since the last call: all stages together, and each.

        Raises
        ------
        LossError
            If a loss is no longer a number, here as in the other methods.
        """
        self._fetch()
        means = self._sums / max(self._samples, 1)
        self._sums = np.zeros(len(self._names))
        self._samples = 0
        return {"loss": float(means.sum()), **dict(zip(self._names, means.tolist()))}

    def state(self) -> dict[str, Any]:
        """Return what has come in since the last row, fit for JSON and exact."""
        self._fetch()
        return {"sums": self._sums.tolist(), "samples": self._samples}

    def restore(self, sums: Sequence[float], samples: int) -> None:
        """Go on from what :meth:`state` returned."""
        self._sums = np.array(sums, np.float64)
        self._samples = samples

    def _fetch(self) -> None:
        if not self._pending:
            return
        losses = np.sum([each.asnumpy().astype(np.float64) for each in self._pending], axis=0)
        self._pending = []
        wrong = [name for name, loss in zip(self._names, losses) if not np.isfinite(loss)]
        if wrong:
            more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            raise LossError(
                f"the loss of {wrong[0]}{more} is no longer a finite number {self._pending_place}; "
                "a lower learning rate (--lr) may help",
                self._pending_place,
            )
        self._sums = self._sums + losses
        self._samples += self._pending_samples
