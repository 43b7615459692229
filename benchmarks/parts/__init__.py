"""What is measured, a module per part with one function ``measure(options)``, and how."""

import cpm  # noqa: F401  (first, for it lets the parts import MXNet)

from . import decode, evaluate, labels, loader, network, train
from .measuring import Options, Result, describe_machine, results_table

PARTS = {"labels": labels, "decode": decode, "loader": loader, "network": network, "train": train, "evaluate": evaluate}

__all__ = ["PARTS", "Options", "Result", "describe_machine", "results_table"]
