"""Networks with their parameters, from whatever file has them: what `cpm.models` is used by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, ConfigError
from ..mxnet_module import mx
from ..skeletons import Skeleton
from .families import FAMILIES  # noqa: F401  (makes the networks known)
from .files.checkpoint import Checkpoint, check_parameters, load_parameters, read_checkpoint
from .files.file_kind import find_kind
from .importing.importer import load_trunk
from .importing.zoo_file import load_zoo_trunk
from .networks.posenet import PoseNet
from .published.fetch import fetch
from .published.pretrained import PRETRAINED
from .registry import build, construct, find_entry


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
        A file with the ImageNet parameters of the trunk, instead of the download: of the Gluon or GluonCV model zoo,
        of what `import_trunk` knows, or a checkpoint, whose trunk is taken.
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
        raise ConfigError(f"{name}: pretrained={str(pretrained)!r} brings its own trunk, leave out trunk_file")
    if pretrained is None or pretrained == "imagenet":
        net = build(name, skeleton, options, ctx, init)
        if trunk_file is not None or pretrained is not None:
            _load_trunk(net, trunk_file)
        return net
    checkpoint = read_checkpoint(_find_file(name, pretrained))
    return _fill(_described(checkpoint.meta, name, skeleton, options), checkpoint, ctx)


def _find_file(name: str, source: str | Path) -> Path:
    """Return the checkpoint of a published network by its name, fetched if need be; a path stays as it is."""
    if str(source) not in PRETRAINED:
        return Path(source)
    if PRETRAINED[str(source)].model != name:
        raise ConfigError(f"pretrained={str(source)!r}: weights of a {PRETRAINED[str(source)].model}, not of a {name}")
    return fetch(str(source))


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
        find_entry(model)
    checkpoint = source if isinstance(source, Checkpoint) else read_checkpoint(source)
    try:
        net = _described(checkpoint.meta, model)
    except ConfigError as error:
        raise CheckpointError(f"{checkpoint.path}: {error}") from None
    return _fill(net, checkpoint, ctx)


def _described(
    meta: Mapping[str, Any],
    model: str | None,
    skeleton: Skeleton | str | Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
) -> PoseNet:
    """Return the network that a checkpoint describes, without values, or `model` with those options that it knows."""
    options = meta["options"]
    if model is not None:
        known = find_entry(model).defaults
        options = {key: value for key, value in options.items() if key in known}
    return construct(
        model or meta["model"], meta["skeleton"] if skeleton is None else skeleton, {**options, **(changes or {})}
    )


def _fill(net: PoseNet, checkpoint: Checkpoint, ctx: Any) -> PoseNet:
    """Give a network without values those of a checkpoint.

    They are compared first, as a description may claim a network that no memory is large enough for.
    """
    net.infer_shape(mx.nd.zeros((1, 64, 64, 3)))
    check_parameters(net, checkpoint)
    net.initialize(ctx=ctx)
    load_parameters(net, checkpoint)
    return net


def _load_trunk(net: PoseNet, trunk_file: str | Path | None) -> None:
    kind = "mxnet" if trunk_file is None else find_kind(trunk_file)
    if kind == "checkpoint":
        load_parameters(net, read_checkpoint(str(trunk_file)), part="trunk.")
        return
    if kind != "mxnet":
        load_trunk(net, Path(str(trunk_file)))
        return
    zoo = find_entry(net.name).zoo
    if zoo is None:
        raise ConfigError(f"{net.name} has no trunk in the model zoo")
    if net.options.get("normalisation") != "imagenet":
        # The zoo's networks know no other input.
        raise ConfigError(f"{net.name}: an ImageNet trunk of the zoo needs normalisation='imagenet'")
    load_zoo_trunk(net.trunk, zoo(**net.options) if trunk_file is None else Path(trunk_file))
