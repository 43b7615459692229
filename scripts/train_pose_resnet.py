"""Train a top-down network: by default ResNet50 with three deconvolutions on the people of COCO 2017.

python scripts/train_pose_resnet.py --gpus=0,1,2,3 --dataset=coco --size=256x192
"""

import argparse

from cpm.cli import Parser, run
from cpm.configs import describe_configs
from cpm.tasks import top_down
from cpm.training import add_training_options, run_training


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(__doc__)
    what = parser.add_argument_group("what to train, by the name of its recipe")
    what.add_argument("--dataset", choices=("coco", "mpii"), help="(default: coco)")
    what.add_argument("--size", help="height and width of the crops: 256x192 or 384x288 for COCO, 256x256 or 384x384 "
                      "for MPII (default: the smaller)")  # fmt: skip
    what.add_argument("--depth", type=int, help="layers of the ResNet: 50, or 101 and 152 for COCO (default: 50)")
    add_training_options(parser)
    return parser.parse_args()


def main() -> None:
    """Train."""
    arguments = parse_arguments()
    if arguments.list:
        print(describe_configs(top_down.name))
        return
    dataset = arguments.dataset or "coco"
    size = arguments.size or {"coco": "256x192", "mpii": "256x256"}[dataset]
    of_default = {"--dataset": arguments.dataset, "--size": arguments.size, "--depth": arguments.depth}
    default = f"pose_resnet{arguments.depth or 50}_{dataset}_{size}"
    output = run_training(arguments, top_down, default, of_default=of_default)
    if output is None:
        return
    print(f"checkpoints, losses.png and pictures are in {output}")
    print(f"next: python scripts/evaluate_topdown.py --resume={output / 'last.npz'} --viz")


if __name__ == "__main__":
    run(main)
