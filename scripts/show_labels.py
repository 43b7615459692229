"""Show what a network is asked to learn: crop, mask, heatmaps, PAFs as arrows, joints.

python scripts/show_labels.py --dataset=coco --dataset-root=data/coco --sheet=8
"""

import argparse
from pathlib import Path

from cpm.cli import Parser, parse_count, parse_index, run
from cpm.evaluation.pictures import check_display, show_picture
from cpm.outputs import OutputFolder
from cpm.training import (
    build_samples,
    choose_height,
    choose_label_recipe,
    choose_samples,
    label_pictures,
    write_labels,
)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(__doc__)
    what = parser.add_argument_group("labels of what")
    what.add_argument("--config", help="a recipe of configs/ by name, or a file of yours that ends in .py "
                      "(default: that of the CPM on VGG19 for the data set)")  # fmt: skip
    what.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a value of the recipe, "
                      "e.g. --set labels.sigma=10; may be given many times")  # fmt: skip
    what.add_argument("--dataset", choices=("coco", "mpii"), help="(default: that of the recipe, else coco)")
    what.add_argument("--dataset-root", metavar="DIR", help="the folder with the annotations and the images "
                      "(default: that of the recipe)")  # fmt: skip
    what.add_argument("--split", help="(default: the one that the recipe trains on)")
    which = parser.add_argument_group("which samples")
    which.add_argument("--index", type=parse_index, nargs="+", metavar="N", help="their numbers, from 0 (default: 0)")
    which.add_argument("--sheet", type=parse_count, metavar="N", help="one picture of N samples that are spread "
                       "over the set, a row for each, instead of one picture per sample")  # fmt: skip
    which.add_argument("--epoch", type=parse_index, default=0, metavar="N", help="from 0; every epoch crops in "
                       "another way (default: %(default)s)")  # fmt: skip
    which.add_argument("--seed", type=parse_index, metavar="N", help="train.seed of the recipe: other crops")
    which.add_argument("--no-augment", action="store_true", help="crop without chance, as in validation")
    output = parser.add_argument_group("output")
    output.add_argument("--output", type=Path, metavar="DIR", help="the folder for labels-NNNNNN.png or, of a sheet, "
                        "labels.png (default: output/labels/RECIPE; with -2, -3, ... added where it holds labels of "
                        "other options)")  # fmt: skip
    output.add_argument("--overwrite", action="store_true", help="replace labels of other options in that folder")
    output.add_argument("--show", action="store_true", help="show the pictures in a window instead: any key for the "
                        "next, q to show no more")  # fmt: skip
    output.add_argument("--height", type=parse_count, metavar="PIXELS", help="of every crop in the pictures "
                        "(default: 640, or 420 in a sheet)")  # fmt: skip
    return parser.parse_args()


def main() -> None:
    """Parse, build, draw."""
    args = parse_arguments()
    height = choose_height(args.height, args.sheet)
    if args.show:
        check_display()
    config = choose_label_recipe(args.config, args.dataset, args.set, root=args.dataset_root, seed=args.seed)
    default = Path("output/labels") / config.name
    output = OutputFolder(args.output or default, makes_way=args.output is None, overwrite=args.overwrite)
    split = config.data.train if args.split is None else args.split
    samples = build_samples(config, split, augment=not args.no_augment)
    indices = choose_samples(len(samples), args.index, args.sheet)
    pictures = label_pictures(samples, args.epoch, indices, height, sheet=bool(args.sheet))
    if args.show:
        any(not show_picture(picture) for _, picture in pictures)
        return
    names = ("index", "sheet", "epoch", "no_augment", "height")
    how = {"split": split, **{name: getattr(args, name) for name in names}}
    print("\n".join(map(str, write_labels(pictures, output, config, how))))


if __name__ == "__main__":
    run(main)
