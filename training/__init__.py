"""Training: losses, schedules, the loop, and what a run leaves behind."""

from .build import build_trainer, check_output, choose_recipe
from .losses import StageLoss
from .schedule import Schedule
from .trainer import PoseTrainer, Progress

__all__ = [
    "PoseTrainer",
    "Progress",
    "Schedule",
    "StageLoss",
    "build_trainer",
    "check_output",
    "choose_recipe",
]
