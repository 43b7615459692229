"""Take a network out as ONNX or as an MXNet symbol, checked against the network itself.

cpm export output/cpm_res50_coco/best.npz --output cpm_res50.onnx
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..choices import EXPORTS
from .options import add_source_network, add_stage, source_path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options."""
    add_source_network(parser)
    parser.add_argument("--format", default="onnx", choices=EXPORTS, help="what to write (default: %(default)s)")
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="where to: FILE as ONNX, FILE-symbol.json and FILE-0000.params as symbol (required)",
    )
    add_stage(parser)


def run(arguments: argparse.Namespace) -> None:
    """Export as the options say."""
    from ..inference import stage_from_last
    from ..models import load_network, read_checkpoint
    from ..models.exporting.export import EXPORTERS
    from ..models.exporting.graph import INPUT
    from ..outputs import check_output_files

    export, files_of = EXPORTERS[arguments.format]
    files = files_of(arguments.output)
    check_output_files(*files)
    checkpoint = read_checkpoint(source_path(arguments))
    net = load_network(checkpoint)
    stage = stage_from_last(net, arguments.stage)
    difference = export(net, arguments.output, stage, checkpoint.origin)
    print(f"wrote {' and '.join(map(str, files))}: {net.name}, stage {arguments.stage}")
    print(f"input: images, {INPUT}; both sides multiples of {net.multiple}")
    outputs = ", ".join(kind.name for kind in net.kinds[stage])
    print(f"outputs: {outputs}, (batch, channels, height / {net.stride}, width / {net.stride})")
    if difference is not None:
        print(f"checked: the largest difference to the network on a random image is {difference:.2g}")
