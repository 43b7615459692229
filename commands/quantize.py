"""Make an int8 network for CPUs of a checkpoint, calibrated on your pictures and compared with the original.

cpm quantize output/cpm_vgg19_coco/best.npz --images data/coco/train2017 --output cpm_int8.onnx
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..choices import CALIBRATIONS
from ..cli import parse_count, parse_index
from .options import add_source_network, add_stage, source_path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options."""
    add_source_network(parser)
    parser.add_argument(
        "--images", type=Path, required=True, metavar="DIR", help="pictures like those that it is for (required)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="where to: an .onnx file, and the report FILE.json (required)",
    )
    parser.add_argument(
        "--calibration",
        default="entropy",
        choices=CALIBRATIONS,
        help="how the range of activations is found: naive takes their smallest and largest values, entropy cuts where "
        "least is lost (default: %(default)s)",
    )
    parser.add_argument(
        "--count",
        type=parse_count,
        default=20,
        metavar="N",
        help="how many pictures to calibrate on, spread over the folder (default: %(default)s)",
    )
    parser.add_argument(
        "--check",
        type=parse_count,
        default=8,
        metavar="N",
        help="how many others to compare the networks on (default: %(default)s)",
    )
    parser.add_argument(
        "--box-size",
        "--height",
        dest="height",
        type=parse_count,
        metavar="PIXELS",
        help="the height that pictures are scaled to (default: the box size of the recipe, else 368)",
    )
    parser.add_argument(
        "--reduce-range",
        action="store_true",
        help="round weights to 7 bits, for processors without VNNI, where sums of 8 bits may overflow",
    )
    parser.add_argument(
        "--float-layers",
        type=parse_index,
        metavar="N",
        help="how many of the first convolutions stay in float (default: 3 in networks with depthwise convolutions, "
        "else none)",
    )
    add_stage(parser)


def run(arguments: argparse.Namespace) -> None:
    """Quantise as the options say."""
    from ..evaluation import accuracy_report, spread_images
    from ..files import write_json
    from ..inference import stage_from_last
    from ..models import load_network, quantize_network, read_checkpoint
    from ..outputs import check_output_files
    from ..tasks import task_of

    check_output_files(arguments.output)
    checkpoint = read_checkpoint(source_path(arguments))
    net = load_network(checkpoint)
    task = task_of(net.kinds)
    height = arguments.height or task.input_height(checkpoint.meta, checkpoint.path)
    images, check = spread_images(arguments.images, arguments.count, arguments.check, height, net.multiple)
    accuracy = quantize_network(
        net,
        arguments.output,
        images,
        check,
        arguments.calibration,
        reduce_range=arguments.reduce_range,
        float_layers=arguments.float_layers,
        stage=stage_from_last(net, arguments.stage),
        extra=checkpoint.origin,
    )
    report = arguments.output.with_suffix(".json")
    write_json(report, {"checkpoint": str(checkpoint.path), "height": height, **accuracy.as_dict()})
    print(accuracy_report(accuracy))
    print(f"wrote {arguments.output} and {report}")
    print(f"next: cpm {task.evaluated_by} --checkpoint={arguments.output}")
