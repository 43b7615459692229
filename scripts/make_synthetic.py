"""Write the embedded data set of synthetic people in the layout of COCO 2017.

Example: python scripts/make_synthetic.py --output data/synthetic
"""

from __future__ import annotations

import argparse
import logging

from cpm.cli import Parser, run
from cpm.datasets.synthetic import write_synthetic


def main() -> None:
    """Parse the command line and write the data set, unless it is there."""
    parser = Parser(__doc__)
    parser.add_argument("--output", default="data/synthetic", help="folder to write to (default: %(default)s)")
    parser.add_argument("--train", type=int, default=2000, help="training pictures (default: %(default)s)")
    parser.add_argument("--val", type=int, default=200, help="validation pictures (default: %(default)s)")
    parser.add_argument(
        "--size", type=_size, default=(320, 240), metavar="WIDTHxHEIGHT", help="in pixels (default: 320x240)"
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed, other pictures (default: %(default)s)")
    parser.add_argument("--num-workers", type=int, help="processes that draw (default: one for each core)")
    parser.add_argument("--overwrite", action="store_true", help="replace synthetic people that are there already")
    args = parser.parse_args()
    written = write_synthetic(
        args.output, args.train, args.val, args.seed, args.size, args.num_workers, args.overwrite, progress=True
    )
    state = "written" if written else "there already, nothing to do"
    logging.info("%s: %d training and %d validation pictures %s", args.output, args.train, args.val, state)


def _size(text: str) -> tuple[int, int]:
    width, separator, height = text.partition("x")
    if not (separator and width.isdigit() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected WIDTHxHEIGHT such as 320x240")
    return int(width), int(height)


if __name__ == "__main__":
    run(main)
