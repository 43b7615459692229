"""The trunk of a classifier in a file of the Gluon and GluonCV model zoos."""

from __future__ import annotations

from pathlib import Path

from mxnet.gluon import HybridBlock

from ...errors import CheckpointError, list_some
from ...mxnet_module import mx
from ..files.parameters import network_parameters
from .mxnet_file import read_params


def load_zoo_trunk(trunk: HybridBlock, path: Path) -> None:
    """Copy the first parameters of a classifier of the model zoo into the trunk that it begins with.

    Older files of the zoo name their parameters by the classifier's name scopes, newer ones by their
    places; both list them layer by layer. So they are matched by order, kind and shape.

    Parameters
    ----------
    trunk
        An initialised trunk.
    path
        A ``.params`` file.

    Raises
    ------
    CheckpointError
        If the file is missing or broken, or its first parameters are not those of the trunk.
    """
    found = list(read_params(path).items())
    expected = list(network_parameters(trunk).items())
    misfits = []
    for (name, parameter), (other, array) in zip(expected, found):
        if not other.endswith(name.rpartition(".")[2]) or parameter.shape != array.shape:
            misfits.append(f"{other} {array.shape} in place of {name} {parameter.shape}")
    if len(found) < len(expected):
        misfits.append(f"{len(found)} tensors in place of {len(expected)}")
    if misfits:
        raise CheckpointError(f"{path}: not the trunk of this network: {list_some(misfits, 3)}")
    for (_, parameter), (_, array) in zip(expected, found):
        parameter.set_data(mx.nd.array(array))
