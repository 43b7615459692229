"""The file of a network that is named by its path or as a published one."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from ...errors import CheckpointError, quote
from .pretrained import PRETRAINED


def find_network(source: str | Path) -> Path:
    """Return the path that it is, or the file of a published network by its name, which is fetched if need be.

    Raises
    ------
    CheckpointError
        If it cannot be had, or it is neither the name of a published one nor a file.
    """
    name = str(source)
    if name not in PRETRAINED:
        _check_name(name)
        return Path(source)
    from .fetch import fetch  # which imports weights, and so needs MXNet

    return fetch(name)


def _check_name(name: str) -> None:
    """Refuse what can only be meant as the name of a published network."""
    if Path(name).name != name or "." in name or Path(name).exists():
        return
    alike = get_close_matches(name, PRETRAINED, n=1)
    hint = f"did you mean {alike[0]}?" if alike else "expected the file of a network"
    raise CheckpointError(f"{quote(name)[1:-1]}: no such file nor published network, {hint} (cpm fetch --list)")
