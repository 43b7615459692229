"""Build a network from a foreign file, with every tensor accounted for."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

import numpy as np

from ...errors import CheckpointError, ConfigError, list_some, quote
from ...mxnet_module import mx
from ..families import FAMILIES  # noqa: F401  (makes the networks known)
from ..files.file_kind import KINDS, find_kind
from ..files.parameters import network_parameters
from ..networks.posenet import PoseNet
from ..registry import build, find_entry
from .caffe import read_caffemodel
from .graph_match import build_from_ir
from .layouts import INPUTS, Layout, count_stages, find_layouts, stage_inputs, tensor_names
from .mxnet_file import read_params
from .reading import Tensors
from .safetensors_file import read_safetensors
from .torch_file import read_torch

logger = logging.getLogger(__name__)

_FEATURES = 128  # channels that every stage sees beside the maps
# By the kind of a file: whose names its tensors have, and what reads it.
_READERS: dict[str, tuple[str, Callable[..., Tensors]]] = {
    "caffe": ("caffe", read_caffemodel),
    "torch": ("torch", read_torch),
    "safetensors": ("torch", read_safetensors),
    "mxnet": ("mxnet", read_params),
}

_NO_SOURCES = {
    "checkpoint": "there is nothing to import: give it to --resume, pretrained or model.trunk_file as it is",
    "onnx": "of which weights are not read: cpm predict and cpm evaluate run those that this package exports",
}


def import_weights(
    source: str | Path,
    model: str,
    source_input: str | None = None,
    ctx: Any = None,
    entry: str = "",
    skeleton: Any = None,
    **options: Any,
) -> PoseNet:
    """Build a network and give it the weights of a file of another framework.

    Parameters
    ----------
    source
        A Caffe model, a PyTorch checkpoint, safetensors, MXNet parameters, or the ``.xml`` of an OpenVINO IR, whose
        ``.bin`` lies beside it. The content tells which, whatever the name. No code in it is run.
    model
        The name of the network.
    source_input
        The input that the source wants, one of `INPUTS`; by default the one of its publisher. The network itself
        takes RGB from 0 to 255: the order of the channels goes into its first convolution and the rest into its
        normalisation.
    ctx
        A context or a list of them.
    entry
        Which weights to take of a file with several sets: the name of the entry of a PyTorch checkpoint that holds
        them, e.g. ``"state_dict_ema"``, or what the names of their tensors begin with.
    skeleton
        The body, as for `cpm.models.get_model`.
    **options
        Options of the network, e.g. ``width=0.5``; the file tells the number of stages.

    Returns
    -------
    PoseNet
        Computes what the source computes.

    Raises
    ------
    CheckpointError
        If the file is missing or broken, of an unknown layout, or one of its tensors or of those of the network is
        left over or has another shape, or the file has several sets of weights.
    ConfigError
        If the network, an option or the input is unknown.
    """
    source = Path(source)
    _check_input(source_input)
    find_entry(model)
    if find_kind(source) == "openvino":
        net, values = build_from_ir(source, model, source_input or "openpose-bgr", ctx, skeleton, **options)
        assign(net, values)
        return net
    layout, tensors = _read(source, model, entry, trunk=False)
    order, normalisation = INPUTS[source_input or layout.input]
    try:
        told = {**dict(layout.options), **count_stages(layout, tensors)}
    except ValueError as error:
        raise CheckpointError(f"{source}: {error}") from None
    if wrong := [key for key in told if options.get(key, told[key]) != told[key]]:
        key = wrong[0]
        raise CheckpointError(f"{source}: of a {model} with {key}={told[key]!r}, not {key}={quote(options[key])}")
    net = build(model, skeleton, {"normalisation": normalisation, **options, **told}, ctx)
    assign(net, collect(source, net, layout, tensors, order))
    return net


def import_trunk(
    source: str | Path, model: str = "cpm_vgg19", source_input: str | None = None, entry: str = ""
) -> PoseNet:
    """Build a network whose trunk has the weights of a classifier; the rest has first values.

    Parameters
    ----------
    source
        The Caffe model of the VGG19 of Simonyan and Zisserman, or torchvision's.
    model, source_input, entry
        As for `import_weights`.

    Returns
    -------
    PoseNet
        `save_network` with ``part="trunk."`` keeps its trunk alone.

    Raises
    ------
    CheckpointError, ConfigError
        As for `import_weights`.
    """
    source = Path(source)
    _check_input(source_input)
    find_entry(model)
    layout, tensors = _read(source, model, entry, trunk=True)
    order, normalisation = INPUTS[source_input or layout.input]
    net = build(model, options={"normalisation": normalisation})
    assign(net, collect(source, net, layout, tensors, order))
    return net


def load_trunk(net: PoseNet, source: Path) -> None:
    """Give the trunk of a network the weights of a classifier, which wants the input that the network has.

    Raises
    ------
    CheckpointError
        As `import_trunk`; and if the classifier wants another input.
    """
    layout, tensors = _read(source, net.name, "", trunk=True)
    order, normalisation = INPUTS[layout.input]
    if net.options["normalisation"] != normalisation:
        ours = net.options["normalisation"]
        raise CheckpointError(f"{source}: its input wants normalisation={normalisation!r}, the network has {ours!r}")
    assign(net, collect(source, net, layout, tensors, order))


def collect(
    source: Path, net: PoseNet, layout: Layout, tensors: Mapping[str, np.ndarray], order: str
) -> dict[str, np.ndarray]:
    """Return the values of the network by place; errors as of `import_weights`."""
    names = tensor_names(net, layout)
    if layout.by_order:
        tensors = _name_trunk(net, tensors, set(names.values()), layout.unused)
    seen = {place: _split(net, parts, layout.seen) for place, parts in stage_inputs(net).items()}
    parameters = network_parameters(net)
    values = {}
    problems = []
    for place, name in names.items():
        if name not in tensors:
            problems.append(f"{name} is missing")
            continue
        array = tensors[name]
        shape = tuple(parameters[place].shape)
        if place in seen:
            array = _reorder(array, *seen[place])
        if array.shape != shape:
            problems.append(f"{name} {tensors[name].shape} in place of {shape}")
        values[place] = array
    used = set(names.values())
    unknown = [name for name in tensors if name not in used and not re.fullmatch(layout.unused, name)]
    problems += [f"{name} {tensors[name].shape} has no place" for name in unknown]
    if problems:
        raise CheckpointError(f"{source}: not the weights of this {net.name}: {list_some(problems, 5)}")
    first = next(iter(names))
    if order == "bgr":
        values[first] = values[first][:, ::-1]
    return values


def assign(net: PoseNet, values: Mapping[str, np.ndarray]) -> None:
    """Put values into the places of a network."""
    parameters = network_parameters(net)
    for place, array in values.items():
        parameters[place].set_data(mx.nd.array(np.ascontiguousarray(array, np.float32)))


def _check_input(source_input: str | None) -> None:
    if source_input is not None and source_input not in INPUTS:
        raise ConfigError(f"input {source_input!r} is unknown, expected one of {', '.join(INPUTS)}")


def _read(source: Path, model: str, entry: str, trunk: bool) -> tuple[Layout, Tensors]:
    """Return the tensors of a file that belong to a network, by the names that the layout gives them."""
    kind = find_kind(source)
    if kind not in _READERS:
        raise CheckpointError(f"{source}: {KINDS[kind]}, {_NO_SOURCES.get(kind, 'which has no trunk to import')}")
    names_of, read = _READERS[kind]
    tensors = read(source, entry) if kind == "torch" else read(source)
    if names_of == "mxnet":  # which joins the name of a layer and the kind of a tensor by an underscore
        suffix = re.compile(r"_(weight|bias|gamma|beta|(running|moving)_(mean|var))$")
        plain = {name: suffix.sub(r".\1", name).replace(".moving_", ".running_") for name in tensors}
        tensors = {plain[name]: array for name, array in tensors.items()}
    layouts = find_layouts(names_of, model, tensors, trunk)
    if not layouts:
        some = ", ".join(list(tensors)[:3])
        what = f"the trunk of a {model}" if trunk else f"a {model}"
        raise CheckpointError(f"{source}: no known layout of {what}, its {len(tensors)} tensors are {some}, ...")
    begins_names = any(name.startswith(f"{entry}.") for name in tensors)
    if entry and (begins_names or kind != "torch"):  # else the reader has taken the entry of this name
        layouts = {prefix: layout for prefix, layout in layouts.items() if prefix == f"{entry}."}
    prefix = _only(source, list(layouts), entry)
    return layouts[prefix], _part(source, tensors, prefix)


def _only(source: Path, prefixes: list[str], entry: str) -> str:
    """Return the one place where the network begins among the names of a file."""
    if not prefixes:
        raise CheckpointError(f"{source}: the tensors that begin with {quote(entry)} are not those of the network")
    if len(prefixes) > 1:
        names = " and ".join(quote(prefix.rstrip("."), 40) for prefix in prefixes[:5])
        raise CheckpointError(f"{source}: holds several networks, {names}: say which one with the option entry")
    return prefixes[0]


def _part(source: Path, tensors: Tensors, prefix: str) -> Tensors:
    """Return the tensors whose names begin with the prefix of the network, by what follows it."""
    others = [name for name in tensors if not name.startswith(prefix)]
    if others:
        some = ", ".join(others[:3])
        logger.info("%s: %d tensors are not of the network %s and left out: %s", source, len(others), prefix, some)
    return {name[len(prefix) :]: array for name, array in tensors.items() if name.startswith(prefix)}


def _name_trunk(net: PoseNet, tensors: Mapping[str, np.ndarray], used: set[str], unused: str) -> dict[str, np.ndarray]:
    """Give the tensors of the trunk, which come in its order, the names of their places."""
    free = [name for name in tensors if name not in used and not re.fullmatch(unused, name)]
    places = [place for place in network_parameters(net) if place.startswith("trunk.")]
    pairs = zip(free, places)
    fitting = {name: place for name, place in pairs if name.rpartition(".")[2] == place.rpartition(".")[2]}
    return {fitting.get(name, name): array for name, array in tensors.items()}


def _split(net: PoseNet, parts: tuple[str, ...], order: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Return the channels of what a stage sees, in the source's order, and where each part goes in ours."""
    sizes = {kind.name: kind.channels(net.skeleton) for kind in net.kinds[-1]} | {"features": _FEATURES}
    theirs = [part for part in order if part in parts]
    return [sizes[part] for part in theirs], [theirs.index(part) for part in parts]


def _reorder(array: np.ndarray, sizes: list[int], order: list[int]) -> np.ndarray:
    """Bring the input channels of a convolution into the network's order, if it sees all these parts."""
    if array.ndim != 4 or array.shape[1] != sum(sizes):
        return array
    parts = np.split(array, np.cumsum(sizes)[:-1], axis=1)
    return np.concatenate([parts[k] for k in order], axis=1)
