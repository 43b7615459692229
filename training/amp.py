"""Mixed precision: the convolutions of a network in 16 bits; parameters, optimizer, losses and files in 32.

``mxnet.contrib.amp.init`` would change the operators of the whole process, for good. Here only the graph of one
network is rewritten, by the same rules.
"""

from __future__ import annotations

import functools
import logging
import math
import time
from collections.abc import Mapping, Sequence

import mxnet as mx
from mxnet import autograd, gluon
from mxnet.contrib import amp
from mxnet.contrib.amp.loss_scaler import LossScaler

from ..errors import CheckpointError, ConfigError, quote

logger = logging.getLogger(__name__)

_OF_DEVICES = {"cpu": "bfloat16", "gpu": "float16"}
_SCALED = ("float16",)  # bfloat16 has the exponents of float32: its gradients do not vanish


def choose_precision(choice: str, contexts: Sequence[mx.Context]) -> str:
    """Return the type to compute in.

    Parameters
    ----------
    choice
        What the recipe says as ``train.amp``: "" for float32, "auto" for what the devices can do, or a type.
    contexts
        The devices, all of a kind.

    Returns
    -------
    str
        "", "bfloat16" or "float16".

    Raises
    ------
    ConfigError
        If the devices cannot compute in this type.
    """
    if not choice:
        return ""
    kind = contexts[0].device_type
    possible = _OF_DEVICES[kind]
    if choice not in ("auto", possible):
        raise ConfigError(f"train.amp={choice}: MXNet has no {choice} on a {kind.upper()}, expected auto or {possible}")
    if kind == "cpu":
        _check_cpu()
    return possible


def lower_precision(net: gluon.HybridBlock, precision: str) -> None:
    """Let a network compute in 16 bits where that is safe; its parameters and what it returns stay float32.

    This lasts until the next ``net.hybridize()``. Which operators are safe is what MXNet's own lists say.

    Parameters
    ----------
    net
        An initialised network of one input.
    precision
        "bfloat16" or "float16".
    """
    net.hybridize(static_alloc=True)
    inputs, graph = net._get_graph(mx.sym.var("data"))
    float32_ops = amp.list_fp32_ops(amp.amp.bfloat16 if precision == "bfloat16" else precision)
    if precision == "bfloat16":
        # Not in any list, so that it would fail where its inputs differ in type, as after a PReLU.
        float32_ops = [*float32_ops, "Concat"]
    lower = amp.convert_symbol(graph, precision, fp32_ops=float32_ops, data_names=[])
    for parameter in net.collect_params().values():
        # Inference leaves parameters in layouts of oneDNN, of which some cannot be cast.
        parameter.reset_ctx(parameter.list_ctx())
    net._cached_graph = inputs, mx.sym.Group([mx.sym.amp_cast(output, dtype="float32") for output in lower])


def scale_gradients(trainer: gluon.Trainer, precision: str) -> None:
    """Let a trainer find a loss scale that keeps small gradients from vanishing, if the precision needs one.

    The scale grows until a gradient overflows; that step is left out and the scale halved.
    """
    if precision in _SCALED:
        trainer._amp_loss_scaler = LossScaler()
        trainer._amp_original_scale = trainer._scale


def backward(losses: list[mx.nd.NDArray], trainer: gluon.Trainer) -> None:
    """Compute the gradients of the losses of all devices, scaled as the trainer expects them."""
    if not _is_scaled(trainer):
        autograd.backward(losses)
        return
    with autograd.record(), amp.scale_loss(losses, trainer) as scaled:
        autograd.backward(scaled)


def scaling_state(trainer: gluon.Trainer) -> dict[str, float]:
    """Return the state of the loss scale, fit for JSON; empty if there is none."""
    if not _is_scaled(trainer):
        return {}
    scaler = trainer._amp_loss_scaler
    return {"scale": scaler._loss_scale, "next_scale": scaler._next_loss_scale, "unskipped": scaler._unskipped}


def restore_scaling(trainer: gluon.Trainer, state: Mapping[str, float]) -> None:
    """Give the loss scale back what :func:`scaling_state` returned; a trainer that scales nothing stays as it is.

    Raises
    ------
    CheckpointError
        If the state is broken.
    """
    if not _is_scaled(trainer) or not state:
        return
    scaler = trainer._amp_loss_scaler
    try:
        values = [float(state[key]) for key in ("scale", "next_scale")]
        unskipped = int(state["unskipped"])
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise CheckpointError(f"the state of the loss scale is broken ({quote(error)})") from None
    are_scales = all(math.isfinite(value) and value > 0 for value in values)
    if not are_scales or not 0 <= unskipped < scaler._scale_seq_len:
        raise CheckpointError(f"the state of the loss scale is broken ({quote(state)})")
    scaler._loss_scale, scaler._next_loss_scale = values
    scaler._unskipped = unskipped


def _is_scaled(trainer: gluon.Trainer) -> bool:
    return getattr(trainer, "_amp_loss_scaler", None) is not None


@functools.lru_cache
def _check_cpu() -> None:
    """Make sure that the CPU computes in bfloat16, and say so where that is slower than float32."""
    try:
        slower = _slowdown()
    except mx.MXNetError:
        raise ConfigError("train.amp: this CPU has no bfloat16, which takes AVX-512; leave --amp out") from None
    if slower > 1.2:
        logger.warning("this CPU only emulates bfloat16, which takes %.1f times as long as float32", slower)


def _slowdown() -> float:
    """Return how many times as long a convolution takes in bfloat16, by the shortest of many times, taken in turns."""
    data = mx.nd.ones((1, 64, 64, 64))
    layers = []
    for precision in ("bfloat16", ""):
        layer = gluon.nn.Conv2D(64, 3, padding=1, in_channels=64)
        layer.initialize(mx.init.One())
        layer.hybridize()
        if precision:
            lower_precision(layer, precision)
        layers.append(layer)
    times: list[list[float]] = [[], []]
    for _ in range(20):
        for layer, taken in zip(layers, times):
            start = time.perf_counter()
            layer(data).wait_to_read()
            taken.append(time.perf_counter() - start)
    return min(times[0]) / min(times[1])
