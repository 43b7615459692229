"""Score results of anybody: COCO keypoint results against annotations, by the ten figures of COCO.

cpm score results.json data/coco/annotations/person_keypoints_val2017.json

Needs neither MXNet nor pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..cli import check_files
from .options import add_sigmas


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options."""
    parser.add_argument("results", type=Path, metavar="RESULTS", help="keypoint results in the format of COCO")
    parser.add_argument("truth", type=Path, metavar="TRUTH", help="annotations in the format of COCO")
    add_sigmas(parser)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures to a JSON file too")


def run(arguments: argparse.Namespace) -> None:
    """Score, and print the figures."""
    from ..evaluation import format_scores, score_files
    from ..files import write_json

    check_files(RESULTS=arguments.results, TRUTH=arguments.truth)
    figures = score_files(arguments.results, arguments.truth, arguments.sigmas)
    print(format_scores({arguments.results.name: figures}))
    if arguments.output is not None:
        write_json(arguments.output, figures)
