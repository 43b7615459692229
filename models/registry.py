"""Networks by name: how they are built, without a file."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from ..errors import ConfigError, quote
from ..mxnet_module import mx
from ..skeletons import OPENPOSE_18, Skeleton, skeleton_from_spec, skeleton_to_spec
from .networks.heads import OPTIONS, Heads
from .networks.posenet import PoseNet

Builder = Callable[..., PoseNet]
ZooFile = Callable[..., Path]


@dataclass(frozen=True)
class Entry:
    """A network by name: its builder, the file of its trunk in a zoo, its usual body, and what it predicts."""

    builder: Builder
    zoo: ZooFile | None
    skeleton: Skeleton
    heads: type[Heads] | None

    @property
    def defaults(self) -> dict[str, Any]:
        """Its options with their defaults: those of the builder, and those of the heads."""
        parameters = list(inspect.signature(self.builder).parameters.values())[1:]
        of_builder = {parameter.name: parameter.default for parameter in parameters}
        return {**of_builder, **OPTIONS} if self.heads else of_builder

    def build(self, skeleton: Skeleton, options: Mapping[str, Any]) -> PoseNet:
        """Build the network; `options` are all that there are."""
        if self.heads is None:
            return self.builder(skeleton, **options)
        heads = self.heads.of_options(skeleton, options)
        return self.builder(heads, **{name: value for name, value in options.items() if name not in OPTIONS})


_MODELS: dict[str, Entry] = {}


def register_model(
    zoo: ZooFile | None = None, skeleton: Skeleton = OPENPOSE_18, heads: type[Heads] | None = Heads
) -> Callable[[Builder], Builder]:
    """Make `get_model` know a builder by the name of its function.

    Parameters
    ----------
    zoo
        Called with the options of the network, returns the file of the model zoo with the ImageNet
        parameters of its trunk; None if there is no such trunk.
    skeleton
        The body, unless the caller of `get_model` says otherwise.
    heads
        What its stages predict, whose options are then options of the network; None for a top-down network.

    Returns
    -------
    callable
        A decorator for ``builder(heads, *, option=default, ...) -> PoseNet``, of a top-down network
        ``builder(skeleton, *, option=default, ...)``. It builds and does not initialise. Its options are fit for JSON
        and all have defaults.
    """

    def register(build: Builder) -> Builder:
        _MODELS[build.__name__] = Entry(build, zoo, skeleton, heads)
        return build

    return register


def list_models() -> list[str]:
    """Return the names that `get_model` knows."""
    return sorted(_MODELS)


def check_model(name: str, options: Mapping[str, Any]) -> None:
    """Make sure that a network and its options are known, before anything is built or downloaded.

    Raises
    ------
    ConfigError
        If the name or an option is not.
    """
    known = find_entry(name).defaults
    if unknown := sorted(set(options) - set(known)):
        raise ConfigError(f"{name} has no option {quote(unknown[0])}, its options are {', '.join(known)}")


def find_entry(name: str) -> Entry:
    """Return what is known of a network.

    Raises
    ------
    ConfigError
        If the name is unknown; the message lists the known ones.
    """
    if name not in _MODELS:
        raise ConfigError(f"network {quote(name)} is unknown, expected one of {', '.join(list_models())}")
    return _MODELS[name]


def build(
    name: str,
    skeleton: Skeleton | str | Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    ctx: Any = None,
    init: mx.init.Initializer | None = None,
) -> PoseNet:
    """Build a network with first values; parameters and errors are those of `get_model`."""
    net = construct(name, skeleton, options or {})
    net.initialize(init, ctx)
    return net


def construct(name: str, skeleton: Skeleton | str | Mapping[str, Any] | None, options: Mapping[str, Any]) -> PoseNet:
    """Build a network without values, which takes no memory worth mentioning; errors are those of `get_model`."""
    check_model(name, options)
    entry = find_entry(name)
    options = {**entry.defaults, **options}
    skeleton = skeleton_from_spec(entry.skeleton if skeleton is None else skeleton)
    try:
        net = entry.build(skeleton, options)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    net.registry_name = name
    net.options = {**options, "skeleton": skeleton_to_spec(skeleton)}
    net.hybridize(static_alloc=True)
    return net
