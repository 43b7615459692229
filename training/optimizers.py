"""Optimizers by name: those of MXNet, Adam with decoupled decay, and a Nesterov that gives the same twice."""

from __future__ import annotations

import inspect
from typing import Any

import mxnet as mx
from easydict import EasyDict

from ..errors import ConfigError, quote, reason

_FORGETFUL = "cannot go on from a checkpoint as it was"  # what it remembers beside the parameters is in none
_UNFIT = {
    "lars": _FORGETFUL,
    "lbsgd": _FORGETFUL,
    "nadam": _FORGETFUL,
    "sgld": "draws other noise on every device, so that their parameters part",
}
_OTHERS = ("ccsgd", "dcasgd", "groupadagrad", "test")  # an old name, a broken one, one of sparse rows, one for tests


class AdamW(mx.optimizer.Adam):
    """Adam whose decay is not part of the gradient (Loshchilov & Hutter 2019, algorithm 2)."""

    def update(self, index: Any, weight: Any, grad: Any, state: Any) -> None:
        """Shrink a parameter by the rate times the decay, then update it as Adam does without one."""
        shrink = self._get_lr(index) * super()._get_wd(index)
        if shrink:
            weight *= 1 - shrink
        super().update(index, weight, grad, state)

    def _get_wd(self, index: Any) -> float:
        """Return what Adam is to add to the gradient: nothing."""
        return 0.0


class Nesterov(mx.optimizer.NAG):
    """Nesterov's momentum, of which two runs come to the same.

    MXNet's operator reads a weight for its decay before or after it has written it, as memory lies.
    """

    def update(self, index: Any, weight: Any, grad: Any, state: Any) -> None:
        """Take back the momentum of before, step as with plain momentum, and look ahead by the new one."""
        if state is None:
            super().update(index, weight, grad, state)
            return
        self._update_count(index)
        before = self.momentum * state
        mx.nd.sgd_mom_update(
            weight,
            grad,
            state,
            out=weight,
            lr=self._get_lr(index),
            wd=self._get_wd(index),
            momentum=self.momentum,
            rescale_grad=self.rescale_grad,
            clip_gradient=self.clip_gradient or -1.0,
        )
        weight += self.momentum * state - before

    def update_multi_precision(self, index: Any, weight: Any, grad: Any, state: Any) -> None:
        """Update a parameter, all of which have 32 bits here."""
        self.update(index, weight, grad, state)


_OWN: dict[str, type[mx.optimizer.Optimizer]] = {"adamw": AdamW, "nag": Nesterov}


def list_optimizers() -> list[str]:
    """Return the names of the optimizers that a recipe may have."""
    return sorted({*mx.optimizer.Optimizer.opt_registry, *_OWN} - {*_UNFIT, *_OTHERS})


def create_optimizer(options: EasyDict) -> mx.optimizer.Optimizer:
    """Return the optimizer of a recipe's section ``optimizer``.

    Raises
    ------
    ConfigError
        If its name is unknown or it has no such options.
    """
    name = options.name
    if name in _UNFIT:
        raise ConfigError(f"optimizer.name={quote(name)}: {_UNFIT[name]}; choose another")
    if name not in list_optimizers():
        raise ConfigError(f"optimizer.name={quote(name)}: expected one of {', '.join(list_optimizers())}")
    kind = _OWN.get(name) or mx.optimizer.Optimizer.opt_registry[name]
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
