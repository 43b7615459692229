"""Recipes: what a training run needs to know, with defaults, types and checks."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from easydict import EasyDict

from ..cli import parse_assignments
from ..errors import ConfigError, CpmError
from ..skeletons import Skeleton

DEFAULTS: dict[str, dict[str, Any]] = {
    "model": {
        "name": "cpm_vgg19",
        "options": {},  # for the network, e.g. stages=6
        "pretrained": "",  # "imagenet" for the trunk, or a checkpoint of the whole network
        "trunk_file": "",  # a local file with the ImageNet trunk; none is then downloaded
    },
    "data": {"root": "data/coco", "train": "train2017", "val": "val2017"},
    "labels": {
        "skeleton": "OPENPOSE_18",  # a name, or a Skeleton
        "sigma": 7.0,  # of the Gaussians, in pixels of the crop
        "paf_width": 1.0,  # half the width of a limb, in cells
    },
    "people": {"min_keypoints": 5, "min_area": 1024.0, "min_distance": 0.3},  # see PersonFilter
    "augment": {  # see Augmentation
        "crop": 368,
        "reference": "person",
        "height": 0.6,
        "scale": (0.5, 1.1),
        "rotation": 40.0,
        "shift": 40.0,
        "flip": 0.5,
        "fill": 128,
        "supervise_border": True,
    },
    "loss": {"reduction": "sum"},  # see StageLoss
    "optimizer": {
        "name": "sgd",  # or adam
        "lr": 2e-5,
        "momentum": 0.9,
        "weight_decay": 5e-4,  # not on biases, gammas and betas
        "lr_mults": (),  # (pattern, factor) for the parameters whose names the pattern is found in
    },
    "schedule": {  # see Schedule; counted in iterations
        "kind": "step",
        "warmup": 1000,
        "warmup_factor": 0.1,
        "steps": (136106, 272212, 408318, 544424),
        "gamma": 1 / 3,
    },
    "train": {
        "epochs": 40,
        "batch_size": 10,  # over all devices
        "num_workers": 4,
        "freeze_bn": False,  # normalise by the statistics that the network brings; for small batches of few images
        "amp": "",  # 16-bit convolutions: "auto", "bfloat16" (CPU) or "float16" (GPU)
        "seed": 7,
        "log_every": 50,  # iterations
        "checkpoint_every": 1000,  # iterations; last.npz is written after every epoch too
        "keep_every": 5,  # epochs; the network alone is kept as epoch-NNN.npz; 0 keeps only last.npz and best.npz
        "max_iterations": 0,  # of an epoch; 0 is all of it
        "max_val_batches": 0,  # 0 is all of them
    },
    "test": {"scales": (0.5, 1.0, 1.5, 2.0), "flip": True, "box_size": 368},  # see PoseEstimator
}

# The lowest values that make sense.
LEAST = {
    "labels.sigma": 0.1,
    "labels.paf_width": 0.1,
    "augment.crop": 8,
    "augment.height": 0.01,
    "augment.rotation": 0.0,
    "augment.shift": 0.0,
    "augment.flip": 0.0,
    "augment.fill": 0,
    "optimizer.lr": 0.0,
    "optimizer.momentum": 0.0,
    "optimizer.weight_decay": 0.0,
    "schedule.warmup": 0,
    "train.epochs": 1,
    "train.batch_size": 1,
    "train.num_workers": 0,
    "train.seed": 0,
    "train.log_every": 1,
    "train.checkpoint_every": 1,
    "train.keep_every": 0,
    "train.max_iterations": 0,
    "train.max_val_batches": 0,
    "test.box_size": 1,
}
# The values that text may have.
CHOICES = {"train.amp": ("", "auto", "bfloat16", "float16")}
_NOT_OPTIONS = ("name", "pretrained", "ctx", "skeleton", "trunk_file")  # get_model takes them from elsewhere


def recipe(name: str, **sections: dict[str, Any]) -> EasyDict:
    """Return a recipe: the defaults with the given values in their places.

    Parameters
    ----------
    name
        Names the folder of the run.
    **sections
        The sections of :data:`DEFAULTS` with the keys that differ.

    Raises
    ------
    ConfigError
        If a key is unknown or a value has another type than its default.
    """
    # EasyDict turns tuples of plain values into themselves, so that types survive.
    config = EasyDict({"name": name, **{section: dict(values) for section, values in DEFAULTS.items()}})
    for section, values in sections.items():
        for key, value in values.items():
            set_value(config, f"{section}.{key}", value)
    return config


def set_value(config: EasyDict, key: str, value: Any) -> None:
    """Set ``section.key`` to a value of the type it has; ``model.options.x`` may be anything.

    Raises
    ------
    ConfigError
        If there is no such key, or the value has another type, is too low or none of those that there are.
    """
    section, _, name = key.partition(".")
    if section == "model" and name.startswith("options."):
        option = name[len("options.") :]
        if option in _NOT_OPTIONS:
            raise ConfigError(f"{key}: not an option of a network")
        config.model.options[option] = value
        return
    if section not in DEFAULTS:
        raise ConfigError(f"unknown key {key!r}; the sections are: {', '.join(DEFAULTS)}")
    if name not in DEFAULTS[section]:
        raise ConfigError(f"unknown key {key!r}; {section} has: {', '.join(DEFAULTS[section])}")
    config[section][name] = _typed(key, value, DEFAULTS[section][name])
    if key in LEAST and not config[section][name] >= LEAST[key]:
        raise ConfigError(f"{key}={value!r}: expected at least {LEAST[key]}")
    if key in CHOICES and value not in CHOICES[key]:
        raise ConfigError(f"{key}={value!r}: expected one of {', '.join(map(repr, CHOICES[key]))}")
    if key == "augment.scale" and not (len(value) == 2 and 0 < value[0] <= value[1]):
        raise ConfigError(f"{key}={value!r}: expected the lowest and the highest factor")


def override(config: EasyDict, assignments: Iterable[str]) -> None:
    """Apply command-line overrides such as ``train.epochs=3`` or ``test.scales=(1,)``.

    Raises
    ------
    ConfigError
        If one is not ``key=value``, its key is unknown or its value has another type.
    """
    for key, value in parse_assignments(assignments).items():
        set_value(config, key, value)


def load_config(source: str) -> EasyDict:
    """Load a recipe by the name of a file in ``configs/`` or by its path.

    The file is Python and is run: load no recipe that you would not run.

    Raises
    ------
    ConfigError
        If there is no such recipe, or the file fails or defines no `config`.
    """
    if source.endswith(".py"):
        path = Path(source)
        if not path.is_file():
            raise ConfigError(
                f"--config {source}: no such file; recipes that come with cpm: {', '.join(list_configs())}"
            )
    elif source in list_configs():
        path = Path(str(resources.files(__package__) / f"{source}.py"))
    else:
        raise ConfigError(f"unknown recipe {source!r}; known: {', '.join(list_configs())}, or a path that ends in .py")
    try:
        config = runpy.run_path(str(path)).get("config")
    except CpmError as error:
        raise ConfigError(f"{source}: {error}") from None
    except Exception as error:
        raise ConfigError(f"{source}: the recipe fails with {type(error).__name__}: {error}") from error
    if not isinstance(config, EasyDict):
        raise ConfigError(f"{source}: defines no config = recipe(...)")
    return config


def list_configs() -> list[str]:
    """Return the names of the recipes that come with cpm."""
    names = (entry.name[:-3] for entry in resources.files(__package__).iterdir() if entry.name.endswith(".py"))
    return sorted(name for name in names if name not in ("__init__", "recipe"))


def to_json(config: EasyDict) -> str:
    """Return a recipe as JSON; a skeleton is kept by its name."""
    return json.dumps(config, default=lambda value: value.name, indent=1)


def from_json(text: str, skeleton: Skeleton) -> EasyDict:
    """Rebuild a recipe from :func:`to_json` and the skeleton of its network.

    Raises
    ------
    ConfigError
        If it holds keys that are not known (any more).
    """
    content = json.loads(text)
    content.setdefault("labels", {})["skeleton"] = skeleton
    return recipe(content.pop("name", "run"), **content)


def _typed(key: str, value: Any, default: Any) -> Any:
    kind = type(default)
    if isinstance(default, tuple) and isinstance(value, (list, tuple)):
        return tuple(tuple(item) if isinstance(item, list) else item for item in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if key == "labels.skeleton" and isinstance(value, Skeleton):
        return value
    if type(value) is kind or (kind is dict and isinstance(value, dict)):
        return value
    raise ConfigError(f"{key}={value!r}: expected {kind.__name__}, as in {default!r}")
