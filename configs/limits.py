"""The values of recipes that make sense."""

from __future__ import annotations

from dataclasses import dataclass

from ..choices import SERVICES
from ..codecs import KINDS

_MANY = 2**31 - 1
_PIXELS = 8192  # sides of what a network sees

# The lowest and the highest value of numbers.
RANGES: dict[str, tuple[float, float]] = {
    "labels.sigma": (0.1, 1000.0),
    "labels.paf_width": (0.1, 1000.0),
    "people.min_keypoints": (0, _MANY),
    "people.min_area": (0.0, 1e9),
    "people.min_distance": (0.0, 1000.0),
    "augment.crop": (8, _PIXELS),
    "augment.height": (0.01, 100.0),
    "augment.scale": (0.0, 0.99),
    "augment.rotation": (0.0, 180.0),
    "augment.shift": (0.0, 8192.0),
    "augment.flip": (0.0, 1.0),
    "augment.fill": (0, 255),
    "augment.enlarge": (0.1, 100.0),
    "augment.rotation_probability": (0.0, 1.0),
    "optimizer.lr": (0.0, 1000.0),
    "optimizer.momentum": (0.0, 1.0),
    "optimizer.weight_decay": (0.0, 1000.0),
    "optimizer.clip_norm": (0.0, 1e9),
    "schedule.warmup": (0, _MANY),
    "schedule.warmup_factor": (0.0, 1000.0),
    "schedule.gamma": (0.0, 1000.0),
    "schedule.power": (0.01, 100.0),
    "train.epochs": (1, _MANY),
    "train.batch_size": (1, 65536),
    "train.num_workers": (0, 1024),
    "train.batch_timeout": (0.0, 1e6),
    "train.freeze_trunk": (0, _MANY),
    "train.seed": (0, _MANY),
    "train.log_every": (1, _MANY),
    "train.checkpoint_every": (1, _MANY),
    "train.keep_every": (0, _MANY),
    "train.keep_last": (0, _MANY),
    "train.accumulate": (1, 65536),
    "train.average": (0.0, 0.9999999),
    "train.patience": (0, _MANY),
    "train.score_every": (0, _MANY),
    "train.score_limit": (1, _MANY),
    "train.max_iterations": (0, _MANY),
    "train.max_val_batches": (0, _MANY),
    "test.box_size": (1, _PIXELS),
}


@dataclass(frozen=True)
class Numbers:
    """What a value of several numbers may be.

    Attributes
    ----------
    about
        What they are, for messages.
    low, high
        The lowest and the highest of them.
    whole, rising
        Whether they are whole numbers; whether each is at least the one before.
    fewest, most
        How many there may be.
    """

    about: str
    low: float
    high: float
    whole: bool = False
    rising: bool = False
    fewest: int = 0
    most: int = 1000


NUMBERS = {
    "augment.size": Numbers("height and width in pixels", 1, _PIXELS, whole=True, fewest=2, most=2),
    "augment.scale": Numbers("the lowest and the highest factor", 0.01, 100, rising=True, fewest=2, most=2),
    "schedule.steps": Numbers("numbers", 0, _MANY),
    "test.scales": Numbers("one or more sizes", 0.001, 1000, fewest=1),
}

# The values that text may have.
CHOICES: dict[str, tuple[str, ...]] = {
    "augment.reference": ("person", "image"),
    "loss.kind": ("l2", "log", "fourth", "bce"),
    "loss.reduction": ("sum", "half_sum", "quarter_sum", "mean", "half_mean"),
    "model.init": ("he", "xavier", "normal"),
    "schedule.kind": ("step", "cosine", "polynomial", "one_cycle"),
    "schedule.unit": ("iterations", "epochs"),
    "test.reference": ("height", "shorter"),
    "train.log": ("", *SERVICES),
    "train.amp": ("", "auto", "bfloat16", "float16"),
}

for kind in KINDS:
    for name, option in kind.loss_options.items():
        if option.choices:
            CHOICES[f"loss.{name}"] = option.choices
        else:
            RANGES[f"loss.{name}"] = option.limits

# Keys that are read only where another key has one of these values.
READ_WITH: dict[str, tuple[str, tuple[str, ...]]] = {
    "optimizer.momentum": ("optimizer.name", ("sgd", "nag", "signum")),
    "schedule.steps": ("schedule.kind", ("step",)),
    "schedule.gamma": ("schedule.kind", ("step",)),
    "schedule.unit": ("schedule.kind", ("step",)),
    "schedule.power": ("schedule.kind", ("polynomial",)),
    "model.init": ("model.pretrained", ("", "imagenet")),
}
