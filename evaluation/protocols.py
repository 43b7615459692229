"""The protocols of published results: which images, at which scales, with or without their mirror images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from ..errors import ConfigError, quote
from ..tables import format_table

_SCALES = (0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True)
class NamedProtocol:
    """What a published result fixes.

    Attributes
    ----------
    about
        Where the protocol comes from, in a line.
    split
        The images.
    subset
        See :func:`select_images`; a name ending in .txt is a list that comes with the package.
    limit
        Only the first so many of these images, by id.
    scales, flip, reference
        See :class:`cpm.inference.PoseEstimator`.
    dataset
        "coco" or "mpii".
    title
        What tables call it.
    """

    about: str
    split: str = "val2017"
    subset: str = "people"
    limit: int | None = None
    scales: tuple[float, ...] = _SCALES
    flip: bool = False
    reference: str = "height"
    dataset: str = "coco"
    title: str = ""

    @property
    def images(self) -> str:
        """The subset as `select_images` takes it: a list of this folder by its path."""
        if not self.subset.endswith(".txt"):
            return self.subset
        return str(resources.files(__package__) / self.subset)


PROTOCOLS = {
    "val2017": NamedProtocol("the 2,693 images of COCO val2017 with people, four scales and flip", flip=True),
    "val2017-no-flip": NamedProtocol("the same without flip, as mx-openpose reports"),
    "val2017-single": NamedProtocol("the same at one scale", scales=(1.0,)),
    "val2017-all": NamedProtocol("all 5,000 images of COCO val2017, four scales and flip", subset="all", flip=True),
    "rtpose-1160": NamedProtocol(
        "Cao et al. 2017: 1,160 images of val2014, four scales", "val2014", "val2014_1160.txt"
    ),
    "rtpose-1160-flip": NamedProtocol(
        "the same images by the PyTorch port and its heirs: five scales of the shorter side and flip",
        "val2014",
        "val2014_1160.txt",
        scales=(*_SCALES, 2.5),
        flip=True,
        reference="shorter",
    ),
    "val2014-2644": NamedProtocol("the first 2,644 images of val2014, held out of training", "val2014", "all", 2644),
    "val2014-50": NamedProtocol(
        "the first 50 images of val2014 with people, as dragonfly90 reports",
        "val2014",
        limit=50,
        scales=(*_SCALES, 2.3),
    ),
    "mpii": NamedProtocol(
        "MPII validation by the published network for 15 joints",
        "valid",
        scales=(0.7, 1.0, 1.3),
        dataset="mpii",
    ),
}


def describe_protocols() -> str:
    """Return the protocols as lines of text: the name, and where each comes from."""
    return format_table([(name, protocol.about) for name, protocol in PROTOCOLS.items()])


def apply_protocol(name: str, given: Mapping[str, Any], limit: int | None = None) -> NamedProtocol:
    """Return a protocol by name.

    Parameters
    ----------
    name
        One of `PROTOCOLS`.
    given
        What else the user asked for, by field; only None is compatible with a protocol.
    limit
        Only the first so many of its images, which is for trying it: the table says so.

    Raises
    ------
    ConfigError
        If the name is unknown, or the user asked for something that the protocol fixes.
    """
    if name not in PROTOCOLS:
        raise ConfigError(f"protocol {quote(name)} is unknown, expected one of {', '.join(PROTOCOLS)}")
    if fixed := [field for field, value in given.items() if value is not None]:
        raise ConfigError(f"--protocol={name} fixes {', '.join(fixed)}; leave out the one or the other")
    protocol = PROTOCOLS[name]
    if limit is None or (protocol.limit is not None and protocol.limit <= limit):
        return replace(protocol, title=name)
    return replace(protocol, title=f"{name}, only the first {limit} of its images", limit=limit)
