"""What the training scripts share: their options, and the run itself."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from ..cli import parse_devices
from ..errors import ConfigError
from ..files import clear_temporaries
from ..locks import lock_folder
from ..tasks import Task
from .build import build_trainer, choose_recipe
from .folder import check_output
from .resuming import is_finished

logger = logging.getLogger(__name__)


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that do not depend on what is trained; `run_training` reads them."""
    what = parser.add_argument_group("recipe")
    what.add_argument("--config", help="a recipe of configs/ by name, or a file of yours that ends in .py")
    what.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the recipe, "
                      "e.g. --set train.log_every=10; may be given many times")  # fmt: skip
    what.add_argument("--resume", type=Path, metavar="FILE", help="a last.npz: go on where it was written")
    what.add_argument("--list", action="store_true", help="list the recipes with the published figures and stop")
    data = parser.add_argument_group("data and output")
    data.add_argument("--dataset-root", help="the folder with the annotations and the images "
                      "(default: that of the recipe, data/coco or data/mpii)")  # fmt: skip
    data.add_argument("--category", help="data.category: that of people in COCO's annotations, by name or id, where it "
                      "is not plain")  # fmt: skip
    data.add_argument("--skip-unlisted", action="store_true", default=None, help="data.skip_unlisted: leave out "
                      "annotations of images that are not listed")  # fmt: skip
    data.add_argument("--output", type=Path, help="the folder for checkpoints, logs and pictures "
                      "(default: output/RECIPE, or that of the file to resume)")  # fmt: skip
    data.add_argument("--overwrite", action="store_true", help="replace the run that the output folder holds")
    short = parser.add_argument_group("short forms of --set")
    short.add_argument("--epochs", type=int, help="train.epochs")
    short.add_argument("--batch-size", type=int, help="train.batch_size, over all devices")
    short.add_argument("--lr", type=float, help="optimizer.lr")
    short.add_argument("--num-workers", type=int, help="train.num_workers: threads that prepare batches")
    short.add_argument("--seed", type=int, help="train.seed")
    machine = parser.add_argument_group("machine")
    machine.add_argument(
        "--gpus", help="numbers with commas, e.g. 0,1; empty or -1 is the CPU (default: every GPU, else the CPU)"
    )
    machine.add_argument("--amp", nargs="?", const="auto", choices=("auto", "bfloat16", "float16"), help="train.amp: "
                         "convolutions in 16 bits, which is float16 on GPUs and bfloat16 on the CPU")  # fmt: skip
    machine.add_argument("--disable-fusion", action="store_true", help="do not fuse pointwise operators on GPUs: "
                         "helps where MXNet says that NVRTC compilation failed")  # fmt: skip


def run_training(
    arguments: argparse.Namespace,
    task: Task,
    default: str,
    model: str | None = None,
    of_default: Mapping[str, object] | None = None,
) -> Path | None:
    """Train as the options say, to the end, and return the folder of the run; None where it had ended before.

    Parameters
    ----------
    arguments
        Those of `add_training_options`.
    task
        What the script trains.
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
        os.environ["MXNET_USE_FUSION"] = "0"
    _check_choice(arguments, of_default or {})
    contexts = parse_devices(arguments.gpus)
    short = {
        "data.root": arguments.dataset_root,
        "data.category": arguments.category,
        "data.skip_unlisted": arguments.skip_unlisted,
        "train.epochs": arguments.epochs,
        "train.batch_size": arguments.batch_size,
        "optimizer.lr": arguments.lr,
        "train.num_workers": arguments.num_workers,
        "train.seed": arguments.seed,
        "train.amp": arguments.amp,
    }
    changes = arguments.set + [f"{key}={value!r}" for key, value in short.items() if value is not None]
    config, checkpoint = choose_recipe(arguments.config, default, model, arguments.resume, changes, task)
    source = None if checkpoint is None else checkpoint.path.parent
    if checkpoint is not None and is_finished(checkpoint, config):
        epochs = config.train.epochs
        logger.info("%s: finished, all %d epochs are trained; --epochs=N trains on", checkpoint.path, epochs)
        return None
    output = arguments.output or source or Path("output") / config.name
    with lock_folder(output):
        clear_temporaries(output, ("last.npz", "best.npz", "epoch-*.npz", "losses.*"))
        clear_temporaries(output / "pictures", ("validation-*.jpg",))
        check_output(output, arguments.resume, arguments.overwrite)
        build_trainer(config, contexts, output, checkpoint).fit()
    return Path(output)


def _check_choice(arguments: argparse.Namespace, of_default: Mapping[str, object]) -> None:
    """Refuse options that choose a recipe where another option brings one."""
    given = [f"{name}={value}" for name, value in of_default.items() if value is not None]
    brought = "--resume" if arguments.resume else "--config" if arguments.config else ""
    if given and brought:
        raise ConfigError(f"{given[0]}: {brought} brings a recipe, data and network; leave out the one or the other")
