"""Score a top-down network on the people of COCO (OKS) or MPII (PCKh), and draw what it finds.

python scripts/evaluate_topdown.py --resume=output/pose_resnet50_coco_256x192/best.npz --boxes=truth --viz
"""

import argparse
from dataclasses import replace
from pathlib import Path

from cpm.cli import Parser, check_files, parse_count, parse_device, parse_scales, parse_share, parse_size, run
from cpm.configs import load_config
from cpm.evaluation import Choice, Report, apply_sigmas, evaluate_dataset, output_folder
from cpm.inference import BACKENDS, is_exported, open_network
from cpm.tasks import bottom_up, top_down


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(__doc__)
    what = parser.add_argument_group("what to evaluate")
    what.add_argument("--resume", type=Path, required=True, metavar="FILE", help="the network: a checkpoint "
                      "(.npz), or an exported one (.onnx), in float or int8 (required)")  # fmt: skip
    data = parser.add_argument_group("on which people")
    data.add_argument("--dataset", choices=("coco", "mpii"), help="(default: that of the recipe)")
    data.add_argument("--config", metavar="FILE", help="a recipe file of yours that makes the data set of the network "
                      "known: it is run first")  # fmt: skip
    data.add_argument("--dataset-root", metavar="DIR", help="the folder with the annotations and the images "
                      "(default: that of the recipe)")  # fmt: skip
    data.add_argument("--split", help="(default: the one that the recipe validates on)")
    data.add_argument("--boxes", default="truth", metavar="{truth,FILE}", help="COCO: truth, the annotated boxes, or "
                      "FILE, those of a detector as COCO results in JSON (default: %(default)s)")  # fmt: skip
    data.add_argument("--truth", metavar="MAT", help="MPII: the file with true joints and heads "
                      "(default: annot/gt_valid.mat in the folder)")  # fmt: skip
    data.add_argument("--category", metavar="NAME", help="COCO: the category of people by name or id, where it is not "
                      "plain (default: that of the recipe)")  # fmt: skip
    data.add_argument("--skip-unlisted", action="store_true", default=None, help="COCO: leave out annotations of "
                      "images that are not listed")  # fmt: skip
    data.add_argument(
        "--subset",
        default="people",
        metavar="{people,all,FILE}",
        help="COCO: people, images with annotated people; all; FILE, those that a text file lists "
        "(default: %(default)s)",
    )
    data.add_argument("--limit", type=parse_count, metavar="N", help="only the first N of these images, "
                      "or people of MPII")  # fmt: skip
    how = parser.add_argument_group("how")
    how.add_argument("--size", type=parse_size, metavar="HxW", help="of the crops (default for these: the recipe of "
                     "the training, else 256x192 for COCO, 256x256 for MPII)")  # fmt: skip
    how.add_argument("--flip", action=argparse.BooleanOptionalAction, help="average with the mirror image, or do not")
    how.add_argument("--shift", action=argparse.BooleanOptionalAction, default=True, help="move the maps of the mirror "
                     "image by a cell, as networks need that were trained on rounded cells")  # fmt: skip
    how.add_argument("--unbiased", action=argparse.BooleanOptionalAction, help="joints between the cells, or not")
    how.add_argument("--sigmas", type=parse_scales, metavar="S,S", help="COCO: how exactly people agree on the joints, "
                     "one number for all or one for each (default: those of the body)")  # fmt: skip
    how.add_argument("--nms", type=parse_share, metavar="OKS", help="COCO: drop the worse of people more alike than "
                     "that (default: 0.9)")  # fmt: skip
    how.add_argument("--backend", choices=BACKENDS, help="what runs the network (default: mxnet for .npz, "
                     "onnxruntime for .onnx)")  # fmt: skip
    how.add_argument(
        "--gpus", metavar="N", help="number of the GPU; empty or -1 is the CPU (default: the first GPU, else the CPU)"
    )
    output = parser.add_argument_group("output")
    output.add_argument("--output", type=Path, metavar="DIR", help="the folder for results.json and metrics.json "
                        "(default: output/eval/FOLDER-NPZ, by the names of the checkpoint and its folder; with -2, -3, "
                        "... added where it holds results of other options)")  # fmt: skip
    output.add_argument("--overwrite", action="store_true", help="replace results of other options in that folder")
    output.add_argument("--viz", action="store_true", help="write a picture of every image to viz/ in that folder")
    return parser.parse_args()


def main() -> None:
    """Parse, build, evaluate."""
    args = parse_arguments()
    device = parse_device(args.gpus, is_exported(args.resume))
    check_files(boxes=None if args.boxes == "truth" else args.boxes, truth=args.truth)
    check_files(subset=None if args.subset in ("people", "all") else args.subset)
    output = output_folder(args.output, args.resume, args.overwrite)
    if args.config is not None:
        load_config(args.config)
    net, meta = open_network(args.resume, args.backend, device)
    top_down.check_network(net.kinds, args.resume, bottom_up)
    settings = top_down.settings(meta, args.resume)
    data = settings.data.changed(args.dataset, args.dataset_root, args.split, args.category, args.skip_unlisted)
    how = {"size": args.size, "flip": args.flip, "unbiased": args.unbiased}
    settings = replace(settings, data=data, **{name: value for name, value in how.items() if value is not None})
    dataset = data.open(net.skeleton)
    apply_sigmas(net, dataset, args.sigmas)
    estimator = top_down.estimator(net, settings, device, args.shift)
    notes = {
        "model": net.name,
        "checkpoint": str(args.resume),
        "backend": args.backend or "default",
        "dataset": data.root,
        "category": data.category or None,
        "skip_unlisted": data.skip_unlisted or None,
        "sigmas": args.sigmas,
        "no_shift": not args.shift or None,
    }
    choice = Choice(args.subset, args.limit, args.truth, args.boxes, settings.enlarge, args.nms)
    report = Report(output, args.viz, notes=notes)
    print(evaluate_dataset(estimator, dataset, choice, report)[1])
    print(f"results in {output}")


if __name__ == "__main__":
    run(main)
