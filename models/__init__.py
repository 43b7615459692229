"""Networks: build them by name, save and load them.

>>> net = get_model("cpm_mobilenet", width=0.5, stages=2)
>>> maps = net(mx.nd.zeros((1, 368, 368, 3)))[-1]
>>> maps["pafs"].shape, maps["heatmaps"].shape
((1, 38, 46, 46), (1, 19, 46, 46))
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .public import *  # noqa: F403
else:

    def __getattr__(name):
        """Return something of `cpm.models.public`: networks, and MXNet with them, are loaded when they are wanted."""
        if name.startswith("__") and name != "__all__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.public"), name)
