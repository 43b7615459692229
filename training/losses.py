"""What the stages are trained to minimise."""

from __future__ import annotations

from typing import Any, Callable

from mxnet.gluon.loss import Loss

from ..errors import ConfigError, quote

_EPSILON = 1e-6  # keeps logarithms finite
# What a reduction divides the sum, or the mean, over channels and cells by.
_REDUCTIONS = {"sum": 1, "half_sum": 2, "quarter_sum": 4, "mean": 1, "half_mean": 2}


def _cross_entropy(F: Any, prediction: Any, target: Any) -> Any:
    sure = F.log(prediction + _EPSILON)
    unsure = F.log(1 - prediction + _EPSILON)
    return -(target * sure + (1 - target) * unsure)


# How predictions count.
_KINDS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "l2": lambda F, prediction, target: F.square(prediction - target),
    "log": lambda F, prediction, target: F.log1p(F.abs(prediction - target)),
    "fourth": lambda F, prediction, target: F.square(F.square(prediction - target)),
    "bce": _cross_entropy,
}


class StageLoss(Loss):
    """Masked error of the maps of one branch of one stage (Cao et al. 2017, section 2.2, equation 5).

    A difference d of prediction and target counts as

    - ``l2``: d²;
    - ``log``: log(1 + |d|), the "difficulty balanced" loss, for which far-off cells matter less;
    - ``fourth``: d⁴, for which they matter more;
    - ``bce``: the cross entropy of prediction and target, both from 0 to 1, as of a network with ``sigmoid``. Its
      gradient fades for predictions within 1e-6 of 0 or 1, which are as good as final.

    Per sample, with the mask m:

    - ``sum``: the sum of m times that over channels and cells, with ``l2`` the loss of the learning rates around 2e-5;
    - ``half_sum``: half of it, as Caffe's Euclidean loss;
    - ``quarter_sum``: a quarter, as the difficulty-balanced loss was published;
    - ``mean``: its mean over channels and cells;
    - ``half_mean``: half of that, the loss of Xiao et al. 2018, whose mask is the weights of the joints.

    The losses of the stages and branches are added; the gradient is divided by the batch size.

    Parameters
    ----------
    reduction, kind
        Each one of the above.

    Raises
    ------
    ConfigError
        If one is none of them.
    """

    def __init__(self, reduction: str = "sum", kind: str = "l2", **kwargs: Any) -> None:
        super().__init__(weight=None, batch_axis=0, **kwargs)
        if kind not in _KINDS:
            raise ConfigError(f"loss.kind={quote(kind)}: expected one of {', '.join(_KINDS)}")
        self._kind = kind
        if reduction not in _REDUCTIONS:
            raise ConfigError(f"loss.reduction={quote(reduction)}: expected one of {', '.join(_REDUCTIONS)}")
        self._reduction = reduction

    def hybrid_forward(self, F: Any, prediction: Any, target: Any, mask: Any) -> Any:
        """Return the (B,) losses of predictions and targets (B, C, h, w) under masks that broadcast to them."""
        error = F.broadcast_mul(_KINDS[self._kind](F, prediction, target), mask)
        reduce = F.mean if self._reduction.endswith("mean") else F.sum
        return reduce(error, axis=0, exclude=True) / _REDUCTIONS[self._reduction]
