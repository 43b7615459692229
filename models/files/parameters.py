"""The parameters of a network by their places in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...mxnet_module import mx

if TYPE_CHECKING:
    from mxnet.gluon import HybridBlock, Parameter


def network_parameters(net: HybridBlock) -> dict[str, Parameter]:
    """Return the parameters by their place in the network, e.g. ``trunk.0.weight``, without its constants."""
    parameters = net._collect_params_with_prefix()
    return {name: value for name, value in parameters.items() if not isinstance(value, mx.gluon.Constant)}
