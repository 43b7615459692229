"""How a network is evaluated, unless the user says otherwise: as the recipe it was trained by says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..configs import from_json, recipe
from ..errors import CheckpointError
from ..models import skeleton_from_meta


@dataclass(frozen=True)
class Protocol:
    """What determines the scores of a network besides its parameters.

    Attributes
    ----------
    root, split
        The folder of the data set and the images in it.
    sigma, paf_width
        See :class:`cpm.codecs.PafCodec`.
    scales, flip, box_size
        See :class:`cpm.inference.PoseEstimator`.
    """

    root: str
    split: str
    sigma: float
    paf_width: float
    scales: tuple[float, ...]
    flip: bool
    box_size: int


def choose_protocol(meta: Mapping[str, Any], path: str | Path, **given: Any) -> Protocol:
    """Return the protocol of the recipe that a network was trained by, with the given values in their places.

    Parameters
    ----------
    meta
        The description of a checkpoint or an exported network. Without a recipe in it the defaults of
        :data:`cpm.configs.DEFAULTS` hold.
    path
        Its file, for messages.
    **given
        Fields of the protocol; None leaves them as they are.

    Raises
    ------
    CheckpointError
        If its recipe is broken.
    """
    config = recipe("default")
    if "config" in meta:
        try:
            config = from_json(meta["config"], skeleton_from_meta(meta))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path}: its recipe is broken ({error!r})") from None
    labels = {name: config.labels[name] for name in ("sigma", "paf_width")}
    protocol = Protocol(root=config.data.root, split=config.data.val, **labels, **config.test)
    return replace(protocol, **{name: value for name, value in given.items() if value is not None})
