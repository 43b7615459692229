"""Train a CPM: by default the six-stage CPM on COCO 2017, on every GPU there is.

cpm train --gpus=0,1 --backbone=res50
"""

from __future__ import annotations

import argparse

from .training import add_training, train

BACKBONES = {"vgg": "cpm_vgg19", "res50": "cpm_res50", "mobilenet": "cpm_mobilenet"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options."""
    what = parser.add_argument_group("what to train")
    what.add_argument("--backbone", choices=BACKBONES, help="the network, and its recipe for COCO (default: vgg)")
    what.add_argument(
        "--dataset",
        choices=("coco", "mpii"),
        help="which of the recipes of the network: 18 joints of COCO, or 15 of MPII (default: coco)",
    )
    add_training(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train, or list the recipes."""
    from ..configs import describe_configs
    from ..tasks import bottom_up

    if arguments.list:
        print(describe_configs(bottom_up.name))
        return
    model = BACKBONES.get(arguments.backbone)
    default = f"{model or 'cpm_vgg19'}_{arguments.dataset or 'coco'}"
    train(arguments, bottom_up, default, model, {"--dataset": arguments.dataset})
