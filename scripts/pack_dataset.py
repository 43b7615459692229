"""Put a split of a data set into one file, images and all, or bring the training files of other systems to COCO's form.

python scripts/pack_dataset.py data/coco --split train2017 --output data/packed/train2017.rec
python scripts/pack_dataset.py COCO.json --from coco_json --images images --masks mask --output packed/train2014.rec
python scripts/pack_dataset.py train.h5 --from hdf5 --split train2014 --output data/from_hdf5

The packed file stands for its folder: --dataset-root=data/packed trains on train2017.rec and val2017.rec there.
"""

import argparse
from pathlib import Path

from cpm.cli import Parser, run
from cpm.datasets.packed.convert import FORMATS, SUBSETS, open_source, write_dataset


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(__doc__)
    parser.add_argument(
        "source", type=Path, metavar="SOURCE", help="the folder in COCO's layout, COCO.json or HDF5 file"
    )
    parser.add_argument(
        "--from", dest="kind", default="coco", choices=FORMATS, help="what it is (default: %(default)s)"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="PATH", help="where to: NAME.rec for one file, "
                        "NAME.idx is written beside it; else a folder in COCO's layout (required)")  # fmt: skip
    parser.add_argument("--split", metavar="NAME", help="the split, of COCO's layout that which is read (default: the "
                        "name of the output without .rec)")  # fmt: skip
    parser.add_argument("--subset", choices=tuple(SUBSETS), help="coco_json, hdf5: which entries to take, by their "
                        "isValidation (default: train)")  # fmt: skip
    parser.add_argument("--images", type=Path, metavar="DIR", help="coco_json: the folder of the images")
    parser.add_argument("--masks", type=Path, metavar="DIR", help="coco_json: the folder of the masks")
    parser.add_argument("--jpeg-quality", type=int, metavar="N", help="hdf5: keep the images as JPEG of this quality, "
                        "1 to 100 (default: as PNG, which loses nothing)")  # fmt: skip
    parser.add_argument("--category", metavar="NAME", help="coco: the category of people by name or id, where it is "
                        "not plain")  # fmt: skip
    parser.add_argument("--skip-unlisted", action="store_true", default=None, help="coco: leave out annotations of "
                        "images that are not listed")  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace a packed file that is there")
    return parser.parse_args()


def main() -> None:
    """Parse, open, write."""
    args = parse_arguments()
    split = args.split or args.output.stem
    names = ("images", "masks", "subset", "jpeg_quality", "category", "skip_unlisted")
    given = {name: getattr(args, name) for name in names}
    source = open_source(args.source, args.kind, split, progress=True, **given)
    print(write_dataset(args.output, source, split, args.overwrite, progress=True))


if __name__ == "__main__":
    run(main)
