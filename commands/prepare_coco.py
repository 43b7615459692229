"""Bring COCO 2017 keypoints to where trainings look for them: download (20 GB), or link, unpack and verify.

cpm prepare-coco
cpm prepare-coco --link /somewhere/coco
cpm prepare-coco --check-only --masks data/coco/masks

An interrupted download goes on with the next run, which does only what is left.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options."""
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("data/coco"),
        metavar="DIR",
        help="the folder of the data set (default: %(default)s)",
    )
    parser.add_argument(
        "--splits", default="val2017,train2017", metavar="NAME,NAME", help="which splits (default: %(default)s)"
    )
    parser.add_argument(
        "--mirror",
        metavar="URL",
        help="where to download from in place of images.cocodataset.org, a folder as well; with zips/ and annotations/ "
        "in it",
    )
    parser.add_argument(
        "--link",
        type=Path,
        metavar="DIR",
        help="make links to the folders or zip files of COCO in DIR; nothing is downloaded",
    )
    parser.add_argument("--check-only", action="store_true", help="verify what is there")
    parser.add_argument(
        "--keep-archives",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="keep zip files in the folder that are unpacked (default: %(default)s)",
    )
    parser.add_argument(
        "--no-decode",
        dest="decode",
        action="store_false",
        help="look only whether the pictures are there, do not read them",
    )
    parser.add_argument(
        "--masks",
        type=Path,
        metavar="DIR",
        help="write DIR/SPLIT/NAME.png, 0 on crowds and people without keypoints, else 255, of images that have any; "
        "for other systems",
    )


def run(arguments: argparse.Namespace) -> None:
    """Prepare as the options say, and print what is there."""
    from ..datasets.coco_files.prepare import next_command, prepare_coco
    from ..datasets.coco_files.verify import check_reports, report_table

    splits = [name.strip() for name in arguments.splits.split(",")]
    names = ("mirror", "link", "check_only", "keep_archives", "decode", "masks")
    options = {name: getattr(arguments, name) for name in names}
    reports = prepare_coco(arguments.output, splits, progress=True, **options)
    print(report_table(reports))
    check_reports(reports)
    print(f"next: {next_command(arguments.output, splits, arguments.link)}")
