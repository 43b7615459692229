"""Networks in files: one ``.npz`` with the parameters and a description of the network.

The file is an uncompressed zip archive, whose checksums reveal damage, of NumPy arrays:

- ``meta``: JSON as uint8, an object with ``format`` (1), ``model`` (the name in the registry), ``options``,
  ``skeleton`` and what the writer added;
- ``net/<place>``, e.g. ``net/trunk.0.weight``: the parameters, float32;
- any other name: arrays of the writer, such as the state of an optimizer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import CheckpointError, ConfigError, quote, reason
from ...files import read_arrays, write_arrays
from ...mxnet_module import mx
from ...skeletons import Skeleton, skeleton_from_spec
from .file_kind import expect_kind
from .parameters import network_parameters

if TYPE_CHECKING:
    from mxnet.gluon import Parameter

    from ..networks.posenet import PoseNet

FORMAT = 1
_RESERVED = ("format", "model", "options", "skeleton")
_NET = "net/"


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint.

    Attributes
    ----------
    path
        Where it was read.
    meta
        The description: ``format``, ``model``, ``options``, ``skeleton`` and what the writer added.
    params
        The parameters by their places in the network, float32.
    arrays
        The other arrays by their names.
    """

    path: Path
    meta: dict[str, Any]
    params: dict[str, np.ndarray]
    arrays: dict[str, np.ndarray]

    @property
    def origin(self) -> dict[str, Any]:
        """What a network that is made of it says of where it comes from: the recipe of the training, if any."""
        return {key: self.meta[key] for key in ("config",) if key in self.meta}


def save_network(
    path: str | Path,
    net: PoseNet,
    extra: Mapping[str, Any] | None = None,
    arrays: Mapping[str, np.ndarray] | None = None,
    part: str = "",
) -> None:
    """Write a network to a file, whole or not at all.

    Parameters
    ----------
    path
        The file, conventionally ``.npz``.
    net
        A network of `get_model`. Where it lives on several devices, their values (the statistics of batch
        normalisation differ) are averaged.
    extra
        Additional entries of the description, fit for JSON.
    arrays
        Additional arrays; their names do not begin with ``net/``.
    part
        What the places of the parameters to keep begin with, e.g. ``trunk.``; all if not given.

    Raises
    ------
    ConfigError
        If the name of an entry or an array is one that the format itself uses.
    """
    extra = dict(extra or {})
    arrays = dict(arrays or {})
    taken = [key for key in extra if key in _RESERVED]
    taken += [name for name in arrays if name == "meta" or name.startswith(_NET)]
    if taken:
        raise ConfigError(f"a checkpoint cannot hold an additional {quote(taken[0])}, the format uses that name itself")
    options = {key: value for key, value in net.options.items() if key != "skeleton"}
    meta = {"format": FORMAT, "model": net.name, "options": options, "skeleton": net.options["skeleton"], **extra}
    if part:
        meta["part"] = part
    content = {"meta": np.frombuffer(json.dumps(meta).encode(), np.uint8)}
    for name, parameter in _parameters_of(net, part).items():
        content[_NET + name] = value_of(parameter).astype(np.float32, copy=False)
    write_arrays(path, {**content, **arrays})


