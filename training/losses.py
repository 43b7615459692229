"""What the stages are trained to minimise."""

from __future__ import annotations

from typing import Any

from mxnet.gluon.loss import Loss

from ..errors import ConfigError

_REDUCTIONS = ("sum", "half_sum", "mean", "half_mean")


class StageLoss(Loss):
    """Masked squared error of the maps of one branch of one stage (Cao et al. 2017, section 2.2, equation 5).

    Per sample, with p the prediction, t the target and m the mask:

    - ``sum``: the sum of m (p - t)² over channels and cells, the loss of the learning rates around 2e-5;
    - ``half_sum``: half of it, as Caffe's Euclidean loss;
    - ``mean``: its mean over channels and cells;
    - ``half_mean``: half of that, the loss of Xiao et al. 2018, whose mask is the weights of the joints.

    The losses of the stages and branches are added; the gradient is divided by the batch size.

    Parameters
    ----------
    reduction
        One of the above.

    Raises
    ------
    ConfigError
        If the reduction is none of them.
    """

    def __init__(self, reduction: str = "sum", **kwargs: Any) -> None:
        super().__init__(weight=None, batch_axis=0, **kwargs)
        if reduction not in _REDUCTIONS:
            raise ConfigError(f"loss.reduction={reduction!r}: expected one of {', '.join(_REDUCTIONS)}")
        self._reduction = reduction

    def hybrid_forward(self, F: Any, prediction: Any, target: Any, mask: Any) -> Any:
        """Return the (B,) losses of predictions and targets (B, C, h, w) under masks (B, 1, h, w) or (B, C, 1, 1)."""
        error = F.broadcast_mul(F.square(prediction - target), mask)
        reduce = F.mean if self._reduction.endswith("mean") else F.sum
        loss = reduce(error, axis=0, exclude=True)
        return loss / 2 if self._reduction.startswith("half") else loss
