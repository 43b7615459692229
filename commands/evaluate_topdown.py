"""Score a top-down network on the people of COCO (OKS) or MPII (PCKh), and draw what it finds.

cpm evaluate-topdown --checkpoint=output/pose_resnet50_coco_256x192/best.npz --boxes=truth --viz
"""

from __future__ import annotations

import argparse

from ..cli import check_files, parse_share, parse_size
from .evaluation import Evaluation, add_report
from .options import add_data, add_flip, add_machine, add_network, add_sigmas


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options."""
    add_network(parser.add_argument_group("what to evaluate"))
    data = parser.add_argument_group("on which people")
    add_data(data)
    data.add_argument(
        "--boxes",
        default="truth",
        metavar="{truth,FILE}",
        help="COCO: truth, the annotated boxes, or FILE, those of a detector as COCO results in JSON (default: "
        "%(default)s)",
    )
    _add_estimator(parser.add_argument_group("how (default: as the recipe says)"))
    add_report(parser)


def _add_estimator(how: argparse._ArgumentGroup) -> None:
    how.add_argument(
        "--size",
        type=parse_size,
        metavar="HxW",
        help="of the crops; without a recipe 256x192 for COCO, 256x256 for MPII",
    )
    add_flip(how)
    how.add_argument(
        "--shift",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="move the maps of the mirror image by a cell, as networks need that were trained on rounded cells",
    )
    how.add_argument("--unbiased", action=argparse.BooleanOptionalAction, help="joints between the cells, or not")
    add_sigmas(how)
    how.add_argument(
        "--nms",
        type=parse_share,
        metavar="OKS",
        help="COCO: drop the worse of people more alike than that (default: 0.9)",
    )
    add_machine(how)


def run(arguments: argparse.Namespace) -> None:
    """Evaluate as the options say, and print the figures."""
    from ..evaluation import Choice
    from ..tasks import bottom_up, top_down

    check_files(boxes=None if arguments.boxes == "truth" else arguments.boxes)
    test = Evaluation(arguments)
    net, meta = test.open_network()
    top_down.check_network(net.kinds, test.path, bottom_up)
    settings = test.changed(top_down.settings(meta, test.path))
    dataset = test.open_data(settings.data, net)
    estimator = top_down.estimator(net, settings, arguments.shift)
    choice = Choice(
        arguments.subset or "people",
        arguments.limit,
        arguments.truth,
        arguments.boxes,
        settings.enlarge,
        arguments.nms,
    )
    notes = {**test.notes(net, settings.data), "no_shift": not arguments.shift or None}
    test.print_figures(estimator, dataset, choice, notes)
