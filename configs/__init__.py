"""Recipes: one file per training run, and the defaults they share."""

from .recipe import DEFAULTS, from_json, list_configs, load_config, override, recipe, set_value, to_json

__all__ = [
    "DEFAULTS",
    "from_json",
    "list_configs",
    "load_config",
    "override",
    "recipe",
    "set_value",
    "to_json",
]
