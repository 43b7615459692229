"""Recipes: what a training run needs to know, with defaults, types and checks."""

from __future__ import annotations

import ast
import json
import runpy
import traceback
from collections.abc import Iterable
from copy import deepcopy
from importlib import resources
from pathlib import Path
from typing import Any

from easydict import EasyDict

from ..cli import parse_assignments
from ..errors import ConfigError, CpmError, one_line, quote
from ..skeletons import Skeleton
from ..tables import format_table
from .defaults import FORMER_NAMES, TASKS
from .limits import READ_WITH
from .values import check_option, check_value

_NO_RECIPES = {"__init__", "defaults", "limits", "recipe", "values"}  # files beside the recipes


def recipe(name: str, task: str = "bottom_up", base: EasyDict | None = None, **sections: dict[str, Any]) -> EasyDict:
    """Return a recipe: the defaults with the given values in their places.

    Parameters
    ----------
    name
        Names the folder of the run.
    task
        What is trained, one of :data:`TASKS`: "bottom_up", for people in whole images, or "top_down", for one in a box.
    base
        A recipe of the task that this one is a variant of; by default the defaults of the task.
    **sections
        The sections of the task with the keys that differ.

    Raises
    ------
    ConfigError
        If the task or a key is unknown, a value has another type than its default or is out of range, or the base is
        of another task.
    """
    if isinstance(task, str) and task in FORMER_NAMES:
        task = FORMER_NAMES[task]
        sections = _with_height_first(sections)
    if not isinstance(task, str) or task not in TASKS:
        raise ConfigError(f"task={quote(task)}: expected {' or '.join(TASKS)}")
    if not _is_folder_name(name):
        raise ConfigError(f"name={quote(name)}: expected a name for the folder of the run")
    if base is not None and base.task != task:
        raise ConfigError(f"{name}: task={task!r}, but {base.name} is for {base.task!r}")
    start = base or TASKS[task]
    # EasyDict turns tuples of plain values into themselves, so that types survive.
    config = EasyDict(name=name, task=task, **{section: deepcopy(start[section]) for section in TASKS[task]})
    for section, values in sections.items():
        if section not in TASKS[task] or not isinstance(values, dict):
            raise ConfigError(f"{quote(section)}: not a section with its values; there are {', '.join(TASKS[task])}")
        for key, value in values.items():
            set_value(config, f"{section}.{key}", value)
    return config


