"""Recipes: what a training run needs to know, with defaults, types and checks."""

from __future__ import annotations

import ast
import json
import runpy
from collections.abc import Iterable
from copy import deepcopy
from importlib import resources
from pathlib import Path
from typing import Any

from easydict import EasyDict

from ..cli import parse_assignments
from ..errors import ConfigError, CpmError
from ..skeletons import Skeleton
from .defaults import CHOICES, LEAST, TASKS

_NOT_OPTIONS = ("name", "pretrained", "ctx", "skeleton", "trunk_file", "init")  # get_model takes them from elsewhere


def recipe(name: str, task: str = "cpm", base: EasyDict | None = None, **sections: dict[str, Any]) -> EasyDict:
    """Return a recipe: the defaults with the given values in their places.

    Parameters
    ----------
    name
        Names the folder of the run.
    task
        What is trained, one of :data:`TASKS`: "cpm", for people in whole images, or "topdown", for one in a box.
    base
        A recipe of the task that this one is a variant of; by default the defaults of the task.
    **sections
        The sections of the task with the keys that differ.

    Raises
    ------
    ConfigError
        If the task or a key is unknown, a value has another type than its default, or the base is of another task.
    """
    if task not in TASKS:
        raise ConfigError(f"task={task!r}: expected {' or '.join(TASKS)}")
    if base is not None and base.task != task:
        raise ConfigError(f"{name}: task={task!r}, but {base.name} is for {base.task!r}")
    start = base or TASKS[task]
    # EasyDict turns tuples of plain values into themselves, so that types survive.
    config = EasyDict({"name": name, "task": task, **{section: deepcopy(start[section]) for section in TASKS[task]}})
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
    defaults = TASKS[config.task]
    if section not in defaults:
        raise ConfigError(f"unknown key {key!r}; the sections are: {', '.join(defaults)}")
    if name not in defaults[section]:
        raise ConfigError(f"unknown key {key!r}; {section} has: {', '.join(defaults[section])}")
    config[section][name] = _typed(key, value, defaults[section][name])
    if key in LEAST and not config[section][name] >= LEAST[key]:
        raise ConfigError(f"{key}={value!r}: expected at least {LEAST[key]}")
    if key in CHOICES and value not in CHOICES[key]:
        raise ConfigError(f"{key}={value!r}: expected one of {', '.join(map(repr, CHOICES[key]))}")
    if key == "augment.size" and not (len(value) == 2 and all(type(side) is int and side > 0 for side in value)):
        raise ConfigError(f"{key}={value!r}: expected width and height in pixels")
    if (
        key == "augment.scale"
        and isinstance(value, (list, tuple))
        and not (len(value) == 2 and 0 < value[0] <= value[1])
    ):
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


def list_configs(task: str | None = None) -> list[str]:
    """Return the names of the recipes that come with cpm, of one task or of all."""
    names = (entry.name[:-3] for entry in resources.files(__package__).iterdir() if entry.name.endswith(".py"))
    recipes = sorted(name for name in names if name not in ("__init__", "defaults", "recipe"))
    return [name for name in recipes if task is None or load_config(name).task == task]


def describe_configs(task: str) -> str:
    """Return the recipes of a task as lines of text: the name, what it trains, and the published figures."""
    lines = []
    for name in list_configs(task):
        text = ast.get_docstring(ast.parse((resources.files(__package__) / f"{name}.py").read_text())) or ""
        title, _, rest = text.partition("\n")
        lines.append(f"{name:28} {title}")
        _, published, figures = " ".join(rest.split()).partition("Published")
        if published:
            lines.append(f"{'':28} {published}{figures}")
    return "\n".join(lines)


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
    return recipe(content.pop("name", "run"), content.pop("task", "cpm"), **content)


def _typed(key: str, value: Any, default: Any) -> Any:
    kind = type(default)
    if isinstance(default, tuple) and isinstance(value, (list, tuple)):
        return tuple(tuple(item) if isinstance(item, list) else item for item in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if key == "data.category" and type(value) is int:
        return str(value)
    if key == "labels.skeleton" and isinstance(value, Skeleton):
        return value
    if type(value) is kind or (kind is dict and isinstance(value, dict)):
        return value
    raise ConfigError(f"{key}={value!r}: expected {kind.__name__}, as in {default!r}")
