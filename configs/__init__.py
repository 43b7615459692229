"""Recipes: one file per training run, and the defaults they share."""

from .defaults import TASKS
from .recipe import from_json, list_configs, load_config, override, recipe, set_value, to_json

__all__ = [
    "TASKS",
    "from_json",
    "list_configs",
    "load_config",
    "override",
    "recipe",
    "set_value",
    "to_json",
]
