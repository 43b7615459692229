"""Bring COCO 2017 keypoints to where trainings look for them: download (20 GB), or link, unpack and verify.

python scripts/prepare_coco.py
python scripts/prepare_coco.py --link /somewhere/coco
python scripts/prepare_coco.py --check-only --masks data/coco/masks

An interrupted download goes on with the next run, which does only what is left.
"""

import argparse
from pathlib import Path

from cpm.cli import Parser, run
from cpm.datasets.coco_files.prepare import DEFAULT_ROOT, next_command, prepare_coco
from cpm.datasets.coco_files.verify import check_reports, report_table


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(__doc__)
    parser.add_argument("--output", type=Path, default=DEFAULT_ROOT, metavar="ROOT", help="the folder of the data set "
                        "(default: %(default)s)")  # fmt: skip
    parser.add_argument("--splits", default="val2017,train2017", metavar="NAME,NAME", help="which splits (default: "
                        "%(default)s)")  # fmt: skip
    parser.add_argument("--mirror", metavar="URL", help="where to download from in place of images.cocodataset.org, a "
                        "folder as well; with zips/ and annotations/ in it")  # fmt: skip
    parser.add_argument("--link", type=Path, metavar="DIR", help="make links to the folders or zip files of COCO in "
                        "DIR; nothing is downloaded")  # fmt: skip
    parser.add_argument("--check-only", action="store_true", help="verify what is there")
    parser.add_argument("--keep-archives", action=argparse.BooleanOptionalAction, default=False, help="keep zip files "
                        "in ROOT that are unpacked (default: %(default)s)")  # fmt: skip
    parser.add_argument("--no-decode", dest="decode", action="store_false", help="look only whether the pictures are "
                        "there, do not read them")  # fmt: skip
    parser.add_argument("--masks", type=Path, metavar="DIR", help="write DIR/SPLIT/NAME.png, 0 on crowds and people "
                        "without keypoints, else 255, of images that have any; for other systems")  # fmt: skip
    return parser.parse_args()


def main() -> None:
    """Parse, prepare, report."""
    args = parse_arguments()
    splits = [name.strip() for name in args.splits.split(",")]
    options = {
        name: getattr(args, name) for name in ("mirror", "link", "check_only", "keep_archives", "decode", "masks")
    }
    reports = prepare_coco(args.output, splits, progress=True, **options)
    print(report_table(reports))
    check_reports(reports)
    print(f"next: {next_command(args.output, splits, args.link)}")


if __name__ == "__main__":
    run(main)
