"""The two tasks, and which of them a network is for."""

from __future__ import annotations

from collections.abc import Sequence

from ..codecs import MapKind
from .bottom_up import BottomUp
from .task import Task
from .top_down import TopDown

bottom_up = BottomUp()
top_down = TopDown()
TASKS: dict[str, Task] = {task.name: task for task in (bottom_up, top_down)}


def task_of(kinds: Sequence[Sequence[MapKind]]) -> Task:
    """Return the task of a network by the kinds of maps of its stages."""
    return next(task for task in TASKS.values() if task.fits(kinds))
