"""Find the weights of a network among all that the checkpoint of a training holds, and their plain names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from ...errors import quote
from .pickled import Name, Thing

_DEPTH = 8
# What people call the entry that holds the weights, also those averaged over the training.
_WEIGHTS = re.compile(
    r"((best|last|final)_?)?((model|net|network|module|pose)_?)?(state_?dict|state|weights?|params|parameters|dict)?"
    r"|.*(ema|averaged|swa).*",
    re.IGNORECASE,
)
# Entries with tensors that are not the weights of a network.
_TRAINING = re.compile(
    r"(^|_)opt(im|s?$|s?_)|optim|sched|scaler|^amp|(^|_)lr|loss|criterion|callback|hyper|rng|random|metric|conf|args",
    re.IGNORECASE,
)
_WRAPPERS = ("module", "_orig_mod", "_forward_module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")


class Search:
    """Look for the state dict in the content of a checkpoint.

    Parameters
    ----------
    is_tensor
        Tells whether an object is a tensor.
    entry
        Which of several entries to take; "" where there is only one that can be meant.
    """

    def __init__(self, is_tensor: Callable[[Any], bool], entry: str = "") -> None:
        self._is_tensor = is_tensor
        self._entry = entry
        self._holders: dict[int, bool] = {}

    def find(self, content: Any) -> dict[str, Any]:
        """Return the innermost dictionary that holds the weights.

        Raises
        ------
        ValueError
            If there is none, or there are several that can be meant; the message names them.
        """
        state = as_dict(content)
        if not state:
            raise ValueError(f"it holds {describe(content)}, expected a state dict, as net.state_dict() returns it")
        found = False
        for _ in range(_DEPTH):
            inner = {key: as_dict(value) for key, value in state.items() if self._holds_tensors(value)}
            if self._entry not in inner and not self._candidates(state, inner):
                break
            chosen = self._choose(state, inner)
            found = found or chosen == self._entry
            state = inner[chosen]
        if self._entry and not found and not any(key.startswith(f"{self._entry}.") for key in state):
            raise ValueError(f"it has no entry {quote(self._entry)}, found {_list_entries(state)}")
        if not self._has_tensors(state) or any(map(self._holds_tensors, state.values())):
            raise ValueError(f"no state dict in it, found {_list_entries(state)}")
        return state

    def _candidates(self, state: dict[str, Any], inner: Iterable[str]) -> list[str]:
        others = [key for key in inner if not _TRAINING.search(key)]
        named = [key for key in others if _WEIGHTS.fullmatch(key)]
        # Tensors of plain names beside further entries are notes of the training, such as its best figure.
        own = any(self._is_tensor(value) and "." in key for key, value in state.items())
        return named if named or own else others

    def _choose(self, state: dict[str, Any], inner: dict[str, dict[str, Any]]) -> str:
        if self._entry in inner:
            return self._entry
        keys = self._candidates(state, inner)
        if any(self._tensors(inner[key]) != self._tensors(inner[keys[0]]) for key in keys[1:]):
            names = " and ".join(quote(key, 40) for key in keys[:5])
            raise ValueError(f"it holds several sets of weights, {names}: say which one with the option entry")
        return keys[0]

    def _tensors(self, state: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in state.items() if self._is_tensor(value)}

    def _has_tensors(self, state: dict[str, Any]) -> bool:
        return any(map(self._is_tensor, state.values()))

    def _holds_tensors(self, value: Any, depth: int = _DEPTH) -> bool:
        """Tell whether a dictionary has tensors, or one within it has; each is looked at once."""
        if not depth or not isinstance(value, (dict, list, Thing)):
            return False
        if id(value) not in self._holders:
            self._holders[id(value)] = False  # until it is known, for one that holds itself
            state = as_dict(value)
            within = (self._holds_tensors(each, depth - 1) for each in state.values())
            self._holders[id(value)] = self._has_tensors(state) or any(within)
        return self._holders[id(value)]


def as_dict(value: Any) -> dict[str, Any]:
    """Return what a dictionary, pairs or an object that is filled like a dictionary hold; nothing of all else."""
    if isinstance(value, Thing):
        return value.entries or {}
    if isinstance(value, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        return {key: item for key, item in value if isinstance(key, str)}
    return value if isinstance(value, dict) else {}


def _list_entries(state: dict[str, Any]) -> str:
    return ", ".join(f"{quote(key, 40)}: {describe(value)}" for key, value in list(state.items())[:5])


def describe(value: Any) -> str:
    """Return what an object in a checkpoint is, for messages."""
    if isinstance(value, (Thing, Name)):
        return f"a pickled {value.name}"
    if isinstance(value, (dict, list, tuple, str, bytes, int, float, type(None))):
        return f"a value of type {type(value).__name__}"
    return "a tensor"


def plain_names(names: Iterable[str]) -> dict[str, str]:
    """Return names by those without what parallel training and compiling put into them, such as ``module.``.

    Raises
    ------
    ValueError
        If two names become the same.
    """
    plain: dict[str, str] = {}
    for name in names:
        short = ".".join(part for part in name.split(".") if part not in _WRAPPERS)
        if short in plain:
            raise ValueError(f"two of its tensors, {quote(plain[short])} and {quote(name)}, are the same one")
        plain[short] = name
    return plain
