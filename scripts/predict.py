"""Find people in pictures of yours, draw them and write down their joints.

python scripts/predict.py photo.jpg folder/ --resume=output/cpm_res50_coco/best.npz --output=output/people

A network for whole images finds everybody. A top-down network needs a box for each person: by default the whole
picture, else those of --boxes, or those that --detector finds.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from cpm.cli import Parser, check_files, parse_count, parse_device, parse_scales, parse_share, parse_size, run
from cpm.codecs import RULES
from cpm.datasets import list_images
from cpm.errors import ConfigError
from cpm.inference import (
    BACKENDS,
    PersonDetector,
    detected_people,
    given_boxes,
    is_exported,
    open_network,
    predict_files,
    whole_image,
)
from cpm.outputs import OutputFolder
from cpm.tasks import bottom_up, top_down

OUTPUT = Path("output/predict")
HOW = ("flip", "backend", "scales", "box_size", "rules", "boxes", "detector", "threshold", "size")  # see people.json


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(__doc__)
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE", help="files, or folders of them")
    parser.add_argument("--resume", type=Path, required=True, metavar="FILE", help="the network: a checkpoint "
                        "(.npz), or an exported one (.onnx) (required)")  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="DIR", help="for people.json, pictures/ and the "
                        f"sheet people.jpg (default: {OUTPUT}; with -2, -3, ... added where it holds people found "
                        "otherwise or elsewhere)")  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace what is found in that folder")
    parser.add_argument("--flip", action=argparse.BooleanOptionalAction, help="average with the mirror image, or "
                        "do not (default: as the recipe of the training says)")  # fmt: skip
    parser.add_argument("--backend", choices=BACKENDS, help="what runs the network (default: mxnet for "
                        ".npz, onnxruntime for .onnx)")  # fmt: skip
    parser.add_argument("--gpus", metavar="N", help="number of the GPU; empty or -1 is the CPU (default: the first "
                        "GPU, else the CPU)")  # fmt: skip
    whole = parser.add_argument_group("networks for whole images")
    whole.add_argument(
        "--scales", type=parse_scales, metavar="S,S", help="heights of the input, in units of --box-size (default: 1)"
    )
    whole.add_argument("--box-size", type=parse_count, metavar="PIXELS", help="(default: that of the recipe, else 368)")
    whole.add_argument("--rules", choices=RULES, help="how maps are decoded (default: default)")
    boxes = parser.add_argument_group("top-down networks")
    source = boxes.add_mutually_exclusive_group()
    source.add_argument("--boxes", metavar="JSON", help='{"photo.jpg": [[left, top, width, height], ...]}')
    source.add_argument("--detector", nargs=2, metavar=("NAME", "PARAMS"), help="a detector of GluonCV and the file "
                        "with its parameters, e.g. ssd_512_resnet50_v1_coco")  # fmt: skip
    boxes.add_argument("--threshold", type=parse_share, help="of the detector (default: 0.5)")
    boxes.add_argument("--size", type=parse_size, metavar="HxW", help="of the crops (default: that of the recipe)")
    return parser.parse_args()


def build_finder(args: argparse.Namespace, net, meta, ctx):
    """Return what finds the people in an image, and the score from which on joints are drawn."""
    if bottom_up.fits(net.kinds):
        if args.boxes or args.detector or args.size or args.threshold is not None:
            raise ConfigError(
                f"{args.resume}: finds everybody in a picture, --boxes, --detector, --threshold and --size are not "
                "for it"
            )
        how = {"scales": args.scales or (1.0,), "flip": args.flip, "box_size": args.box_size}
        settings = replace(bottom_up.settings(meta, args.resume), **{k: v for k, v in how.items() if v is not None})
        estimator = bottom_up.estimator(net, settings, ctx, RULES[args.rules or "default"])
        return (lambda path, image: estimator(image)), 0.0
    if args.scales or args.box_size or args.rules:
        raise ConfigError(f"{args.resume}: takes crops of people, --scales, --box-size and --rules are not for it")
    if args.threshold is not None and not args.detector:
        raise ConfigError(f"--threshold={args.threshold}: not without --detector; leave it out")
    how = {"flip": args.flip, "size": args.size}
    settings = replace(top_down.settings(meta, args.resume), **{k: v for k, v in how.items() if v is not None})
    estimator = top_down.estimator(net, settings, ctx)
    boxes = whole_image
    if args.boxes:
        boxes = given_boxes(args.boxes, settings.enlarge)
    elif args.detector:
        boxes = detected_people(
            PersonDetector(*args.detector, 0.5 if args.threshold is None else args.threshold, ctx=ctx), settings.enlarge
        )
    return (lambda path, image: estimator(image, boxes(path, image, estimator.aspect))), 0.2


def main() -> None:
    """Parse, build, predict."""
    args = parse_arguments()
    device = parse_device(args.gpus, is_exported(args.resume))
    check_files(boxes=args.boxes, detector=args.detector[1] if args.detector else None)
    output = OutputFolder(args.output or OUTPUT, makes_way=args.output is None, overwrite=args.overwrite)
    paths = [path for folder in args.pictures for path in list_images(folder)]
    net, meta = open_network(args.resume, args.backend, device)
    find, visible = build_finder(args, net, meta, device)
    options = {name: getattr(args, name) for name in HOW}
    asked = [str(path) for path in args.pictures]
    notes = {"model": net.name, "checkpoint": str(args.resume), "pictures": asked, "options": options}
    print(predict_files(find, paths, net.skeleton, output, visible, notes))
    print(f"people.json, people.jpg and pictures/ are in {output}")


if __name__ == "__main__":
    run(main)
