"""Bring the weights of another framework into a checkpoint.

cpm import pose_iter_440000.caffemodel --model cpm_vgg19 --output pretrained/openpose_coco.npz
cpm evaluate --checkpoint=pretrained/openpose_coco.npz
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..cli import parse_assignments
from ..errors import ConfigError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options."""
    parser.add_argument(
        "source",
        type=Path,
        nargs="?",
        metavar="SOURCE",
        help="weights of Caffe, PyTorch, safetensors or MXNet, or the .xml of an OpenVINO IR with its .bin beside it; "
        "the content tells which",
    )
    parser.add_argument("--list", action="store_true", help="list the networks and the inputs, and stop")
    parser.add_argument("--model", metavar="NAME", help="the network, see --list (required)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the checkpoint to write (required)")
    parser.add_argument(
        "--input",
        metavar="NAME",
        help="the input that the source wants, see --list (default: the one of its publisher)",
    )
    parser.add_argument(
        "--option",
        "--set",
        dest="options",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the network, e.g. skeleton=MPI_15; may be given many times",
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


def run(arguments: argparse.Namespace) -> None:
    """Import as the options say."""
    from ..models import INPUTS, check_model, import_trunk, import_weights, list_models, save_network
    from ..tables import format_table

    if arguments.list:
        print(format_table([("networks", ", ".join(list_models())), ("inputs", ", ".join(INPUTS))]))
        return
    for name in ("source", "model", "output"):
        if getattr(arguments, name) is None:
            raise ConfigError(f"{'SOURCE' if name == 'source' else f'--{name}'} is missing; --help lists the options")
    options = parse_assignments(arguments.options, "--option")
    skeleton = options.pop("skeleton", None)
    check_model(arguments.model, options)
    if arguments.trunk:
        net = import_trunk(arguments.source, arguments.model, arguments.input, arguments.entry)
    else:
        net = import_weights(
            arguments.source,
            arguments.model,
            arguments.input,
            entry=arguments.entry,
            skeleton=skeleton,
            **options,
        )
    extra = {"source": {"file": arguments.source.name}}
    save_network(arguments.output, net, extra=extra, part="trunk." if arguments.trunk else "")
    print(f"wrote {arguments.output}: {net.name}, {net.skeleton.name}, input {net.options['normalisation']}")
