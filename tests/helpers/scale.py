"""How often the long tests repeat: a few times as a rule, as often as it takes to be sure with CPM_THOROUGH=1."""

import os
from collections.abc import Container, Iterable

import pytest

THOROUGH = os.environ.get("CPM_THOROUGH", "") not in ("", "0")


def repeats(usual: int, thorough: int) -> int:
    """Return how many times a test repeats what it draws at random."""
    return thorough if THOROUGH else usual


def mostly_slow(values: Iterable, quick: Container, why: str) -> list:
    """Return the values of a parameter, of which those that are not `quick` are marked as slow for this reason."""
    return [value if value in quick else pytest.param(value, marks=pytest.mark.slow(why)) for value in values]
