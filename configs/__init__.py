"""Recipes: one file per training run, and the defaults they share."""

from .defaults import TASKS
from .recipe import describe_configs, from_json, list_configs, load_config, override, recipe, set_value, to_json

__all__ = [
    "TASKS",
    "describe_configs",
    "from_json",
    "list_configs",
    "load_config",
    "override",
    "recipe",
    "set_value",
    "to_json",
]