def value_of(parameter: Parameter) -> np.ndarray:
    """Return the value of a parameter as an array: the mean of the devices' where they may differ."""
    if parameter.grad_req == "null":
        return np.asarray(parameter._reduce().asnumpy())
    # All are the same, and the mean of three equal numbers need not be that number.
    return np.asarray(parameter.list_data()[0].asnumpy())


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a file of `save_network` with bounded memory: no more than its size.

    Raises
    ------
    CheckpointError
        If the file is missing, broken, or something else than a checkpoint.
    """
    path = Path(path)
    expect_kind(path, "checkpoint")
    try:
        content = read_arrays(path)
        if "meta" not in content:
            raise ValueError("it holds no 'meta'")
        meta = json.loads(content.pop("meta").tobytes())
    except Exception as error:  # foreign bytes fail in every way there is
        raise CheckpointError(f"{path}: not a checkpoint, or a broken one ({reason(error)})") from None
    _check_meta(path, meta)
    params = {name[len(_NET) :]: array for name, array in content.items() if name.startswith(_NET)}
    if wrong := [name for name, array in params.items() if array.dtype != np.float32]:
        raise CheckpointError(f"{path}: {quote(wrong[0])} is {params[wrong[0]].dtype}, expected float32")
    if wrong := [name for name, array in params.items() if not np.isfinite(array).all()]:
        raise CheckpointError(f"{path}: {quote(wrong[0])} has values that are not finite")
    arrays = {name: array for name, array in content.items() if not name.startswith(_NET)}
    return Checkpoint(path, meta, params, arrays)


def load_parameters(net: PoseNet, checkpoint: Checkpoint, part: str = "") -> None:
    """Copy the parameters of a checkpoint into a network that is just as the one that was saved.

    Parameters
    ----------
    net
        The network.
    checkpoint
        What `read_checkpoint` returned.
    part
        What the places of the parameters to copy begin with; the rest of the networks may differ then.

    Raises
    ------
    CheckpointError
        If a parameter is missing, unexpected or of another shape, or the networks have another skeleton
        or normalisation. The network is unchanged then.
    """
    check_parameters(net, checkpoint, part)
    for name, parameter in _parameters_of(net, part).items():
        parameter.set_data(mx.nd.array(checkpoint.params[name]))


def check_parameters(net: PoseNet, checkpoint: Checkpoint, part: str = "") -> None:
    """Raise the errors of `load_parameters`, of a network that knows the shapes of its parameters."""
    only = checkpoint.meta.get("part", "")
    if not part.startswith(only):
        raise CheckpointError(
            f"{checkpoint.path}: holds only {only}* of a {checkpoint.meta['model']}; "
            "start a training from it with model.trunk_file"
        )
    expected = _parameters_of(net, part)
    found = {name: array for name, array in checkpoint.params.items() if name.startswith(part)}
    shapes = [
        f"{name} {found[name].shape} instead of {tuple(parameter.shape)}"
        for name, parameter in expected.items()
        if name in found and found[name].shape != tuple(parameter.shape)
    ]
    problems = [
        *_list_some("missing", [name for name in expected if name not in found]),
        *_list_some("unexpected", [name for name in found if name not in expected]),
        *_list_some("of another shape", shapes),
    ]
    saved = skeleton_from_meta(checkpoint.meta)
    if not problems and not part and (saved.joints, saved.limbs) != (net.skeleton.joints, net.skeleton.limbs):
        problems.append(f"its skeleton is {quote(saved.name)}, not {quote(net.skeleton.name)}")
    normalisation = checkpoint.meta["options"].get("normalisation")
    if not problems and normalisation != net.options.get("normalisation"):
        problems.append(f"its normalisation is {quote(normalisation)}, not {quote(net.options.get('normalisation'))}")
    if problems:
        raise CheckpointError(
            f"{checkpoint.path}: holds a {checkpoint.meta['model']} that does not fit this {net.name}: "
            + "; ".join(problems)
        )


def skeleton_from_meta(meta: Mapping[str, Any]) -> Skeleton:
    """Return the skeleton that a checkpoint describes."""
    return skeleton_from_spec(meta["skeleton"])


def _parameters_of(net: PoseNet, part: str) -> dict[str, Any]:
    return {name: value for name, value in network_parameters(net).items() if name.startswith(part)}


def _list_some(what: str, names: list[str]) -> Iterable[str]:
    if names:
        more = ", ..." if len(names) > 3 else ""
        yield f"{len(names)} {what} ({', '.join(names[:3])}{more})"


def _check_meta(path: Path, meta: Any) -> None:
    kinds = {"format": int, "model": str, "options": dict, "skeleton": dict}
    for key, kind in kinds.items():
        if not isinstance(meta, dict) or not isinstance(meta.get(key), kind):
            raise CheckpointError(f"{path}: not a checkpoint of this package, its description has no {quote(key)}")
    if not isinstance(meta.get("part", ""), str):
        raise CheckpointError(f"{path}: its description says part={quote(meta['part'])}, expected a text")
    if meta["format"] != FORMAT:
        raise CheckpointError(f"{path}: format {quote(meta['format'])}, this version of cpm reads format {FORMAT}")
    try:
        skeleton_from_meta(meta)
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from None
