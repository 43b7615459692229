"""The two tasks, people in whole images and one person in a box, and the way from a file to an estimator."""

from .bottom_up import BottomUp, BottomUpSettings
from .front_door import Estimator, load_estimator
from .known import TASKS, bottom_up, task_of, top_down
from .task import Task
from .top_down import TopDown, TopDownSettings

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