def _with_height_first(sections: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the sections of a recipe of version 0.1, which said the width of crops before their height."""
    augment = sections.get("augment")
    if not isinstance(augment, dict) or not isinstance(augment.get("size"), (list, tuple)):
        return sections
    return {**sections, "augment": {**augment, "size": tuple(augment["size"][::-1])}}


def check_effect(config: EasyDict, keys: Iterable[str]) -> None:
    """Make sure that values which somebody has just given count for something.

    Raises
    ------
    ConfigError
        If another value of the recipe leaves one of them unread.
    """
    for key in READ_WITH.keys() & set(keys):
        other, values = READ_WITH[key]
        section, name = other.split(".")
        found = config[section][name]
        if found not in values:
            raise ConfigError(f"{key}: is not read with {other}={quote(found)}; leave it out")


def set_value(config: EasyDict, key: str, value: Any) -> None:
    """Set ``section.key`` to a value of the type it has; ``model.options.x`` may be anything that JSON holds.

    Raises
    ------
    ConfigError
        If there is no such key, or the value has another type, is out of range or none of those that there are.
    """
    section, _, name = key.partition(".")
    if section == "model" and name.startswith("options."):
        option = name[len("options.") :]
        config.model.options[option] = check_option(option, value)
        return
    defaults = TASKS[config.task]
    if section not in defaults:
        raise ConfigError(f"unknown key {quote(key)}; the sections are: {', '.join(defaults)}")
    if name not in defaults[section]:
        raise ConfigError(f"unknown key {quote(key)}; {section} has: {', '.join(defaults[section])}")
    config[section][name] = check_value(key, value, defaults[section][name])


def override(config: EasyDict, assignments: Iterable[str]) -> None:
    """Apply command-line overrides such as ``train.epochs=3`` or ``test.scales=(1,)``.

    Raises
    ------
    ConfigError
        If one is not ``key=value``, its key is unknown, its value has another type, or it would not be read.
    """
    given = parse_assignments(assignments)
    for key, value in given.items():
        set_value(config, key, value)
    check_effect(config, given)


def load_config(source: str) -> EasyDict:
    """Load a recipe by the name of a file in ``configs/`` or by its path.

    The file is Python and is run: load no recipe that you would not run.

    Raises
    ------
    ConfigError
        If there is no such recipe, or the file fails or defines no `config` that is a recipe. The message ends with
        the line of the file, as far as it is the fault of one.
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
        raise ConfigError(
            f"unknown recipe {quote(source)}; known: {', '.join(list_configs())}, or a path that ends in .py"
        )
    try:
        config = runpy.run_path(str(path)).get("config")
    except CpmError as error:
        raise ConfigError(f"{source}: {error}{_line_of(error, path)}") from None
    except (Exception, SystemExit) as error:
        reason = one_line(str(error.msg if isinstance(error, SyntaxError) else error))
        problem = f"{type(error).__name__}: {reason}{_line_of(error, path)}"
        raise ConfigError(f"{source}: the recipe fails with {problem}") from error
    if not isinstance(config, EasyDict):
        raise ConfigError(f"{source}: defines no config = recipe(...)")
    return _checked(config, source)


def _is_folder_name(name: Any) -> bool:
    if not isinstance(name, str) or not name.isprintable():
        return False
    path = Path(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def _line_of(error: BaseException, path: Path) -> str:
    """Return the line of a recipe that an error comes from, as a remark, if it comes from one."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f" (line {error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f" (line {lines[-1]})" if lines else ""


def _checked(config: EasyDict, source: str) -> EasyDict:
    """Return a recipe made anew, so that what a file changed of it after `recipe` is checked too."""
    content = dict(config)
    try:
        return recipe(content.pop("name", None), content.pop("task", None), **content)
    except (ConfigError, TypeError) as error:
        raise ConfigError(f"{source}: {error}") from None


def list_configs(task: str | None = None) -> list[str]:
    """Return the names of the recipes that come with cpm, of one task or of all."""
    files = [entry.name for entry in resources.files(__package__).iterdir()]
    names = sorted({name[:-3] for name in files if name.endswith(".py")} - _NO_RECIPES)
    return [name for name in names if task is None or load_config(name).task == task]


def describe_configs(task: str) -> str:
    """Return the recipes of a task as lines of text: the name, what it trains, and the published figures."""
    rows = []
    for name in list_configs(task):
        text = ast.get_docstring(ast.parse((resources.files(__package__) / f"{name}.py").read_text())) or ""
        title, _, rest = text.partition("\n")
        rows.append((name, title))
        _, published, figures = " ".join(rest.split()).partition("Published")
        if published:
            rows.append(("", published + figures))
    return format_table(rows)


def to_json(config: EasyDict) -> str:
    """Return a recipe as JSON; a skeleton is kept by its name."""
    return json.dumps(config, default=lambda value: value.name, indent=1)


def from_json(text: str, skeleton: Skeleton) -> EasyDict:
    """Rebuild a recipe from :func:`to_json` and the skeleton of its network.

    Raises
    ------
    ConfigError
        If it is no recipe, or holds keys or values that are not known (any more).
    """
    try:
        content = json.loads(text)
        content.setdefault("labels", {})["skeleton"] = skeleton
        return recipe(content.pop("name", "run"), content.pop("task", "bottom_up"), **content)
    except (AttributeError, RecursionError, TypeError, ValueError) as error:
        raise ConfigError(f"not the JSON of a recipe ({error})") from None
