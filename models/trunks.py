"""ImageNet parameters for the trunks, from the files of the Gluon and GluonCV model zoos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mxnet as mx
from mxnet.gluon import HybridBlock
from mxnet.gluon.model_zoo import model_store as gluon_store

from ..errors import CheckpointError, ConfigError
from . import gluoncv_models
from .importing.mxnet_file import read_params
from .posenet import network_parameters

_MOBILENETS = {1.0: "mobilenet1.0", 0.75: "mobilenet0.75", 0.5: "mobilenet0.5", 0.25: "mobilenet0.25"}


def gluon_vgg19(**options: Any) -> Path:
    """Return the file of Gluon's VGG19, downloading it if it is not there."""
    return _fetch(gluon_store, "vgg19")


def gluoncv_resnet(depth: int = 50, **options: Any) -> Path:
    """Return the file of GluonCV's ResNet v1b of this depth, downloading it if it is not there."""
    return _fetch(gluoncv_models.model_store(), f"resnet{depth}_v1b")


def gluon_mobilenet(width: float = 1.0, **options: Any) -> Path:
    """Return the file of Gluon's MobileNet of this width, downloading it if it is not there.

    Raises
    ------
    ConfigError
        If the zoo has none of this width.
    """
    return _fetch(gluon_store, _of_width(width))


def gluon_mobilenet_v2(width: float, **options: Any) -> Path:
    """Return the file of Gluon's MobileNetV2 of this width, downloading it if it is not there.

    Raises
    ------
    ConfigError
        If the zoo has none of this width.
    """
    return _fetch(gluon_store, _of_width(width).replace("mobilenet", "mobilenetv2_"))


def _of_width(width: float) -> str:
    if width not in _MOBILENETS:
        raise ConfigError(f"width={width}: the zoo has ImageNet trunks of width {', '.join(map(str, _MOBILENETS))}")
    return _MOBILENETS[width]


def _fetch(store: Any, name: str) -> Path:
    try:
        return Path(store.get_model_file(name))
    except Exception as error:  # requests, zip, lock and hash failures alike end the download
        file_name = f"{name}-{store.short_hash(name)}.params"
        folder = Path(mx.base.data_dir(), "models")
        raise CheckpointError(
            f"cannot download {file_name} ({type(error).__name__}); "
            f"put it into {folder} or give another copy as trunk_file"
        ) from error


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
        more = f" and {len(misfits) - 3} more" if len(misfits) > 3 else ""
        raise CheckpointError(f"{path}: not the trunk of this network: {'; '.join(misfits[:3])}{more}")
    for (_, parameter), (_, array) in zip(expected, found):
        parameter.set_data(mx.nd.array(array))
