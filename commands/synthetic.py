"""Write the embedded data set of synthetic people in the layout of COCO 2017.

cpm synthetic --output data/synthetic
"""

from __future__ import annotations

import argparse

from ..cli import parse_size


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options."""
    parser.add_argument(
        "--output", default="data/synthetic", metavar="DIR", help="the folder to write to (default: %(default)s)"
    )
    parser.add_argument("--train", type=int, default=2000, metavar="N", help="training pictures (default: %(default)s)")
    parser.add_argument("--val", type=int, default=200, metavar="N", help="validation pictures (default: %(default)s)")
    parser.add_argument(
        "--size", type=parse_size, default=(240, 320), metavar="HxW", help="in pixels (default: 240x320)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="another seed, other pictures (default: %(default)s)"
    )
    parser.add_argument("--num-workers", type=int, metavar="N", help="processes that draw (default: one for each core)")
    parser.add_argument("--overwrite", action="store_true", help="replace synthetic people that are there already")


def run(arguments: argparse.Namespace) -> None:
    """Write the data set, unless it is there."""
    from ..datasets.synthetic import write_synthetic

    written = write_synthetic(
        arguments.output,
        arguments.train,
        arguments.val,
        arguments.seed,
        arguments.size,
        arguments.num_workers,
        arguments.overwrite,
        progress=True,
    )
    state = "written" if written else "there already, nothing to do"
    print(f"{arguments.output}: {arguments.train} training and {arguments.val} validation pictures {state}")
