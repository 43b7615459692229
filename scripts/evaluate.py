"""Score a network on COCO keypoints, and draw what it finds.

python scripts/evaluate.py --resume=output/cpm_res50_coco/best.npz --viz
"""

import argparse
from dataclasses import replace
from pathlib import Path

from cpm.cli import Parser, check_files, parse_count, parse_device, parse_index, parse_scales, run
from cpm.codecs import RULES
from cpm.configs import load_config
from cpm.errors import ConfigError
from cpm.evaluation import (
    Choice,
    Report,
    apply_protocol,
    apply_sigmas,
    describe_protocols,
    evaluate_dataset,
    output_folder,
)
from cpm.inference import BACKENDS, REFERENCES, is_exported, open_network, stage_from_last
from cpm.tasks import bottom_up, top_down


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(__doc__)
    what = parser.add_argument_group("what to evaluate")
    what.add_argument("--resume", type=Path, metavar="FILE", help="the network: a checkpoint (.npz), or an exported "
                      "one (.onnx), in float or int8 (required)")  # fmt: skip
    what.add_argument("--model", metavar="NAME", help="the network (default: the one that the checkpoint names)")
    what.add_argument("--stage", type=parse_index, default=0, metavar="N", help="whose maps to use: 0 is the last "
                      "stage, 1 the one before, and so on (default: 0)")  # fmt: skip
    add_data_options(parser)
    add_estimator_options(parser)
    output = parser.add_argument_group("output")
    output.add_argument("--output", type=Path, metavar="DIR", help="the folder for results.json and metrics.json "
                        "(default: output/eval/FOLDER-NPZ, by the names of the checkpoint and its folder; with -2, -3, "
                        "... added where it holds results of other options)")  # fmt: skip
    output.add_argument("--overwrite", action="store_true", help="replace results of other options in that folder")
    output.add_argument("--viz", action="store_true", help="write skeletons, heatmaps and PAFs of every image to viz/ "
                        "in that folder")  # fmt: skip
    output.add_argument("--show", action="store_true", help="show the same pictures in a window: any key for the next, "
                        "q to show no more")  # fmt: skip
    return parser.parse_args()


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which images."""
    named = parser.add_argument_group("by the protocol of a published result")
    named.add_argument("--protocol", metavar="NAME", help="fixes images, scales and flip, e.g. rtpose-1160")
    named.add_argument("--list-protocols", action="store_true", help="list the protocols and stop")
    data = parser.add_argument_group("on which images")
    data.add_argument("--dataset", choices=("coco", "mpii"), help="(default: that of the recipe)")
    data.add_argument("--config", metavar="FILE", help="a recipe file of yours that makes the data set of the network "
                      "known: it is run first")  # fmt: skip
    data.add_argument("--dataset-root", metavar="DIR", help="the folder with the annotations and the images "
                      "(default: that of the training recipe, else data/coco)")  # fmt: skip
    data.add_argument("--split", help="COCO: DIR/SPLIT and annotations/person_keypoints_SPLIT.json "
                      "(default: the one that the recipe validates on)")  # fmt: skip
    data.add_argument("--category", metavar="NAME", help="COCO: the category of people by name or id, where it is not "
                      "plain (default: that of the recipe)")  # fmt: skip
    data.add_argument("--skip-unlisted", action="store_true", default=None, help="COCO: leave out annotations of "
                      "images that are not listed")  # fmt: skip
    data.add_argument("--subset", metavar="{people,all,FILE}", help="people: images with annotated people; all: every "
                      "image; FILE: those of a text file, one per line as id, file name, or the columns index, id, "
                      "file name, height, width (default: people)")  # fmt: skip
    data.add_argument("--limit", type=parse_count, metavar="N", help="only the first N of these images, or people of "
                      "MPII (default: all of them)")  # fmt: skip
    data.add_argument("--truth", metavar="MAT", help="MPII: the file with true joints and heads "
                      "(default: annot/gt_valid.mat in the folder)")  # fmt: skip


def add_estimator_options(parser: argparse.ArgumentParser) -> None:
    """Add what says how people are found."""
    how = parser.add_argument_group("how")
    how.add_argument("--scales", type=parse_scales, metavar="S,S", help="average over these sizes of the input, in "
                     "units of --box-size (default for these four: the test section of the training recipe, else "
                     "0.5,1,1.5,2 with flip at 368 pixels of height)")  # fmt: skip
    how.add_argument("--flip", action=argparse.BooleanOptionalAction, help="average with the mirror image, or do not")
    how.add_argument("--box-size", type=parse_count, metavar="PIXELS", help="the size of the input at scale 1")
    how.add_argument("--reference", choices=REFERENCES, help="which side of an image has that size")
    how.add_argument("--sigmas", type=parse_scales, metavar="S,S", help="COCO: how exactly people agree on the joints, "
                     "one number for all or one for each (default: those of the body)")  # fmt: skip
    how.add_argument("--rules", choices=RULES, default="default", help="how maps are decoded: default, or usual, the "
                     "thresholds and the order published with the network (default: %(default)s)")  # fmt: skip
    how.add_argument(
        "--no-offsets", action="store_true", help="leave the offsets of a network unread that predicts them"
    )
    how.add_argument("--backend", choices=BACKENDS, help="what runs the network (default: mxnet for .npz, onnxruntime "
                     "for .onnx)")  # fmt: skip
    how.add_argument("--gpus", metavar="N", help="number of the GPU; empty or -1 is the CPU (default: the first GPU, "
                     "else the CPU)")  # fmt: skip


def main() -> None:
    """Parse, build, evaluate."""
    args = parse_arguments()
    if args.list_protocols:
        print(describe_protocols())
        return
    if args.resume is None:
        raise ConfigError("--resume is missing: which network is to be evaluated?")
    device = parse_device(args.gpus, is_exported(args.resume))
    check_files(truth=args.truth, subset=None if args.subset in ("people", "all") else args.subset)
    output = output_folder(args.output, args.resume, args.overwrite)
    if args.config is not None:
        load_config(args.config)
    net, meta = open_network(args.resume, args.backend, device, args.model)
    bottom_up.check_network(net.kinds, args.resume, top_down)
    names = ("dataset", "split", "scales", "flip", "reference")
    given = {name: getattr(args, name) for name in names}
    subset, limit = args.subset, args.limit
    if args.protocol is not None:
        fixed = apply_protocol(args.protocol, {**given, "subset": subset, "limit": limit})
        given = {name: getattr(fixed, name) for name in names}
        subset, limit = fixed.images, fixed.limit
    settings = bottom_up.settings(meta, args.resume)
    data = settings.data.changed(given["dataset"], args.dataset_root, given["split"], args.category, args.skip_unlisted)
    how = {name: given[name] for name in ("scales", "flip", "reference")} | {"box_size": args.box_size}
    settings = replace(settings, data=data, **{name: value for name, value in how.items() if value is not None})
    stage = stage_from_last(net, args.stage)
    dataset = data.open(net.skeleton)
    apply_sigmas(net, dataset, args.sigmas)
    rules = RULES[args.rules]
    estimator = bottom_up.estimator(net, settings, device, rules, offsets=not args.no_offsets, stage=stage)
    notes = {
        "dataset": data.root,
        "category": data.category or None,
        "skip_unlisted": data.skip_unlisted or None,
        "name": args.protocol or "",
        "rules": args.rules,
        "model": net.name,
        "checkpoint": str(args.resume),
        "backend": args.backend or "default",
        "device": str(device),
        "sigmas": args.sigmas,
        "no_offsets": args.no_offsets or None,
    }
    choice = Choice(subset or "people", limit, args.truth)
    report = Report(output, args.viz, args.show, notes=notes)
    print(evaluate_dataset(estimator, dataset, choice, report)[1])
    print(f"results in {output}")


if __name__ == "__main__":
    run(main)
