"""The command `cpm`: its sub-commands by what people do, each in a module that is loaded when it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .. import __version__
from ..cli import Parser, run


@dataclass(frozen=True)
class Command:
    """A sub-command.

    Attributes
    ----------
    name
        As it is typed.
    module
        The module of this room with its ``add_options(parser)`` and ``run(arguments)``; its docstring is the help.
    about
        What it does, in a line of the list of all.
    """

    name: str
    module: str
    about: str

    def parser(self, prog: str | None = None) -> Parser:
        """Return its command line; `prog` is what help calls it, by default the name of the script."""
        module = self._load()
        parser = Parser(module.__doc__ or "", prog)
        module.add_options(parser)
        return parser

    def run(self, argv: Sequence[str], prog: str | None = None) -> None:
        """Read options and do as they say; a mistake ends the process with a line and status 2."""
        arguments = self.parser(prog).parse_args(argv)
        execute: Callable[[Any], None] = self._load().run
        run(lambda: execute(arguments))

    def _load(self) -> Any:
        return import_module(f".{self.module}", __name__)


GROUPS = {
    "train": (
        Command("train", "train", "a network that finds everybody in an image (CPM)"),
        Command("train-topdown", "train_topdown", "a network for the one person in a box"),
        Command("synthetic", "synthetic", "draw the embedded data set of synthetic people"),
        Command("prepare-coco", "prepare_coco", "download, link, unpack and verify COCO"),
        Command("pack", "pack", "put a split into one file, or bring other formats to COCO's form"),
    ),
    "evaluate": (
        Command("evaluate", "evaluate", "score a network for whole images"),
        Command("evaluate-topdown", "evaluate_topdown", "score a network for the one person in a box"),
        Command("score", "score", "score results of anybody against annotations"),
    ),
    "look": (
        Command("predict", "predict", "find people in your pictures, draw and write them down"),
        Command("labels", "labels", "show what a network is asked to learn"),
    ),
    "convert": (
        Command("fetch", "fetch", "get a published network"),
        Command("import", "import_weights", "weights of another framework into a checkpoint"),
        Command("export", "export", "a network as ONNX or as an MXNet symbol"),
        Command("quantize", "quantize", "a network in int8, for CPUs"),
    ),
}
COMMANDS = {command.name: command for group in GROUPS.values() for command in group}


def overview() -> str:
    """Return all sub-commands by what people do, a line each."""
    lines = []
    for group, commands in GROUPS.items():
        lines.append(f"\n{group}:")
        lines += [f"  {command.name:18} {command.about}" for command in commands]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Run `cpm` with the arguments of the process, or others."""
    name, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in COMMANDS:
        COMMANDS[name].run(rest, f"cpm {name}")
        return
    parser = Parser(f"Multi-person 2D pose estimation on MXNet Gluon.\n{overview()}", "cpm")
    parser.usage = "cpm COMMAND [OPTION ...]; cpm COMMAND --help says more"
    parser.add_argument("--version", action="version", version=f"cpm {__version__}")
    parser.add_argument(
        "--completion", choices=("bash", "zsh", "tcsh"), help="print what completes commands in a shell"
    )
    arguments = parser.parse_args([name, *rest])
    run(lambda: print_completion(arguments.completion))


def run_script(name: str) -> None:
    """Run a sub-command as its script does, with the arguments of the process."""
    COMMANDS[name].run(sys.argv[1:])


def print_completion(shell: str) -> None:
    """Print a script for a shell that completes sub-commands and their options."""
    import shtab  # which nothing else needs

    parser = Parser("", "cpm")
    commands = parser.add_subparsers()
    for name, command in COMMANDS.items():
        commands.add_parser(name, parents=[command.parser(f"cpm {name}")], add_help=False)
    print(shtab.complete(parser, shell))
