"""Checks of what users hand in."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ._compat import available_cores
from .errors import ConfigError, DataError, quote

FARTHEST = 1e6  # pixels from the first one: what is farther away is no place in an image
_WHOLE = re.compile(r"\s*([+-]?[0-9]{1,19})(\.0*)?\s*")
# The most workers that may be asked for, by core, and on any machine.
_WORKERS_PER_CORE = 8
_WORKERS = 32
_SMALLEST = 1e-30  # of numbers that are not 0: MXNet refuses what float32 cannot hold


def check_image(image: Any) -> None:
    """Make sure that something is an (H, W, 3) uint8 array with pixels in it.

    Raises
    ------
    DataError
        If it is not; the message says what it is.
    """
    if not isinstance(image, np.ndarray):
        raise DataError(f"an image is {type(image).__name__}, expected a NumPy array, uint8 (H, W, 3) RGB")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise DataError(f"an image is {image.dtype} {image.shape}, expected uint8 (H, W, 3) RGB")


def whole_number(value: Any) -> int:
    """Return an int of 64 bits that is given as itself, as a float such as 12.0 or as text such as "12".

    Raises
    ------
    ValueError
        If it is something else, as True and None are.
    """
    plain = _plain(value)
    text = _WHOLE.fullmatch(plain) if isinstance(plain, str) else None
    if text:
        plain = int(text[1])
    if isinstance(plain, float) and plain.is_integer():
        plain = int(plain)
    if type(plain) is not int or not -(2**63) <= plain < 2**63:
        raise ValueError(f"{quote(value)} is no whole number")
    return plain


def real_number(value: Any) -> float:
    """Return a number that is given as itself or as text; it may be infinite or NaN.

    Raises
    ------
    ValueError
        If it is something else.
    """
    plain = _plain(value)
    try:
        if isinstance(plain, (int, float, str)):
            return float(plain)
    except (OverflowError, ValueError):
        pass
    raise ValueError(f"{quote(value)} is no number")


def _plain(value: Any) -> Any:
    """Return a scalar of NumPy as Python's own."""
    is_scalar = isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0)
    return value.item() if is_scalar else value


def check_workers(key: str, number: int) -> None:
    """Make sure that no more threads or processes are asked for than a machine like this could use.

    Raises
    ------
    ConfigError
        If there are; the message names them as `key` does.
    """
    cores = available_cores()
    most = max(_WORKERS_PER_CORE * cores, _WORKERS)
    if not 0 <= number <= most:
        raise ConfigError(f"{key}={number}: expected 0 to {most}, this process may use {cores} cores")


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
