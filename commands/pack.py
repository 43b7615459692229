"""Put a split of a data set into one file, images and all, or bring the training files of other systems to COCO's form.

cpm pack data/coco --split train2017 --output data/packed/train2017.rec
cpm pack COCO.json --from coco_json --images images --masks mask --output packed/train2014.rec
cpm pack train.h5 --from hdf5 --split train2014 --output data/from_hdf5

The packed file stands for its folder: --dataset-root=data/packed trains on train2017.rec and val2017.rec there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..choices import ENTRIES, PACKED_FROM
from .options import add_category


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options."""
    parser.add_argument(
        "source", type=Path, metavar="SOURCE", help="the folder in COCO's layout, COCO.json or HDF5 file"
    )
    parser.add_argument(
        "--from", dest="kind", default="coco", choices=PACKED_FROM, help="what it is (default: %(default)s)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="where to: NAME.rec for one file, NAME.idx beside it; else a folder in COCO's layout (required)",
    )
    parser.add_argument(
        "--split",
        metavar="NAME",
        help="the split, of COCO's layout that which is read (default: the name of the output without .rec)",
    )
    parser.add_argument(
        "--entries",
        "--subset",
        dest="subset",
        choices=ENTRIES,
        help="coco_json, hdf5: which entries to take, by their isValidation (default: train)",
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="coco_json: the folder of the images")
    parser.add_argument("--masks", type=Path, metavar="DIR", help="coco_json: the folder of the masks")
    parser.add_argument(
        "--jpeg-quality",
        type=int,
        metavar="N",
        help="hdf5: keep the images as JPEG of this quality, 1 to 100 (default: as PNG, which loses nothing)",
    )
    add_category(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace a packed file that is there")


def run(arguments: argparse.Namespace) -> None:
    """Pack as the options say."""
    from ..datasets.packed.convert import open_source, write_dataset

    split = arguments.split or arguments.output.stem
    names = ("images", "masks", "subset", "jpeg_quality", "category", "skip_unlisted")
    given = {name: getattr(arguments, name) for name in names}
    source = open_source(arguments.source, arguments.kind, split, progress=True, **given)
    print(write_dataset(arguments.output, source, split, arguments.overwrite, progress=True))
