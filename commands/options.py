"""Options that several commands have, under one name and with one meaning."""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from ..choices import BACKENDS
from ..cli import parse_count, parse_index, parse_scales
from ..errors import ConfigError

_Settings = TypeVar("_Settings")


def add_network(parser: argparse._ActionsContainer) -> None:
    """Add which network is meant."""
    parser.add_argument(
        "--checkpoint",
        "--resume",
        metavar="FILE",
        help="the network: a checkpoint (.npz), an exported one (.onnx), in float or int8, or the name of a published "
        "one, see cpm fetch --list (required)",
    )


def add_source_network(parser: argparse._ActionsContainer) -> None:
    """Add which checkpoint is to be converted, by its place or as an option."""
    parser.add_argument(
        "source", nargs="?", metavar="CHECKPOINT", help="the network (.npz), or the name of a published one"
    )
    parser.add_argument("--checkpoint", "--resume", metavar="CHECKPOINT", help="the same as an option")


def network_path(given: str | None) -> Path:
    """Return the file of a network that a command line names, which is downloaded if it is that of a published one.

    Raises
    ------
    ConfigError
        If none is named.
    CheckpointError
        If it cannot be downloaded.
    """
    if given is None:
        raise ConfigError("which network? --checkpoint=FILE, or a name of cpm fetch --list")
    from ..models.published.find import find_network

    return find_network(given)


def source_path(arguments: argparse.Namespace) -> Path:
    """Return the file of the network that is to be converted; errors as of `network_path`.

    Raises
    ------
    ConfigError
        Also if two are named.
    """
    if arguments.source is not None and arguments.checkpoint is not None:
        raise ConfigError(f"--checkpoint={arguments.checkpoint}: {arguments.source} is named already; leave out one")
    return network_path(arguments.source or arguments.checkpoint)


def add_recipe(parser: argparse._ActionsContainer) -> None:
    """Add which recipe, and what is changed of it."""
    parser.add_argument(
        "--config", metavar="RECIPE", help="a recipe by name, see cpm train --list, or a file of yours that ends in .py"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a value of the recipe, e.g. --set train.log_every=10; may be given many times",
    )


def add_data(parser: argparse._ActionsContainer) -> None:
    """Add which data a network is scored on, where it is not that of its recipe."""
    parser.add_argument(
        "--dataset", choices=("coco", "mpii"), help="the layout of the data (default: that of the recipe)"
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="a recipe file of yours that makes the data set of the network known: it is run first",
    )
    add_place(parser)
    parser.add_argument("--split", metavar="NAME", help="which split (default: the one that the recipe validates on)")
    add_category(parser)
    parser.add_argument(
        "--subset",
        default=None,
        metavar="{people,all,FILE}",
        help="COCO: people, images with annotated people; all, every image; FILE, those that a text file lists, one "
        "per line as id, file name, or the columns index, id, file name, height, width (default: people)",
    )
    parser.add_argument(
        "--limit",
        type=parse_count,
        metavar="N",
        help="only the first N of these images, or people of MPII (default: all of them)",
    )
    parser.add_argument(
        "--truth",
        metavar="MAT",
        help="MPII: the file with true joints and heads (default: annot/gt_valid.mat in the folder)",
    )


def add_place(parser: argparse._ActionsContainer) -> None:
    """Add where data are."""
    parser.add_argument(
        "--dataset-root",
        metavar="DIR",
        help="the folder with the annotations and the images (default: that of the recipe, data/coco or data/mpii)",
    )


def add_category(parser: argparse._ActionsContainer) -> None:
    """Add how annotations are read that are not plain."""
    parser.add_argument(
        "--category",
        metavar="NAME",
        help="COCO: the category of people by name or id, where it is not plain (default: that of the recipe)",
    )
    parser.add_argument(
        "--skip-unlisted",
        action="store_true",
        default=None,
        help="COCO: leave out annotations of images that are not listed",
    )


def add_flip(parser: argparse._ActionsContainer) -> None:
    """Add whether mirror images are looked at too."""
    parser.add_argument(
        "--flip",
        action=argparse.BooleanOptionalAction,
        help="average with the mirror image, or do not (default: as the recipe says)",
    )


def add_sigmas(parser: argparse._ActionsContainer) -> None:
    """Add what the similarity of poses takes for a large error."""
    parser.add_argument(
        "--sigmas",
        type=parse_scales,
        metavar="S,S",
        help="COCO: how exactly people agree on the joints, one number for all or one for each (default: those of the "
        "body)",
    )


def add_machine(parser: argparse._ActionsContainer) -> None:
    """Add what a network runs on."""
    parser.add_argument(
        "--backend",
        choices=BACKENDS,
        help="what runs the network (default: mxnet for .npz, onnxruntime for .onnx)",
    )
    parser.add_argument(
        "--gpus",
        metavar="N",
        help="number of the GPU; empty or -1 is the CPU (default: the first GPU, else the CPU)",
    )


def add_stage(parser: argparse._ActionsContainer) -> None:
    """Add which stage of a network is meant."""
    parser.add_argument(
        "--stage",
        type=parse_index,
        default=0,
        metavar="N",
        help="whose maps to use: 0 is the last stage, 1 the one before, and so on (default: 0)",
    )


def add_output_folder(parser: argparse._ActionsContainer, holds: str, default: str) -> None:
    """Add the folder for what a command leaves behind.

    Parameters
    ----------
    parser
        Takes the options.
    holds
        What is in it, in words.
    default
        The folder, in words.
    """
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help=f"the folder for {holds} (default: {default}; with -2, -3, ... added where it holds results of other "
        "options)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace results of other options in that folder")


def changed(settings: _Settings, arguments: argparse.Namespace, **more: Any) -> _Settings:
    """Return settings (a dataclass) with the options of the same names in place of them, where they are given.

    Parameters
    ----------
    settings
        As the recipe says.
    arguments
        The options; None where one is not given.
    **more
        Other values, None likewise.
    """
    names = {field.name for field in fields(settings)}  # type: ignore[arg-type]
    given = {**{name: getattr(arguments, name, None) for name in names}, **more}
    return replace(settings, **{name: value for name, value in given.items() if value is not None})  # type: ignore[type-var]
