"""Find people in pictures of yours, draw them and write down their joints.

cpm predict photo.jpg folder/ --checkpoint=output/cpm_res50_coco/best.npz --output=output/people

A network for whole images finds everybody. A top-down network needs a box for each person: by default the whole
picture, else those of --boxes, or those that --detector finds.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cli import check_files, parse_count, parse_scales, parse_share, parse_size
from ..codecs import RULES
from ..errors import ConfigError
from .options import add_flip, add_machine, add_network, add_output_folder, changed, network_path

if TYPE_CHECKING:
    from mxnet import Context

    from ..inference import Finder, OnnxNetwork
    from ..models import PoseNet

_DEFAULT = Path("output/predict")
_HOW = ("flip", "backend", "scales", "box_size", "rules", "boxes", "detector", "threshold", "size")  # see people.json


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options."""
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE", help="files, or folders of them")
    add_network(parser)
    add_output_folder(parser, "people.json, pictures/ and the sheet people.jpg", str(_DEFAULT))
    add_flip(parser)
    add_machine(parser)
    whole = parser.add_argument_group("networks for whole images")
    whole.add_argument(
        "--scales", type=parse_scales, metavar="S,S", help="heights of the input, in units of --box-size (default: 1)"
    )
    whole.add_argument("--box-size", type=parse_count, metavar="PIXELS", help="(default: that of the recipe, else 368)")
    whole.add_argument("--rules", choices=RULES, default="default", help="how maps are decoded (default: %(default)s)")
    _add_boxes(parser.add_argument_group("top-down networks"))


def _add_boxes(boxes: argparse._ArgumentGroup) -> None:
    source = boxes.add_mutually_exclusive_group()
    source.add_argument("--boxes", metavar="JSON", help='{"photo.jpg": [[left, top, width, height], ...]}')
    source.add_argument(
        "--detector",
        nargs=2,
        metavar=("NAME", "PARAMS"),
        help="a detector of GluonCV and the file with its parameters, e.g. ssd_512_resnet50_v1_coco",
    )
    boxes.add_argument(
        "--detector-threshold",
        "--threshold",
        dest="threshold",
        type=parse_share,
        default=0.5,
        metavar="SCORE",
        help="from which score on a box of the detector counts (default: %(default)s)",
    )
    boxes.add_argument("--size", type=parse_size, metavar="HxW", help="of the crops (default: that of the recipe)")


def run(arguments: argparse.Namespace) -> None:
    """Find people as the options say."""
    from ..datasets import list_images
    from ..devices import parse_device
    from ..inference import is_exported, open_network, predict_files
    from ..outputs import OutputFolder

    path = network_path(arguments.checkpoint)
    device = parse_device(arguments.gpus, is_exported(path))
    check_files(boxes=arguments.boxes, detector=arguments.detector[1] if arguments.detector else None)
    given = arguments.output
    output = OutputFolder(given or _DEFAULT, makes_way=given is None, overwrite=arguments.overwrite)
    paths = [path for folder in arguments.pictures for path in list_images(folder)]
    net, meta = open_network(path, arguments.backend, device)
    find, visible = _finder(arguments, path, net, meta, device)
    notes = {
        "model": net.name,
        "checkpoint": str(path),
        "pictures": [str(picture) for picture in arguments.pictures],
        "options": {name: getattr(arguments, name) for name in _HOW},
    }
    print(predict_files(find, paths, net.skeleton, output, visible, notes))
    print(f"people.json, people.jpg and pictures/ are in {output}")


def _finder(
    arguments: argparse.Namespace,
    path: Path,
    net: PoseNet | OnnxNetwork,
    meta: Mapping[str, Any],
    device: Context | None,
) -> tuple[Finder, float]:
    """Return what finds the people in an image, and the score from which on joints are drawn."""
    from ..inference import PersonDetector, detected_people, given_boxes, whole_image
    from ..tasks import bottom_up, top_down

    if bottom_up.fits(net.kinds):
        if arguments.boxes or arguments.detector or arguments.size:
            raise ConfigError(f"{path}: finds everybody in a picture, --boxes, --detector and --size are not for it")
        settings = changed(bottom_up.settings(meta, path), arguments, scales=arguments.scales or (1.0,))
        estimator = bottom_up.estimator(net, settings, device, RULES[arguments.rules])
        return (lambda path, image: estimator(image)), 0.0
    if arguments.scales or arguments.box_size:
        raise ConfigError(f"{path}: takes crops of people, --scales and --box-size are not for it")
    in_boxes = changed(top_down.settings(meta, path), arguments)
    boxed = top_down.estimator(net, in_boxes, device)
    boxes = whole_image
    if arguments.boxes:
        boxes = given_boxes(arguments.boxes, in_boxes.enlarge)
    elif arguments.detector:
        boxes = detected_people(PersonDetector(*arguments.detector, arguments.threshold, ctx=device), in_boxes.enlarge)
    return (lambda path, image: boxed(image, boxes(path, image, boxed.aspect))), 0.2
