"""The same networks in other frameworks, where these are installed."""

from __future__ import annotations

import importlib.util
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

logger = logging.getLogger(__name__)

_NETWORKS = Path(__file__).resolve().parents[2] / "tests" / "reference" / "torch_networks.py"
_OF_TORCH = {"cpm_vgg19": "Numbered", "lightweight_openpose": "LightweightOpenPose"}

REST = 0.1  # seconds until the threads of another framework have come to rest


def torch_network(name: str, **options: int) -> tuple[ModuleType, Any] | None:
    """Return torch and the plain modules of a network in channels_last, with random weights that keep the variance.

    The options are those of the modules, such as ``stages=6``.
    They are those of the tests. None where torch or the folder of tests is not there.
    """
    if importlib.util.find_spec("torch") is None or not _NETWORKS.is_file():
        logger.warning("torch or %s is not there: %s is not compared with it", _NETWORKS, name)
        return None
    import torch

    networks = load_module(_NETWORKS)
    net = networks.randomise(getattr(networks, _OF_TORCH[name])(**options))
    return torch, net.to(memory_format=torch.channels_last)


def load_module(path: Path) -> ModuleType:
    """Import a file that is on no path."""
    name = f"benchmarks_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
