"""Train a top-down network: by default ResNet50 with three deconvolutions on the people of COCO 2017.

python scripts/train_pose_resnet.py --gpus=0,1,2,3 --dataset=coco --size=256x192
"""

import argparse

from cpm.cli import Parser, run
from cpm.configs import describe_configs
from cpm.training import add_training_options, run_training


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(__doc__)
    what = parser.add_argument_group("what to train, by the name of its recipe")
    what.add_argument("--dataset", choices=("coco", "mpii"), default="coco", help="(default: %(default)s)")
    what.add_argument("--size", help="height and width of the crops: 256x192 or 384x288 for COCO, 256x256 or 384x384 "
                      "for MPII (default: the smaller)")  # fmt: skip
    what.add_argument("--depth", type=int, default=50, help="layers of the ResNet: 50, or 101 and 152 for COCO "
                      "(default: %(default)s)")  # fmt: skip
    add_training_options(parser)
    return parser.parse_args()


def main() -> None:
    """Train."""
    arguments = parse_arguments()
    if arguments.list:
        print(describe_configs("topdown"))
        return
    size = arguments.size or {"coco": "256x192", "mpii": "256x256"}[arguments.dataset]
    default = f"pose_resnet{arguments.depth}_{arguments.dataset}_{size}"
    output = run_training(arguments, "topdown", default)
    if output is None:
        return
    print(f"checkpoints, losses.png and pictures are in {output}")
    print(f"next: python scripts/evaluate_topdown.py --resume={output / 'last.npz'} --viz")


if __name__ == "__main__":
    run(main)
