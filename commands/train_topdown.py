"""Train a top-down network: by default ResNet50 with three deconvolutions on the people of COCO 2017.

cpm train-topdown --gpus=0,1,2,3 --dataset=coco --size=256x192
"""

from __future__ import annotations

import argparse

from .training import add_training, train

_SIZES = {"coco": "256x192", "mpii": "256x256"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options."""
    what = parser.add_argument_group("what to train, by the name of its recipe")
    what.add_argument("--dataset", choices=("coco", "mpii"), help="the people (default: coco)")
    what.add_argument(
        "--size",
        metavar="HxW",
        help="of the crops: 256x192 or 384x288 for COCO, 256x256 or 384x384 for MPII (default: the smaller)",
    )
    what.add_argument(
        "--depth", type=int, metavar="N", help="layers of the ResNet: 50, or 101 and 152 for COCO (default: 50)"
    )
    add_training(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train, or list the recipes."""
    from ..configs import describe_configs
    from ..tasks import top_down

    if arguments.list:
        print(describe_configs(top_down.name))
        return
    dataset = arguments.dataset or "coco"
    default = f"pose_resnet{arguments.depth or 50}_{dataset}_{arguments.size or _SIZES[dataset]}"
    of_default = {"--dataset": arguments.dataset, "--size": arguments.size, "--depth": arguments.depth}
    train(arguments, top_down, default, of_default=of_default)
