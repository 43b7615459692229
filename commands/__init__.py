"""The command `cpm`: its sub-commands by what people do, each in a module that is loaded when it is asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from .. import __version__
from .._compat import pip_install
from ..cli import Parser, run
from ..errors import PackageError, quote, reason


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
        run(lambda: self._execute(argv, prog))

    def _execute(self, argv: Sequence[str], prog: str | None) -> None:
        arguments = self.parser(prog).parse_args(argv)
        self._load().run(arguments)

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
    parser = front_parser()
    if not name.startswith("-"):
        alike = get_close_matches(name, COMMANDS, n=1)
        parser.error(f"no command {quote(name)}" + (f", did you mean {alike[0]}?" if alike else ""))
    arguments = parser.parse_args([name, *rest])
    run(lambda: print_completion(arguments.completion))


def front_parser() -> Parser:
    """Return the command line of `cpm` without a sub-command."""
    parser = Parser(f"Multi-person 2D pose estimation on MXNet Gluon.\n{overview()}", "cpm")
    parser.usage = "cpm COMMAND [OPTION ...]; cpm COMMAND --help says more"
    parser.add_argument("--version", action="version", version=f"cpm {__version__}")
    parser.add_argument(
        "--completion", choices=("bash", "zsh", "tcsh"), help="print what completes commands in a shell"
    )
    return parser


def run_script(name: str) -> None:
    """Run a sub-command as its script does, with the arguments of the process."""
    COMMANDS[name].run(sys.argv[1:])


def print_completion(shell: str) -> None:
    """Print a script for a shell that completes sub-commands and their options.

    Raises
    ------
    PackageError
        If shtab, which writes it, is not installed.
    """
    try:
        import shtab
    except ImportError as error:
        raise PackageError(f"{reason(error)}; try: {pip_install('shtab')}") from None
    parser = front_parser()
    commands = parser.add_subparsers(parser_class=argparse.ArgumentParser)
    for name, command in COMMANDS.items():
        options = command.parser(f"cpm {name}")
        for action in options._actions:
            if action.nargs != 0 and action.choices is None:  # most of what is typed freely are places
                action.complete = shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE  # type: ignore[attr-defined]
        commands.add_parser(name, parents=[options], add_help=False, help=command.about)
    print(shtab.complete(parser, shell))
