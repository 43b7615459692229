"""Take a network out as ONNX or as an MXNet symbol, checked against the network itself.

python scripts/export.py output/cpm_res50_coco/best.npz --output cpm_res50.onnx
"""

import argparse
from pathlib import Path

from cpm.cli import Parser, parse_index, run
from cpm.inference import stage_from_last
from cpm.models import load_network, read_checkpoint
from cpm.models.exporting.export import export_onnx, export_symbol, symbol_files
from cpm.models.exporting.graph import INPUT
from cpm.outputs import check_output_files

EXPORTERS = {"onnx": export_onnx, "symbol": export_symbol}
FILES = {"onnx": lambda path: (path,), "symbol": symbol_files}


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(__doc__)
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="the network (.npz)")
    parser.add_argument("--format", default="onnx", choices=EXPORTERS, help="what to write (default: %(default)s)")
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="where to: FILE as ONNX, FILE-symbol.json and FILE-0000.params as symbol (required)",
    )
    parser.add_argument(
        "--stage",
        type=parse_index,
        default=0,
        metavar="N",
        help="whose maps to return: 0 is the last stage, 1 the one before, and so on (default: 0)",
    )
    return parser.parse_args()


def main() -> None:
    """Parse, load, export."""
    args = parse_arguments()
    files = FILES[args.format](args.output)
    check_output_files(*files)
    checkpoint = read_checkpoint(args.checkpoint)
    net = load_network(checkpoint)
    stage = stage_from_last(net, args.stage)
    extra = {key: checkpoint.meta[key] for key in ("config", "recipe") if key in checkpoint.meta}
    difference = EXPORTERS[args.format](net, args.output, stage, extra)
    print(f"wrote {' and '.join(map(str, files))}: {net.name}, stage {args.stage}")
    print(f"input: images, {INPUT}; both sides multiples of {net.multiple}")
    outputs = ", ".join(kind.name for kind in net.kinds[stage])
    print(f"outputs: {outputs}, (batch, channels, height / {net.stride}, width / {net.stride})")
    if difference is not None:
        print(f"checked: the largest difference to the network on a random image is {difference:.2g}")


if __name__ == "__main__":
    run(main)
