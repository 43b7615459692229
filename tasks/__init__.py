"""The two tasks, people in whole images and one person in a box, and the way from a file to an estimator."""

from collections.abc import Sequence

from ..codecs import MapKind
from .bottom_up import BottomUp, BottomUpSettings
from .front_door import Estimator, load_estimator
from .task import Task
from .top_down import TopDown, TopDownSettings

bottom_up = BottomUp()
top_down = TopDown()
TASKS = {task.name: task for task in (bottom_up, top_down)}


def task_of(kinds: Sequence[Sequence[MapKind]]) -> Task:
    """Return the task of a network by the kinds of maps of its stages."""
    return next(task for task in TASKS.values() if task.fits(kinds))


__all__ = [
    "TASKS",
    "BottomUp",
    "BottomUpSettings",
    "Estimator",
    "Task",
    "TopDown",
    "TopDownSettings",
    "bottom_up",
    "load_estimator",
    "task_of",
    "top_down",
]
