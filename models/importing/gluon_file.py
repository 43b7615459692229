"""The parameters of any Gluon network, from a file that is read as all foreign ones are."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from mxnet.gluon import HybridBlock, Parameter

from ...errors import CheckpointError, list_some
from ...mxnet_module import mx
from .mxnet_file import read_params

_PREFIX = re.compile("^(arg|aux):")


def load_parameters(net: HybridBlock, path: str | Path, name: str, ctx: mx.Context) -> None:
    """Give a network the parameters in a file of ``save_parameters``, or of the older ``collect_params().save``.

    `HybridBlock.load_parameters` does the same, but takes as much memory as the file says.

    Parameters
    ----------
    net
        A network without parameters.
    path
        The ``.params`` file.
    name
        What to call the network in messages.
    ctx
        Where it computes.

    Raises
    ------
    CheckpointError
        If the file is broken, or one of its arrays or of the parameters is left over or has another shape.
    """
    arrays = {_PREFIX.sub("", place): array for place, array in read_params(path).items()}
    expected = _expected(net, arrays)
    problems = [f"{place} is missing" for place in expected if place not in arrays]
    problems += [f"{place} has no place" for place in arrays if place not in expected]
    for place, parameter in expected.items():
        if place in arrays and not _fits(parameter, arrays[place]):
            problems.append(f"{place} {arrays[place].shape} in place of {parameter.shape}")
    if problems:
        raise CheckpointError(f"{path}: not the parameters of {name}: {list_some(problems, 3)}")
    for place, parameter in expected.items():
        parameter.shape = arrays[place].shape
        parameter.initialize(mx.init.Zero(), ctx, force_reinit=True)
        parameter.set_data(mx.nd.array(arrays[place], ctx=ctx))


def _expected(net: HybridBlock, arrays: dict[str, np.ndarray]) -> dict[str, Parameter]:
    """Return the parameters by their names in the file: their places, or in older files those of their scopes."""
    if any("." in name for name in arrays):
        return dict(net._collect_params_with_prefix())
    return {name.removeprefix(net.prefix): value for name, value in net.collect_params().items()}


def _fits(parameter: Parameter, array: np.ndarray) -> bool:
    shape = parameter.shape  # None, or with 0, for what the first image would tell
    if shape is None:
        return True
    return len(shape) == array.ndim and all(size in (0, found) for size, found in zip(shape, array.shape))
