"""Train a CPM: by default the six-stage CPM on COCO 2017, on every GPU there is.

python scripts/train_gluon_cpm.py --gpus=0,1 --backbone=res50
"""

import argparse
import os
from pathlib import Path

from cpm.cli import parse_devices, run
from cpm.configs import list_configs
from cpm.training import build_trainer, check_output, choose_recipe

BACKBONES = {"vgg": "cpm_vgg19", "res50": "cpm_res50", "mobilenet": "cpm_mobilenet"}


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_argument_group("what to train")
    what.add_argument("--backbone", choices=BACKBONES, help="the network, and its recipe for COCO (default: vgg)")
    what.add_argument("--config", help="a recipe of configs/ by name, or a file of yours that ends in .py")
    what.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the recipe, "
                      "e.g. --set train.log_every=10; may be given many times")  # fmt: skip
    what.add_argument("--resume", type=Path, metavar="FILE", help="a last.npz: go on exactly where it was written")
    what.add_argument("--list", action="store_true", help="list the recipes and stop")
    data = parser.add_argument_group("data and output")
    data.add_argument(
        "--dataset-root", help="the folder with annotations/, train2017/ and val2017/ (default: data/coco)"
    )
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
    return parser.parse_args()


def main() -> None:
    """Train."""
    arguments = parse_arguments()
    if arguments.list:
        print("\n".join(list_configs()))
        return
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
    backbone = BACKBONES.get(arguments.backbone)
    config, checkpoint = choose_recipe(arguments.config, backbone, arguments.resume, changes)
    output = arguments.output or (arguments.resume.parent if arguments.resume else Path("output") / config.name)
    check_output(output, resumed=checkpoint is not None, overwrite=arguments.overwrite)
    trainer = build_trainer(config, contexts, output, checkpoint)
    trainer.fit()
    print(f"checkpoints, losses.png and pictures are in {output}")
    print(f"next: python scripts/evaluate.py --resume={output / 'last.npz'} --viz")


if __name__ == "__main__":
    run(main)
