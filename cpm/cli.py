"""What every command shares: options as they are typed, and errors in one line."""

from __future__ import annotations

import argparse
import ast
import io
import logging
import math
import os
import re
import sys
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Callable, NoReturn

from .errors import ConfigError, CpmError, DataError, one_line, quote

_LONGEST = 2000  # characters of a message
_LONGEST_WORD = 100  # of what argparse quotes
_LONGEST_PATH = 300
_LARGEST = 2**31 - 1
_LONGEST_VALUE = 10_000  # characters of a value of --set


class Parser(argparse.ArgumentParser):
    """A command line whose mistakes are told as `run` tells them.

    Parameters
    ----------
    description
        What the command does, printed as it is.
    prog
        What help calls it, by default the name of the script.
    """

    def __init__(self, description: str, prog: str | None = None) -> None:
        super().__init__(prog, description=description, formatter_class=argparse.RawDescriptionHelpFormatter)

    def error(self, message: str) -> NoReturn:
        """Print the mistake in one line and exit with status 2."""
        _fail(f"{_cut_words(message, _LONGEST_WORD)}; --help lists the options")


def run(main: Callable[[], None]) -> None:
    """Run what a command does; what the user can mend becomes one line on stderr and exit status 2.

    That is every :class:`CpmError`, a file that cannot be read or written, and a machine or device that is out of
    memory.
    """
    # OpenCV, which is not loaded yet, says much of a broken picture in many lines, and an error says the same in one.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be text
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        main()
        sys.stdout.flush()
    except CpmError as error:
        _fail(str(error))
    except BrokenPipeError:  # as behind `| head`: whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes at exit
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except MemoryError:
        _fail("out of memory; fewer or smaller pictures, --scales or batches may help")
    except RuntimeError as error:  # of MXNet, which need not be loaded
        if "out of memory" not in str(error).lower():
            raise
        _fail("the device is out of memory; a smaller --batch-size, or fewer or smaller --scales, may help")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(130)


def _fail(message: str) -> NoReturn:
    line = one_line(_cut_words(message, _LONGEST_PATH), _LONGEST)
    print(f"error: {line}", file=sys.stderr)  # noqa: T201
    sys.exit(2)


def _cut_words(text: str, longest: int) -> str:
    return re.sub(rf"(\S{{{longest - 1}}})\S{{2,}}", r"\1…", text)


def check_files(**files: str | Path | None) -> None:
    """Make sure that files which options name are there, before anything that takes time.

    Parameters
    ----------
    **files
        By the name of the option; None is none.

    Raises
    ------
    DataError
        If one is missing or is a folder.
    """
    for option, path in files.items():
        if path is None or Path(path).is_file():
            continue
        found = "a folder, expected a file" if Path(path).is_dir() else "no such file"
        raise DataError(f"--{option}={path}: {found}")


def parse_count(text: str) -> int:
    """Return a whole number from 1 on.

    Raises
    ------
    argparse.ArgumentTypeError
        If the text is something else.
    """
    return _parse_number(text, 1, "a whole number from 1 on")


def parse_index(text: str) -> int:
    """Return a whole number from 0 on; errors as of `parse_count`."""
    return _parse_number(text, 0, "a whole number from 0 on")


def parse_share(text: str) -> float:
    """Return a number from 0 to 1.

    Raises
    ------
    argparse.ArgumentTypeError
        If the text is something else.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{quote(text)}: expected a number from 0 to 1")
    return value


def _parse_number(text: str, least: int, expected: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else -1
    if not least <= value <= _LARGEST:
        raise argparse.ArgumentTypeError(f"{quote(text)}: expected {expected}")
    return value


def parse_scales(text: str) -> tuple[float, ...]:
    """Return the positive numbers of a list with commas.

    Raises
    ------
    argparse.ArgumentTypeError
        If the text is something else.
    """
    try:
        scales = tuple(float(scale) for scale in text.split(","))
    except ValueError:
        scales = ()
    if not scales or not all(0 < scale < math.inf for scale in scales):
        raise argparse.ArgumentTypeError(f"{quote(text)}: expected positive numbers with commas such as 0.5,1,1.5,2")
    return scales


def parse_size(text: str) -> tuple[int, int]:
    """Return the height and width that ``HEIGHTxWIDTH`` gives.

    Raises
    ------
    argparse.ArgumentTypeError
        If the text is something else.
    """
    height, _, width = text.partition("x")
    try:
        return parse_count(height), parse_count(width)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{quote(text)}: expected height and width such as 256x192") from None


def as_assignments(values: Mapping[str, Any]) -> list[str]:
    """Return ``key=value`` for each of the values that is not None, as ``--set`` takes them."""
    return [f"{key}={value!r}" for key, value in values.items() if value is not None]


def parse_assignments(assignments: Iterable[str], option: str = "--set") -> dict[str, Any]:
    """Return the values that an option gives by their keys; what is no Python literal is text.

    Raises
    ------
    ConfigError
        If one is not ``key=value``.
    """
    values = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        key = key.strip()
        if not (equals and key):
            raise ConfigError(f"{option} {quote(assignment)}: expected key=value, e.g. {option} train.epochs=3")
        if len(text) > _LONGEST_VALUE:
            raise ConfigError(
                f"{option} {quote(key)}: a value of {len(text)} characters, expected up to {_LONGEST_VALUE}"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of backslashes in what may be text
                values[key] = ast.literal_eval(text.strip())
        except (MemoryError, RecursionError, SyntaxError, TypeError, ValueError):
            values[key] = text
    return values
