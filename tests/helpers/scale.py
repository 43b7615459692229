"""How often the long tests repeat: a few times as a rule, as often as it takes to be sure with CPM_THOROUGH=1."""

import os

THOROUGH = os.environ.get("CPM_THOROUGH", "") not in ("", "0")


def repeats(usual: int, thorough: int) -> int:
    """Return how many times a test repeats what it draws at random."""
    return thorough if THOROUGH else usual
