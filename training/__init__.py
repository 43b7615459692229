"""Training: losses, schedules, the loop, and what a run leaves behind."""

from .._compat import load_mxnet

load_mxnet()  # or says in a line why it cannot be loaded; the files below import it

from .build import build_samples, build_trainer, choose_recipe
from .folder import check_output
from .label_pictures import (
    choose_height,
    choose_label_recipe,
    choose_samples,
    label_pictures,
    label_sheet,
    write_labels,
)
from .losses import StageLoss
from .progress import Progress
from .resuming import find_checkpoint
from .run import run_recipe
from .schedule import Schedule
from .trainer import PoseTrainer

__all__ = [
    "PoseTrainer",
    "Progress",
    "Schedule",
    "StageLoss",
    "build_samples",
    "build_trainer",
    "check_output",
    "choose_height",
    "choose_label_recipe",
    "choose_recipe",
    "choose_samples",
    "find_checkpoint",
    "label_pictures",
    "label_sheet",
    "run_recipe",
    "write_labels",
]
