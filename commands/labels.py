"""Show what a network is asked to learn: crop, mask, heatmaps, PAFs as arrows, joints.

cpm labels --dataset=coco --dataset-root=data/coco --sheet=8
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..cli import parse_count, parse_index
from .options import add_output_folder, add_place, add_recipe


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options."""
    what = parser.add_argument_group("labels of what (default: those of the CPM on VGG19 for the data set)")
    add_recipe(what)
    what.add_argument("--dataset", choices=("coco", "mpii"), help="(default: that of the recipe, else coco)")
    add_place(what)
    what.add_argument("--split", metavar="NAME", help="which split (default: the one that the recipe trains on)")
    which = parser.add_argument_group("which samples")
    which.add_argument("--index", type=parse_index, nargs="+", metavar="N", help="their numbers, from 0 (default: 0)")
    which.add_argument(
        "--sheet",
        type=parse_count,
        metavar="N",
        help="one picture of N samples that are spread over the set, a row for each, instead of one picture per sample",
    )
    which.add_argument(
        "--epoch",
        type=parse_index,
        default=0,
        metavar="N",
        help="from 0; every epoch crops in another way (default: %(default)s)",
    )
    which.add_argument("--seed", type=parse_index, metavar="N", help="train.seed of the recipe: other crops")
    which.add_argument("--no-augment", action="store_true", help="crop without chance, as in validation")
    output = parser.add_argument_group("output")
    add_output_folder(output, "labels-NNNNNN.png or, of a sheet, labels.png", "output/labels/RECIPE")
    output.add_argument(
        "--show",
        action="store_true",
        help="show the pictures in a window instead: any key for the next, q to show no more",
    )
    output.add_argument(
        "--height",
        type=parse_count,
        metavar="PIXELS",
        help="of every crop in the pictures (default: 640, or 420 in a sheet)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Draw labels as the options say."""
    from ..evaluation.pictures import check_display, show_picture
    from ..outputs import OutputFolder
    from ..training import (
        build_samples,
        choose_height,
        choose_label_recipe,
        choose_samples,
        label_pictures,
        write_labels,
    )

    height = choose_height(arguments.height, arguments.sheet)
    if arguments.show:
        check_display()
    config = choose_label_recipe(
        arguments.config, arguments.dataset, arguments.set, root=arguments.dataset_root, seed=arguments.seed
    )
    given = arguments.output
    output = OutputFolder(
        given or Path("output/labels") / config.name, makes_way=given is None, overwrite=arguments.overwrite
    )
    split = config.data.train if arguments.split is None else arguments.split
    samples = build_samples(config, split, augment=not arguments.no_augment)
    indices = choose_samples(len(samples), arguments.index, arguments.sheet)
    pictures = label_pictures(samples, arguments.epoch, indices, height, sheet=bool(arguments.sheet))
    if arguments.show:
        any(not show_picture(picture) for _, picture in pictures)
        return
    names = ("index", "sheet", "epoch", "no_augment", "height")
    how = {"split": split, **{name: getattr(arguments, name) for name in names}}
    print("\n".join(map(str, write_labels(pictures, output, config, how))))
