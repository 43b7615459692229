"""Write the embedded data set of synthetic people in the layout of COCO 2017.

Example: python scripts/make_synthetic.py --output data/synthetic
"""

from __future__ import annotations

import logging

from cpm.cli import Parser, parse_size, run
from cpm.datasets.synthetic import write_synthetic


def main() -> None:
    """Parse the command line and write the data set, unless it is there."""
    parser = Parser(__doc__)
    parser.add_argument("--output", default="data/synthetic", help="folder to write to (default: %(default)s)")
    parser.add_argument("--train", type=int, default=2000, help="training pictures (default: %(default)s)")
    parser.add_argument("--val", type=int, default=200, help="validation pictures (default: %(default)s)")
    parser.add_argument(
        "--size", type=parse_size, default=(240, 320), metavar="HxW", help="in pixels (default: 240x320)"
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


if __name__ == "__main__":
    run(main)
