"""Train a CPM: by default the six-stage CPM on COCO 2017, on every GPU there is.

python scripts/train_gluon_cpm.py --gpus=0,1 --backbone=res50
"""

import argparse

from cpm.cli import Parser, run
from cpm.configs import describe_configs
from cpm.tasks import bottom_up
from cpm.training import add_training_options, run_training

BACKBONES = {"vgg": "cpm_vgg19", "res50": "cpm_res50", "mobilenet": "cpm_mobilenet"}


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(__doc__)
    what = parser.add_argument_group("what to train")
    what.add_argument("--backbone", choices=BACKBONES, help="the network, and its recipe for COCO (default: vgg)")
    what.add_argument("--dataset", choices=("coco", "mpii"), help="which of the recipes of the network: 18 "
                      "joints of COCO, or 15 of MPII (default: coco)")  # fmt: skip
    add_training_options(parser)
    return parser.parse_args()


def main() -> None:
    """Train."""
    arguments = parse_arguments()
    if arguments.list:
        print(describe_configs(bottom_up.name))
        return
    model = BACKBONES.get(arguments.backbone)
    default = f"{model or 'cpm_vgg19'}_{arguments.dataset or 'coco'}"
    output = run_training(arguments, bottom_up, default, model, {"--dataset": arguments.dataset})
    if output is None:
        return
    print(f"checkpoints, losses.png and pictures are in {output}")
    print(f"next: python scripts/evaluate.py --resume={output / 'last.npz'} --viz")


if __name__ == "__main__":
    run(main)
