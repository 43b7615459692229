"""Find people in pictures of yours, draw them and write down their joints.

cpm predict photo.jpg folder/ --checkpoint=output/cpm_res50_coco/best.npz --output=output/people

A network for whole images finds everybody. A top-down network needs a box for each person: by default the whole
picture, else those of --boxes, or those that --detector finds.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..choices import PEOPLE_FORMATS
from ..cli import check_files, parse_count, parse_scales, parse_share, parse_size
from ..codecs import RULES
from ..errors import ConfigError
from .options import add_flip, add_machine, add_network, add_output_folder, network_path

if TYPE_CHECKING:
    import numpy as np
    from mxnet import Context

    from ..inference.box_sources import Boxes
    from ..person import Person
    from ..tasks import Estimator

_DEFAULT = Path("output/predict")
# What people.json says of the options.
_HOW = (
    "flip",
    "backend",
    "scales",
    "box_size",
    "rules",
    "boxes",
    "detector",
    "threshold",
    "size",
    "min_score",
    "min_joints",
    "min_joint_score",
    "format",
    "draw",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options."""
    parser.add_argument(
        "pictures", nargs="+", type=Path, metavar="PICTURE", help="files, or folders, with all folders in them"
    )
    add_network(parser)
    add_flip(parser)
    add_machine(parser)
    output = parser.add_argument_group("output")
    add_output_folder(output, "people.json, pictures/ and the sheet people.jpg", str(_DEFAULT))
    _add_people(output)
    whole = parser.add_argument_group("networks for whole images")
    whole.add_argument(
        "--scales", type=parse_scales, metavar="S,S", help="heights of the input, in units of --box-size (default: 1)"
    )
    whole.add_argument(
        "--box-size",
        type=parse_count,
        metavar="PIXELS",
        help="the size of the input at scale 1 (default: that of the recipe, else 368)",
    )
    whole.add_argument("--rules", choices=RULES, help="how maps are decoded (default: default)")
    _add_boxes(parser.add_argument_group("top-down networks"))


def _add_people(output: argparse._ArgumentGroup) -> None:
    output.add_argument(
        "--min-score",
        type=parse_share,
        metavar="SCORE",
        help="whom to take: people of that score, 0 to 1 (default: 0.2; 0 of top-down networks)",
    )
    output.add_argument(
        "--min-joints",
        type=parse_count,
        metavar="N",
        help="and with so many joints (default: 3; 1 of top-down networks)",
    )
    output.add_argument(
        "--min-joint-score",
        type=parse_share,
        metavar="SCORE",
        help="joints of that score count (default: 0; 0.2 of top-down networks)",
    )
    output.add_argument(
        "--format",
        nargs="+",
        default=["json"],
        choices=("json", *PEOPLE_FORMATS),
        help="beside people.json: coco.json, openpose/NAME_keypoints.json, people.csv, or YOLO's labels/NAME.txt",
    )
    output.add_argument(
        "--draw",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="draw skeletons into copies of the pictures, or do not",
    )


def _add_boxes(boxes: argparse._ArgumentGroup) -> None:
    source = boxes.add_mutually_exclusive_group()
    source.add_argument("--boxes", metavar="FILE", help='JSON: {"photo.jpg": [[left, top, width, height], ...]}')
    source.add_argument(
        "--detector",
        nargs=2,
        metavar=("NAME", "FILE"),
        help="a detector of GluonCV and the file with its parameters, e.g. ssd_512_resnet50_v1_coco",
    )
    boxes.add_argument(
        "--detector-threshold",
        "--threshold",
        dest="threshold",
        type=parse_share,
        metavar="SCORE",
        help="from which score on a box of the detector counts (default: 0.5)",
    )
    boxes.add_argument("--size", type=parse_size, metavar="HxW", help="of the crops (default: that of the recipe)")


def run(arguments: argparse.Namespace) -> None:
    """Find people as the options say."""
    from ..devices import parse_device
    from ..inference import Delivery, is_exported, list_pictures, predict_files
    from ..outputs import OutputFolder
    from ..tasks import load_estimator

    path = network_path(arguments.checkpoint)
    device = parse_device(arguments.gpus, is_exported(path))
    check_files(boxes=arguments.boxes, detector=arguments.detector[1] if arguments.detector else None)
    given = arguments.output
    output = OutputFolder(given or _DEFAULT, makes_way=given is None, overwrite=arguments.overwrite)
    pictures = list_pictures(arguments.pictures, without=output.path)
    estimator = load_estimator(
        path,
        device,
        arguments.backend,
        arguments.scales,
        arguments.flip,
        arguments.box_size,
        None if arguments.rules is None else RULES[arguments.rules],
        arguments.size,
        min_score=arguments.min_score,
        min_joints=arguments.min_joints,
        min_joint_score=arguments.min_joint_score,
    )
    if arguments.scales is None:
        estimator = replace(estimator, finder=estimator.finder.at_one_scale())
    if arguments.boxes or arguments.detector or arguments.threshold is not None:
        estimator = replace(estimator, boxes=_boxes(arguments, estimator, path, device))
    notes = {
        "model": estimator.name,
        "checkpoint": str(path),
        "pictures": [str(picture) for picture in arguments.pictures],
        "options": {name: getattr(arguments, name) for name in _HOW},
    }
    formats = [name for name in arguments.format if name in PEOPLE_FORMATS]
    delivery = Delivery(estimator.select, formats, arguments.draw, notes)

    def find(path: Path, image: np.ndarray) -> list[Person]:
        return estimator.everybody([image], [path])[0]

    print(predict_files(find, pictures, estimator.skeleton, output, delivery))
    print(f"people.json is in {output}, pictures too" if arguments.draw else f"people.json is in {output}")


def _boxes(arguments: argparse.Namespace, estimator: Estimator, path: Path, device: Context | None) -> Boxes:
    """Return where the people of an image are, as it is said."""
    from ..inference import detected_people, given_boxes

    if estimator.finder.aspect is None:
        raise ConfigError(f"{path}: finds everybody in a picture, --boxes, --detector and --threshold are not for it")
    if arguments.boxes and arguments.threshold is None:
        return given_boxes(arguments.boxes)
    if not arguments.detector:
        raise ConfigError(f"--threshold={arguments.threshold}: not without --detector; leave it out")
    from ..inference.detector import PersonDetector

    threshold = 0.5 if arguments.threshold is None else arguments.threshold
    name, file = arguments.detector
    return detected_people(PersonDetector(name, file, threshold, ctx=device))
