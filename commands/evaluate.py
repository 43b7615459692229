"""Score a network for whole images on COCO keypoints (OKS) or MPII (PCKh), and draw what it finds.

cpm evaluate --checkpoint=output/cpm_res50_coco/best.npz --viz
"""

from __future__ import annotations

import argparse

from ..choices import REFERENCES
from ..cli import parse_count, parse_scales
from ..codecs import REFINEMENTS, RULES
from .evaluation import Evaluation, add_report
from .options import add_data, add_flip, add_machine, add_network, add_sigmas, add_stage


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options."""
    what = parser.add_argument_group("what to evaluate")
    add_network(what)
    what.add_argument("--model", metavar="NAME", help="the network (default: the one that the checkpoint names)")
    add_stage(what)
    named = parser.add_argument_group("by the protocol of a published result")
    named.add_argument("--protocol", metavar="NAME", help="fixes images, scales and flip, e.g. rtpose-1160")
    named.add_argument("--list-protocols", action="store_true", help="list the protocols and stop")
    add_data(parser.add_argument_group("on which images"))
    _add_estimator(parser.add_argument_group("how (default: the test section of the recipe)"))
    add_report(parser)


def _add_estimator(how: argparse._ArgumentGroup) -> None:
    how.add_argument(
        "--scales",
        type=parse_scales,
        metavar="S,S",
        help="average over these sizes of the input, in units of --box-size; without a recipe 0.5,1,1.5,2 with flip at "
        "368 pixels of height",
    )
    add_flip(how)
    how.add_argument("--box-size", type=parse_count, metavar="PIXELS", help="the size of the input at scale 1")
    how.add_argument("--reference", choices=REFERENCES, help="which side of an image has that size")
    add_sigmas(how)
    how.add_argument(
        "--rules",
        choices=RULES,
        default="default",
        help="how maps are decoded: default, or usual, the thresholds and the order published with the network "
        "(default: %(default)s)",
    )
    for kind in REFINEMENTS:
        how.add_argument(
            f"--no-{kind.name}",
            action="store_true",
            help=f"leave the {kind.name} of a network unread that predicts them",
        )
    add_machine(how)


def run(arguments: argparse.Namespace) -> None:
    """Evaluate as the options say, and print the figures."""
    from ..evaluation import Choice, describe_protocols
    from ..inference import stage_from_last
    from ..tasks import bottom_up, top_down

    if arguments.list_protocols:
        print(describe_protocols())
        return
    test = Evaluation(arguments)
    net, meta = test.open_network(arguments.model)
    bottom_up.check_network(net.kinds, test.path, top_down)
    name = _follow_protocol(arguments)
    settings = test.changed(bottom_up.settings(meta, test.path))
    stage = stage_from_last(net, arguments.stage)
    dataset = test.open_data(settings.data, net)
    unread = [kind for kind in REFINEMENTS if getattr(arguments, f"no_{kind.name}")]
    estimator = bottom_up.estimator(net, settings, RULES[arguments.rules], unread, stage)
    choice = Choice(arguments.subset or "people", arguments.limit, arguments.truth)
    notes = {"name": name, "rules": arguments.rules, **{f"no_{kind.name}": True for kind in unread}}
    test.print_figures(estimator, dataset, choice, {**test.notes(net, settings.data), **notes})


def _follow_protocol(arguments: argparse.Namespace) -> str:
    """Put what a named protocol fixes in the place of the options; return what the table calls it."""
    from ..evaluation import apply_protocol

    if arguments.protocol is None:
        return ""
    names = ("dataset", "split", "scales", "flip", "reference", "subset")
    given = {name: getattr(arguments, name) for name in names}
    protocol = apply_protocol(arguments.protocol, given, arguments.limit)
    vars(arguments).update({name: getattr(protocol, name) for name in (*names, "limit")})
    arguments.subset = protocol.images
    return protocol.title
