"""Make an int8 network for CPUs of a checkpoint, calibrated on your pictures and compared with the original.

python scripts/quantize.py output/cpm_vgg19_coco/best.npz --images data/coco/train2017 --output cpm_int8.onnx
"""

import argparse
from pathlib import Path

from cpm.cli import Parser, parse_count, parse_index, run
from cpm.evaluation import accuracy_report, spread_images
from cpm.files import write_json
from cpm.inference import stage_from_last
from cpm.models import CALIBRATIONS, load_network, quantize_network, read_checkpoint
from cpm.outputs import check_output_files
from cpm.tasks import bottom_up, top_down


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(__doc__)
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="the network (.npz)")
    parser.add_argument(
        "--images", type=Path, required=True, metavar="DIR", help="pictures like those that it is for (required)"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="where to: an .onnx file, and the "
                        "report FILE.json (required)")  # fmt: skip
    parser.add_argument(
        "--calibration",
        default="entropy",
        choices=CALIBRATIONS,
        help="how the range of activations is found: naive takes their smallest and largest values, entropy cuts "
        "where least is lost (default: %(default)s)",
    )
    parser.add_argument("--count", type=parse_count, default=20, metavar="N", help="how many pictures to calibrate "
                        "on, spread over the folder (default: %(default)s)")  # fmt: skip
    parser.add_argument("--check", type=parse_count, default=8, metavar="N", help="how many others to compare "
                        "the networks on (default: %(default)s)")  # fmt: skip
    parser.add_argument("--height", type=parse_count, metavar="PIXELS", help="to which pictures are scaled "
                        "(default: the box size of the recipe, else 368)")  # fmt: skip
    parser.add_argument(
        "--reduce-range",
        action="store_true",
        help="round weights to 7 bits, for processors without VNNI, where sums of 8 bits may overflow",
    )
    parser.add_argument("--float-layers", type=parse_index, metavar="N", help="how many of the first convolutions "
                        "stay in float (default: 3 in networks with depthwise convolutions, else none)")  # fmt: skip
    parser.add_argument(
        "--stage",
        type=parse_index,
        default=0,
        metavar="N",
        help="whose maps to return: 0 is the last stage, 1 the one before, and so on (default: 0)",
    )
    return parser.parse_args()


def main() -> None:
    """Parse, load, quantise."""
    args = parse_arguments()
    check_output_files(args.output)
    report = args.output.with_suffix(".json")
    checkpoint = read_checkpoint(args.checkpoint)
    net = load_network(checkpoint)
    stage = stage_from_last(net, args.stage)
    task = bottom_up if bottom_up.fits(net.kinds) else top_down
    height = args.height or task.input_height(checkpoint.meta, checkpoint.path)
    images, check = spread_images(args.images, args.count, args.check, height, net.multiple)
    extra = {key: checkpoint.meta[key] for key in ("config", "recipe") if key in checkpoint.meta}
    options = {"reduce_range": args.reduce_range, "float_layers": args.float_layers, "stage": stage}
    accuracy = quantize_network(net, args.output, images, check, args.calibration, extra=extra, **options)
    write_json(report, {"checkpoint": str(args.checkpoint), "height": height, **accuracy.as_dict()})
    print(accuracy_report(accuracy))
    print(f"wrote {args.output} and {report}")
    print(f"next: python scripts/{task.evaluated_by} --resume={args.output}")


if __name__ == "__main__":
    run(main)
