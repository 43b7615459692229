"""The files of the Gluon and GluonCV model zoos that have ImageNet parameters for the trunks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mxnet as mx
from mxnet.gluon.model_zoo import model_store as gluon_store

from ...errors import CheckpointError, ConfigError
from . import gluoncv_models

_WIDTHS = (1.0, 0.75, 0.5, 0.25)  # of the MobileNets


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
    return _fetch(gluon_store, f"mobilenet{_checked_width(width)}")


def gluon_mobilenet_v2(width: float, **options: Any) -> Path:
    """Return the file of Gluon's MobileNetV2 of this width, downloading it if it is not there.

    Raises
    ------
    ConfigError
        If the zoo has none of this width.
    """
    return _fetch(gluon_store, f"mobilenetv2_{_checked_width(width)}")


def _checked_width(width: float) -> float:
    if width not in _WIDTHS:
        raise ConfigError(f"width={width}: the zoo has ImageNet trunks of width {', '.join(map(str, _WIDTHS))}")
    return float(width)


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
