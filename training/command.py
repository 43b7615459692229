"""What the training scripts share: their options, and the run itself."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..cli import parse_devices
from ..files import clear_temporaries
from ..locks import lock_folder
from .build import build_trainer, check_output, choose_recipe


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that do not depend on what is trained; `run_training` reads them."""
    what = parser.add_argument_group("recipe")
    what.add_argument("--config", help="a recipe of configs/ by name, or a file of yours that ends in .py")
    what.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the recipe, "
                      "e.g. --set train.log_every=10; may be given many times")  # fmt: skip
    what.add_argument("--resume", type=Path, metavar="FILE", help="a last.npz: go on exactly where it was written")
    what.add_argument("--list", action="store_true", help="list the recipes with the published figures and stop")
    data = parser.add_argument_group("data and output")
    data.add_argument("--dataset-root", help="the folder with the annotations and the images "
                      "(default: that of the recipe, data/coco or data/mpii)")  # fmt: skip
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


def run_training(arguments: argparse.Namespace, task: str, default: str, model: str | None = None) -> Path:
    """Train as the options say, to the end, and return the folder of the run.

    Parameters
    ----------
    arguments
        Those of `add_training_options`.
    task
        What the script trains, one of `cpm.configs.TASKS`.
    default
        The recipe, if none is given.
    model
        The network that the user asked for by name, if any.

    Raises
    ------
    CpmError
        If something does not fit together; nothing is written then.
    """
    if arguments.disable_fusion:
        os.environ["MXNET_USE_FUSION"] = "0"
    contexts = parse_devices(arguments.gpus)
    short = {
        "data.root": arguments.dataset_root,
        "train.epochs": arguments.epochs,
        "train.batch_size": arguments.batch_size,
        "optimizer.lr": arguments.lr,
        "train.num_workers": arguments.num_workers,
        "train.seed": arguments.seed,
        "train.amp": arguments.amp,
    }
    changes = arguments.set + [f"{key}={value!r}" for key, value in short.items() if value is not None]
    config, checkpoint = choose_recipe(arguments.config, default, model, arguments.resume, changes, task)
    output = arguments.output or (arguments.resume.parent if arguments.resume else Path("output") / config.name)
    with lock_folder(output):
        clear_temporaries(output, ("last.npz", "best.npz", "epoch-*.npz", "losses.*"))
        clear_temporaries(output / "pictures", ("validation-*.jpg",))
        check_output(output, resumed=checkpoint is not None, overwrite=arguments.overwrite)
        build_trainer(config, contexts, output, checkpoint).fit()
    return Path(output)
