"""What the values of a recipe may be."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Sequence
from typing import Any

from easydict import EasyDict

from ..errors import ConfigError, quote
from ..skeletons import Skeleton, skeleton_from_spec
from .limits import CHOICES, NUMBERS, RANGES, Numbers

_NOT_OPTIONS = ("name", "pretrained", "ctx", "skeleton", "trunk_file", "init")  # get_model takes them from elsewhere
_LARGEST_FACTOR = 1000  # of the learning rate of a layer
_LONGEST_NAME = 255  # bytes of the name of a file
_DEEPEST = 20  # of values within values


def check_value(key: str, value: Any, default: Any) -> Any:
    """Return a value of a recipe with the type of its default.

    Parameters
    ----------
    key
        ``section.key``.
    value, default
        What was given, and what holds without it. Whole numbers may stand for others, lists for tuples.

    Raises
    ------
    ConfigError
        If the value is of another type, out of range, or none of those that there are.
    """
    if key in ("model.options", "optimizer.options"):
        if not isinstance(value, dict):
            raise ConfigError(f"{key}={quote(value)}: expected dict")
        return {name: check_option(name, each) for name, each in value.items()}
    if key == "labels.skeleton":
        return _check_skeleton(key, value)
    if isinstance(default, tuple):
        return _check_tuple(key, value)
    if key == "data.category" and type(value) is int and abs(value) < 2**63:
        value = str(value)  # an id
    value = _check_type(key, value, type(default))
    if isinstance(value, str) and not _is_text(value):
        raise ConfigError(f"{key}={quote(value)}: expected text that could be the name of a file")
    if key in CHOICES and value not in CHOICES[key]:
        raise ConfigError(f"{key}={quote(value)}: expected one of {', '.join(map(repr, CHOICES[key]))}")
    return value


def check_option(name: Any, value: Any) -> Any:
    """Return a value of ``model.options``, of which only the network knows what it may be.

    Raises
    ------
    ConfigError
        If it is no option of a network, or not fit for JSON.
    """
    key = f"model.options.{name}"
    if not _is_name(name) or name in _NOT_OPTIONS:
        raise ConfigError(f"{quote(key)}: not an option of a network")
    if not _is_plain(value):
        raise ConfigError(f"{key}={quote(value)}: expected finite numbers, text, lists or names with values")
    return value


def _check_type(key: str, value: Any, kind: type) -> Any:
    whole_for_float = kind is float and type(value) is int
    if type(value) is not kind and not whole_for_float:
        raise ConfigError(f"{key}={quote(value)}: expected {kind.__name__}")
    if kind not in (int, float):
        return value
    low, high = RANGES[key]
    if not low <= value <= high:
        limits = f"at least {low}" if value < low else f"{low} to {high}"
        raise ConfigError(f"{key}={quote(value)}: expected {limits}")
    return kind(value)


def _check_tuple(key: str, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"{key}={quote(value)}: expected tuple")
    if key == "optimizer.lr_mults":
        return tuple(_check_multiplier(key, value, pair) for pair in value)
    rule = NUMBERS[key]
    if not _are_numbers(value, rule):
        raise ConfigError(f"{key}={quote(value)}: expected {rule.about}, from {rule.low} to {rule.high}")
    return tuple(value)


def _are_numbers(values: Sequence[Any], rule: Numbers) -> bool:
    kinds = (int,) if rule.whole else (int, float)
    if not all(type(each) in kinds and rule.low <= each <= rule.high for each in values):
        return False
    in_order = not rule.rising or list(values) == sorted(values)
    return in_order and rule.fewest <= len(values) <= rule.most


def _check_multiplier(key: str, value: Any, pair: Any) -> tuple[str, float]:
    try:
        pattern, factor = pair
        re.compile(pattern)
        if isinstance(pattern, str) and type(factor) in (int, float) and 0 <= factor <= _LARGEST_FACTOR:
            return pattern, factor
    except (OverflowError, RecursionError, TypeError, ValueError, re.error):
        pass
    raise ConfigError(f"{key}={quote(value)}: expected pairs (pattern, factor)")


def _check_skeleton(key: str, value: Any) -> Skeleton | str:
    if isinstance(value, Skeleton):
        return value
    if not isinstance(value, str):
        raise ConfigError(f"{key}={quote(value)}: expected the name of a body, or a Skeleton")
    skeleton_from_spec(value)
    return value


def _is_text(value: str) -> bool:
    try:
        encoded = os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return b"\0" not in encoded and all(len(part) <= _LONGEST_NAME for part in encoded.split(b"/"))


def _is_name(name: Any) -> bool:
    """Return whether an EasyDict can hold something by this name, as it makes an attribute of it."""
    return isinstance(name, str) and name.isidentifier() and not name.startswith("_") and not hasattr(EasyDict, name)


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Return whether a value is one that JSON can hold."""
    if depth > _DEEPEST:
        return False
    if isinstance(value, dict):
        return all(map(_is_name, value)) and _are_plain(value.values(), depth)
    if isinstance(value, (list, tuple)):
        return _are_plain(value, depth)
    if isinstance(value, int):
        return abs(value) < 2**63
    return value is None or isinstance(value, str) or (isinstance(value, float) and math.isfinite(value))


def _are_plain(values: Iterable[Any], depth: int) -> bool:
    return all(_is_plain(each, depth + 1) for each in values)
