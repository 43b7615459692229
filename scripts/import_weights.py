"""Bring the weights of another framework into a checkpoint.

python scripts/import_weights.py pose_iter_440000.caffemodel --model cpm_vgg19 --output pretrained/openpose_coco.npz
python scripts/evaluate.py --resume=pretrained/openpose_coco.npz
"""

import argparse
from pathlib import Path

from cpm.cli import Parser, parse_assignments, run
from cpm.models import INPUTS, import_trunk, import_weights, list_models, save_network
from cpm.models.registry import check_model


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(__doc__)
    parser.add_argument(
        "source",
        type=Path,
        metavar="SOURCE",
        help="weights of Caffe, PyTorch, safetensors or MXNet, or the .xml of an OpenVINO IR with its .bin beside it; "
        "the content tells which",
    )
    parser.add_argument(
        "--model", required=True, choices=list_models(), metavar="NAME", help="the network, one of %(choices)s"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="NPZ", help="the checkpoint to write")
    parser.add_argument(
        "--input",
        choices=INPUTS,
        metavar="INPUT",
        help="the input that the source wants, one of %(choices)s (default: the one of its publisher)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="an option of the network, e.g. skeleton=MPI_15; may be repeated",
    )
    parser.add_argument(
        "--entry",
        default="",
        metavar="NAME",
        help="which weights to take, if SOURCE has several sets, e.g. state_dict_ema",
    )
    parser.add_argument(
        "--trunk",
        action="store_true",
        help="SOURCE is an ImageNet classifier: keep its trunk, for model.trunk_file of a training",
    )
    return parser.parse_args()


def main() -> None:
    """Parse, import, save."""
    args = parse_arguments()
    options = parse_assignments(args.set)
    skeleton = options.pop("skeleton", None)
    check_model(args.model, options)
    if args.trunk:
        net = import_trunk(args.source, args.model, args.input, args.entry)
    else:
        net = import_weights(args.source, args.model, args.input, entry=args.entry, skeleton=skeleton, **options)
    extra = {"source": {"file": args.source.name}}
    save_network(args.output, net, extra=extra, part="trunk." if args.trunk else "")
    print(f"wrote {args.output}: {net.name}, {net.skeleton.name}, input {net.options['normalisation']}")


if __name__ == "__main__":
    run(main)
