"""Find people in pictures of yours, draw them and write down their joints.

python scripts/predict.py photo.jpg folder/ --resume=output/cpm_res50_coco/best.npz --output=output/people

A network for whole images finds everybody. A top-down network needs a box for each person: by default the whole
picture, else those of --boxes, or those that --detector finds.
"""

import argparse
from pathlib import Path

from cpm.cli import parse_devices, parse_scales, parse_size, run
from cpm.codecs import JOINT_HEATMAPS, RULES, HeatmapCodec, crowd_codec
from cpm.datasets import list_images
from cpm.errors import ConfigError
from cpm.evaluation import choose_box_protocol, choose_protocol
from cpm.inference import (
    BACKENDS,
    BoxEstimator,
    PersonDetector,
    PoseEstimator,
    detected_people,
    given_boxes,
    open_network,
    predict_files,
    whole_image,
)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE", help="files, or folders of them")
    parser.add_argument("--resume", type=Path, required=True, metavar="FILE", help="the network: a checkpoint "
                        "(.npz), or an exported one (.onnx) (required)")  # fmt: skip
    parser.add_argument("--output", type=Path, default=Path("output/predict"), metavar="DIR", help="for "
                        "people.json, pictures/ and the sheet people.jpg (default: %(default)s)")  # fmt: skip
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
    whole.add_argument("--box-size", type=int, metavar="PIXELS", help="(default: that of the recipe, else 368)")
    whole.add_argument("--rules", choices=RULES, default="default", help="how maps are decoded (default: %(default)s)")
    boxes = parser.add_argument_group("top-down networks")
    source = boxes.add_mutually_exclusive_group()
    source.add_argument("--boxes", type=Path, metavar="JSON", help='{"photo.jpg": [[left, top, width, height], ...]}')
    source.add_argument("--detector", nargs=2, metavar=("NAME", "PARAMS"), help="a detector of GluonCV and the file "
                        "with its parameters, e.g. ssd_512_resnet50_v1_coco")  # fmt: skip
    boxes.add_argument("--threshold", type=float, default=0.5, help="of the detector (default: %(default)s)")
    boxes.add_argument("--size", type=parse_size, metavar="HxW", help="of the crops (default: that of the recipe)")
    return parser.parse_args()


def build_finder(args: argparse.Namespace, net, meta, ctx):
    """Return what finds the people in an image, and the score from which on joints are drawn."""
    if net.kinds[-1] != (JOINT_HEATMAPS,):
        if args.boxes or args.detector or args.size:
            raise ConfigError(
                f"{args.resume}: finds everybody in a picture, --boxes, --detector and --size are not for it"
            )
        protocol = choose_protocol(meta, args.resume, flip=args.flip, box_size=args.box_size)
        codec = crowd_codec(net, protocol.sigma, protocol.paf_width, RULES[args.rules])
        estimator = PoseEstimator(net, codec, args.scales or (1.0,), protocol.flip, protocol.box_size, ctx)
        return (lambda path, image: estimator(image)), 0.0
    if args.scales or args.box_size:
        raise ConfigError(f"{args.resume}: takes crops of people, --scales and --box-size are not for it")
    protocol = choose_box_protocol(meta, args.resume, flip=args.flip, size=args.size)
    codec = HeatmapCodec(net.skeleton, net.stride, protocol.sigma, protocol.unbiased)
    estimator = BoxEstimator(net, codec, protocol.size, protocol.flip, ctx)
    boxes = whole_image
    if args.boxes:
        boxes = given_boxes(args.boxes, protocol.enlarge)
    elif args.detector:
        boxes = detected_people(PersonDetector(*args.detector, args.threshold, ctx=ctx), protocol.enlarge)
    return (lambda path, image: estimator(image, boxes(path, image, estimator.aspect))), 0.2


def main() -> None:
    """Parse, build, predict."""
    args = parse_arguments()
    paths = [path for folder in args.pictures for path in list_images(folder)]
    devices = parse_devices("-1" if args.resume.suffix == ".onnx" and args.gpus is None else args.gpus)
    net, meta = open_network(args.resume, args.backend, devices[0])
    find, visible = build_finder(args, net, meta, devices[0])
    notes = {"model": net.name, "checkpoint": str(args.resume)}
    found = predict_files(find, paths, net.skeleton, args.output, visible, notes)
    print(f"{sum(map(len, found))} people in {len(paths)} pictures")
    print(f"people.json, people.jpg and pictures/ are in {args.output}")


if __name__ == "__main__":
    run(main)
