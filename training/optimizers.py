"""Optimizers by name: those of MXNet, and Adam with decoupled decay."""

from __future__ import annotations

import inspect
from typing import Any

import mxnet as mx
from easydict import EasyDict

from ..errors import ConfigError, quote, reason

# What they remember beside the parameters is in no checkpoint, so that a run would not go on as it was.
_FORGETFUL = ("lars", "lbsgd", "nadam")
_OTHERS = ("ccsgd", "dcasgd", "groupadagrad", "test")  # an old name, a broken one, one of sparse rows, one for tests


@mx.optimizer.register
class AdamW(mx.optimizer.Adam):
    """Adam whose decay is not part of the gradient (Loshchilov & Hutter 2019, algorithm 2)."""

    def update(self, index: Any, weight: Any, grad: Any, state: Any) -> None:
        """Shrink a parameter by the rate times the decay, then update it as Adam does without one."""
        shrink = self._get_lr(index) * self._get_wd(index)
        if shrink:
            weight *= 1 - shrink
        decay: float = self.wd
        self.wd: float = 0.0
        try:
            super().update(index, weight, grad, state)
        finally:
            self.wd = decay


def list_optimizers() -> list[str]:
    """Return the names of the optimizers that a recipe may have."""
    return sorted(set(mx.optimizer.Optimizer.opt_registry) - {*_FORGETFUL, *_OTHERS})


def create_optimizer(options: EasyDict) -> mx.optimizer.Optimizer:
    """Return the optimizer of a recipe's section ``optimizer``.

    Raises
    ------
    ConfigError
        If its name is unknown or it has no such options.
    """
    name = options.name
    if name in _FORGETFUL:
        raise ConfigError(f"optimizer.name={quote(name)}: cannot go on from a checkpoint as it was; choose another")
    if name not in list_optimizers():
        raise ConfigError(f"optimizer.name={quote(name)}: expected one of {', '.join(list_optimizers())}")
    kind = mx.optimizer.Optimizer.opt_registry[name]
    accepted = _arguments(kind) - {"learning_rate", "wd"}
    unknown = sorted(set(options.options) - accepted)
    if unknown:
        raise ConfigError(f"optimizer.options: {name} has no {quote(unknown[0])}, it has {', '.join(sorted(accepted))}")
    settings = {"learning_rate": options.lr, "wd": options.weight_decay, **options.options}
    if "momentum" in accepted:
        settings = {"momentum": options.momentum, **settings}
    try:
        return kind(**settings)
    except (AssertionError, TypeError, ValueError) as error:
        raise ConfigError(
            f"optimizer.options={quote(dict(options.options))}: {name} refuses it ({reason(error)})"
        ) from None


def _arguments(kind: type) -> set[str]:
    """Return what an optimizer and its bases take, but for what a training sets."""
    names = {name for base in kind.__mro__ for name in inspect.signature(base).parameters}
    taken = (
        "self",
        "args",
        "kwargs",
        "rescale_grad",
        "param_idx2name",
        "lr_scheduler",
        "sym",
        "begin_num_update",
        "multi_precision",
        "param_dict",
        "aggregate_num",
        "use_fused_step",
    )
    return names - set(taken)
