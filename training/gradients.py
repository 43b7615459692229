"""The gradients of a step: of a batch in parts, and held to a length."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import mxnet as mx
from mxnet import gluon

Arrays = Mapping[str, mx.nd.NDArray]


def add_up(trainer: gluon.Trainer) -> None:
    """Let the gradients of several backward passes add up, until :func:`clear` begins anew."""
    for parameter in _trained(trainer):
        parameter.grad_req = "add"


def clear(trainer: gluon.Trainer) -> None:
    """Set all gradients to 0."""
    for parameter in _trained(trainer):
        parameter.zero_grad()


def parts_of(arrays: Arrays, count: int) -> Iterator[Arrays]:
    """Yield the samples of a device in so many parts of one size, but for what is left."""
    total = len(next(iter(arrays.values())))
    size = math.ceil(total / count)
    for first in range(0, total, size):
        yield {name: array[first : first + size] for name, array in arrays.items()}


def clip(trainer: gluon.Trainer, longest: float, batch_size: int) -> None:
    """Shorten the gradient of all parameters together, added up over the devices already, to a length.

    Its length is that of the gradient of the mean loss of a sample, which the optimizer sees (Pascanu et al. 2013,
    section 3.2). A gradient with a number that is none is left as it is, for whoever looks at that.

    Parameters
    ----------
    trainer
        Has the parameters.
    longest
        The length.
    batch_size
        The samples of the batch.
    """
    parameters = _trained(trainer)
    squares = mx.nd.concat(*(parameter.list_grad()[0].square().sum() for parameter in parameters), dim=0)
    length = math.sqrt(float(squares.sum().asscalar())) * trainer._scale / batch_size
    if not longest < length < math.inf:
        return
    for parameter in parameters:
        for gradient in parameter.list_grad():
            gradient *= longest / length


def _trained(trainer: gluon.Trainer) -> list[gluon.Parameter]:
    return [parameter for parameter in trainer._params if parameter.grad_req != "null"]
