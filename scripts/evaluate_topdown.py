"""Score a top-down network on the people of COCO (OKS) or MPII (PCKh), and draw what it finds.

python scripts/evaluate_topdown.py --resume=output/pose_resnet50_coco_256x192/best.npz --boxes=truth --viz
"""

import argparse
from pathlib import Path

from cpm.cli import Parser, check_files, parse_count, parse_device, parse_scales, parse_share, parse_size, run
from cpm.codecs import HeatmapCodec
from cpm.datasets import open_dataset
from cpm.evaluation import (
    Choice,
    Report,
    apply_sigmas,
    check_task,
    choose_box_protocol,
    evaluate_dataset,
    output_folder,
)
from cpm.inference import BACKENDS, BoxEstimator, is_exported, open_network


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(__doc__)
    what = parser.add_argument_group("what to evaluate")
    what.add_argument("--resume", type=Path, required=True, metavar="FILE", help="the network: a checkpoint "
                      "(.npz), or an exported one (.onnx), in float or int8 (required)")  # fmt: skip
    data = parser.add_argument_group("on which people")
    data.add_argument("--dataset", choices=("coco", "mpii"), help="(default: that of the recipe)")
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
    net, meta = open_network(args.resume, args.backend, device)
    check_task(net.kinds, args.resume, "topdown")
    given = {
        "dataset": args.dataset,
        "root": args.dataset_root,
        "split": args.split,
        "size": args.size,
        "category": args.category,
        "skip_unlisted": args.skip_unlisted,
    }
    protocol = choose_box_protocol(meta, args.resume, **given, flip=args.flip, unbiased=args.unbiased)
    data = (protocol.dataset, protocol.root, protocol.split)
    dataset = open_dataset(*data, net.skeleton, protocol.category, protocol.skip_unlisted)
    apply_sigmas(net, dataset, args.sigmas)
    codec = HeatmapCodec(net.skeleton, net.stride, protocol.sigma, protocol.unbiased, args.shift)
    estimator = BoxEstimator(net, codec, protocol.size, protocol.flip, device)
    notes = {
        "model": net.name,
        "checkpoint": str(args.resume),
        "backend": args.backend or "default",
        "dataset": str(protocol.root),
        "category": protocol.category or None,
        "skip_unlisted": protocol.skip_unlisted or None,
        "sigmas": args.sigmas,
        "no_shift": not args.shift or None,
    }
    choice = Choice(args.subset, args.limit, args.truth, args.boxes, protocol.enlarge, args.nms)
    report = Report(output, args.viz, notes=notes)
    print(evaluate_dataset(estimator, dataset, choice, report)[1])
    print(f"results in {output}")


if __name__ == "__main__":
    run(main)
