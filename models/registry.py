"""Networks by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import mxnet as mx

from ..errors import CheckpointError, ConfigError, quote
from ..skeletons import OPENPOSE_18, Skeleton, skeleton_from_spec, skeleton_to_spec
from .checkpoint import Checkpoint, load_parameters, read_checkpoint
from .posenet import PoseNet
from .trunks import load_zoo_trunk

Builder = Callable[..., PoseNet]
ZooFile = Callable[..., Path]


@dataclass(frozen=True)
class _Entry:
    build: Builder
    zoo: ZooFile | None
    skeleton: Skeleton

    @property
    def defaults(self) -> dict[str, Any]:
        parameters = list(inspect.signature(self.build).parameters.values())[1:]
        return {parameter.name: parameter.default for parameter in parameters}


_MODELS: dict[str, _Entry] = {}
_SMALLEST = 1e-30  # of numbers that are not 0: MXNet refuses what float32 cannot hold


def register_model(zoo: ZooFile | None = None, skeleton: Skeleton = OPENPOSE_18) -> Callable[[Builder], Builder]:
    """Make `get_model` know a builder by the name of its function.

    Parameters
    ----------
    zoo
        Called with the options of the network, returns the file of the model zoo with the ImageNet
        parameters of its trunk; None if there is no such trunk.
    skeleton
        The body, unless the caller of `get_model` says otherwise.

    Returns
    -------
    callable
        A decorator for ``builder(skeleton, *, option=default, ...) -> PoseNet``. It builds and does not
        initialise. Its options are fit for JSON and all have defaults.
    """

    def register(build: Builder) -> Builder:
        _MODELS[build.__name__] = _Entry(build, zoo, skeleton)
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
    known = _find(name).defaults
    if unknown := sorted(set(options) - set(known)):
        raise ConfigError(f"{name} has no option {quote(unknown[0])}, its options are {', '.join(known)}")


def get_model(
    name: str,
    pretrained: str | Path | None = None,
    ctx: Any = None,
    skeleton: Skeleton | str | Mapping[str, Any] | None = None,
    trunk_file: str | Path | None = None,
    init: mx.init.Initializer | None = None,
    **options: Any,
) -> PoseNet:
    """Build a network, initialised and hybridized.

    Parameters
    ----------
    name
        One of `list_models`.
    pretrained
        None, for first values drawn from MXNet's random generator; the path of a checkpoint of this network;
        the name of a published one, see `cpm.models.PRETRAINED`, which is downloaded once; or "imagenet", for
        the trunk of the Gluon or GluonCV model zoo, which is downloaded by their code to where they keep it.
        Options and the skeleton that are not given are those of the checkpoint.
    ctx
        A context or a list of them; the CPU if not given.
    skeleton
        The body, a name of `cpm.skeletons.SKELETONS` or what `skeleton_to_spec` returns; if not given,
        COCO_17 for top-down networks and OPENPOSE_18 for others.
    trunk_file
        A ``.params`` file with the ImageNet parameters of the trunk, instead of the download; or a checkpoint,
        whose trunk is taken.
    init
        Draws the first values of convolutions that do not name their own; by default He's, see `PoseNet.initialize`.
    **options
        Those of the builder, e.g. ``stages=6``.

    Returns
    -------
    PoseNet
        ``get_model(net.name, **net.options)`` builds the same network again.

    Raises
    ------
    ConfigError
        If the name, an option or the skeleton is unknown or does not fit.
    CheckpointError
        If the parameters cannot be had or belong to another network.
    """
    if trunk_file is not None and pretrained not in (None, "imagenet"):
        raise ConfigError(f"{name}: pretrained={quote(str(pretrained))} brings its own trunk, leave out trunk_file")
    if pretrained is None or pretrained == "imagenet":
        net = _build(name, skeleton, options, ctx, init)
        if trunk_file is not None or pretrained is not None:
            _load_trunk(net, trunk_file)
        return net
    checkpoint = read_checkpoint(_find_file(name, pretrained))
    known = {key: value for key, value in checkpoint.meta["options"].items() if key in _find(name).defaults}
    net = _build(name, checkpoint.meta["skeleton"] if skeleton is None else skeleton, {**known, **options}, ctx)
    load_parameters(net, checkpoint)
    return net


def _find_file(name: str, source: str | Path) -> Path:
    """Return the checkpoint of a published network by its name, fetched if need be; a path stays as it is."""
    from .fetching import fetch  # which imports networks, which this registry builds
    from .pretrained import PRETRAINED

    if str(source) not in PRETRAINED:
        return Path(source)
    if PRETRAINED[str(source)].model != name:
        raise ConfigError(
            f"pretrained={quote(str(source))}: weights of a {PRETRAINED[str(source)].model}, not of a {name}"
        )
    return fetch(str(source))


def network_from_meta(meta: Mapping[str, Any], ctx: Any = None, model: str | None = None) -> PoseNet:
    """Build the network that a checkpoint describes, with first values.

    Parameters
    ----------
    meta
        The description, see `Checkpoint`.
    ctx
        A context or a list of them.
    model
        A name in place of the one in `meta`; of the options those are kept that it knows.

    Raises
    ------
    ConfigError
        If this version of the package does not know the network or its options.
    """
    options = meta["options"]
    if model is not None:
        known = _find(model).defaults
        options = {key: value for key, value in options.items() if key in known}
    return _build(model or meta["model"], meta["skeleton"], options, ctx)


def load_network(source: str | Path | Checkpoint, ctx: Any = None, model: str | None = None) -> PoseNet:
    """Build the network that a checkpoint describes and load its parameters.

    Parameters
    ----------
    source
        A file of `save_network`, or what `read_checkpoint` has read of it.
    ctx
        A context or a list of them.
    model
        The name of the network, if it is not the one in the file.

    Raises
    ------
    CheckpointError
        If the file is missing or broken, or its parameters do not fit the network.
    ConfigError
        If `model` is unknown.
    """
    if model is not None:
        _find(model)
    checkpoint = source if isinstance(source, Checkpoint) else read_checkpoint(source)
    try:
        net = network_from_meta(checkpoint.meta, ctx, model)
    except ConfigError as error:
        raise CheckpointError(f"{checkpoint.path}: {error}") from None
    load_parameters(net, checkpoint)
    return net


def check_number(option: str, value: Any, low: float, high: float) -> None:
    """Check an option that must be a number; a whole one if `low` is.

    Raises
    ------
    ConfigError
        If it is not a number or outside [low, high].
    """
    whole = isinstance(low, int)
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high or 0 < value < _SMALLEST:
        kind = "a whole number" if whole else "a number"
        raise ConfigError(f"{option}={quote(value)}, expected {kind} from {low} to {high}")


def _find(name: str) -> _Entry:
    if name not in _MODELS:
        raise ConfigError(f"network {quote(name)} is unknown, expected one of {', '.join(list_models())}")
    return _MODELS[name]


def _build(
    name: str,
    skeleton: Skeleton | str | Mapping[str, Any] | None,
    options: Mapping[str, Any],
    ctx: Any,
    init: mx.init.Initializer | None = None,
) -> PoseNet:
    check_model(name, options)
    entry = _find(name)
    options = {**entry.defaults, **options}
    skeleton = skeleton_from_spec(entry.skeleton if skeleton is None else skeleton)
    try:
        net = entry.build(skeleton, **options)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    net.registry_name, net.options = name, {**options, "skeleton": skeleton_to_spec(skeleton)}
    net.initialize(init, ctx)
    net.hybridize(static_alloc=True)
    return net


def _load_trunk(net: PoseNet, trunk_file: str | Path | None) -> None:
    if trunk_file is not None and Path(trunk_file).suffix == ".npz":
        load_parameters(net, read_checkpoint(trunk_file), part="trunk.")
        return
    zoo = _find(net.name).zoo
    if zoo is None:
        raise ConfigError(f"{net.name} has no trunk in the model zoo")
    if net.options.get("normalisation") != "imagenet":
        # The zoo's networks know no other input.
        raise ConfigError(f"{net.name}: an ImageNet trunk of the zoo needs normalisation='imagenet'")
    load_zoo_trunk(net.trunk, zoo(**net.options) if trunk_file is None else Path(trunk_file))
