"""The file of a network that is named by its path or as a published one."""

from __future__ import annotations

from pathlib import Path

from .pretrained import PRETRAINED


def find_network(source: str | Path) -> Path:
    """Return the path that it is, or the file of a published network by its name, which is fetched if need be.

    Raises
    ------
    CheckpointError
        If it cannot be had.
    """
    if str(source) not in PRETRAINED:
        return Path(source)
    from .fetch import fetch  # which imports weights, and so needs MXNet

    return fetch(str(source))
