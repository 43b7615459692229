"""What both trainings share: their options, and the run itself."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..choices import SERVICES
from ..cli import as_assignments
from ..errors import ConfigError
from .learning import scorer_of
from .options import add_category, add_place, add_recipe

if TYPE_CHECKING:
    from ..models import Checkpoint
    from ..tasks import Task

logger = logging.getLogger(__name__)

# Options that are short for keys of the recipe.
SHORT = {
    "dataset_root": "data.root",
    "category": "data.category",
    "skip_unlisted": "data.skip_unlisted",
    "epochs": "train.epochs",
    "batch_size": "train.batch_size",
    "lr": "optimizer.lr",
    "num_workers": "train.num_workers",
    "seed": "train.seed",
    "amp": "train.amp",
    "log": "train.log",
}


def add_training(parser: argparse.ArgumentParser) -> None:
    """Add the options that do not depend on what is trained; `train` reads them."""
    what = parser.add_argument_group("recipe")
    add_recipe(what)
    what.add_argument(
        "--resume",
        metavar="{FILE,auto}",
        help="a last.npz: go on where it was written; auto: the newest whole one in the output folder, if there is one",
    )
    what.add_argument("--list", action="store_true", help="list the recipes with the published figures and stop")
    data = parser.add_argument_group("data and output")
    add_place(data)
    add_category(data)
    data.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="the folder for checkpoints, logs and pictures (default: output/RECIPE, or that of the file to resume)",
    )
    data.add_argument("--overwrite", action="store_true", help="replace the run that the output folder holds")
    short = parser.add_argument_group("short forms of --set")
    short.add_argument("--epochs", type=int, metavar="N", help="train.epochs")
    short.add_argument("--batch-size", type=int, metavar="N", help="train.batch_size, over all devices")
    short.add_argument("--lr", type=float, metavar="RATE", help="optimizer.lr")
    short.add_argument("--num-workers", type=int, metavar="N", help="train.num_workers: threads that prepare batches")
    short.add_argument("--seed", type=int, metavar="N", help="train.seed")
    short.add_argument("--log", choices=SERVICES, help="train.log: a service that is told of figures and pictures too")
    _add_machine(parser.add_argument_group("machine"))


def _add_machine(machine: argparse._ArgumentGroup) -> None:
    machine.add_argument(
        "--gpus",
        metavar="N,N",
        help="numbers with commas, e.g. 0,1; empty or -1 is the CPU (default: every GPU, else the CPU)",
    )
    machine.add_argument(
        "--amp",
        nargs="?",
        const="auto",
        choices=("auto", "bfloat16", "float16"),
        help="train.amp: convolutions in 16 bits, which is float16 on GPUs and bfloat16 on the CPU",
    )
    machine.add_argument(
        "--disable-fusion",
        action="store_true",
        help="do not fuse pointwise operators on GPUs: helps where MXNet says that NVRTC compilation failed",
    )


def train(
    arguments: argparse.Namespace,
    task: Task,
    default: str,
    model: str | None = None,
    of_default: Mapping[str, object] | None = None,
) -> None:
    """Train as the options say, to the end, and say what may come next.

    Parameters
    ----------
    arguments
        Those of `add_training`.
    task
        What the command trains.
    default
        The recipe, if none is given.
    model
        The network that the user asked for by name, if any.
    of_default
        Options that choose the default recipe, by their names; None where they were not given.

    Raises
    ------
    CpmError
        If something does not fit together; nothing is written then.
    """
    if arguments.disable_fusion:
        os.environ["MXNET_USE_FUSION"] = "0"  # which MXNet reads when it is loaded

    from ..configs import load_config
    from ..devices import parse_devices
    from ..training import choose_recipe, find_checkpoint, run_recipe

    _check_choice(arguments, of_default or {})
    devices = parse_devices(arguments.gpus)
    changes = [*arguments.set, *as_assignments({key: getattr(arguments, name) for name, key in SHORT.items()})]
    resume: Path | Checkpoint | None = None if arguments.resume is None else Path(arguments.resume)
    source = arguments.config
    if arguments.resume == "auto":
        folder = arguments.output or Path("output") / load_config(source or default).name
        resume = find_checkpoint(folder)
        source = source if resume is None else None  # the checkpoint brings the recipe; its data set is known now
    config, checkpoint = choose_recipe(source, default, model, resume, changes, task)
    output = run_recipe(config, devices, arguments.output, checkpoint, arguments.overwrite, scorer_of(config))
    if output is None:
        return
    print(f"checkpoints, losses.png and pictures are in {output}")
    print(f"next: cpm {task.evaluated_by} --checkpoint={output / 'last.npz'} --viz")


def _check_choice(arguments: argparse.Namespace, of_default: Mapping[str, object]) -> None:
    """Refuse options that choose a recipe where another option brings one."""
    given = [f"{name}={value}" for name, value in of_default.items() if value is not None]
    brought = "--resume" if arguments.resume not in (None, "auto") else "--config" if arguments.config else ""
    if given and brought:
        raise ConfigError(f"{given[0]}: {brought} brings a recipe, data and network; leave out the one or the other")
