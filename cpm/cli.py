"""What every script shares: devices by their command-line names, and errors in one line."""

from __future__ import annotations

import argparse
import ast
import logging
import sys
from collections.abc import Iterable
from typing import Any, Callable, NoReturn

import cv2
import mxnet as mx

from .errors import ConfigError, CpmError, DeviceError


def run(main: Callable[[], None]) -> None:
    """Run a script's `main`; what the user can mend becomes one line on stderr and exit status 2.

    That is every :class:`CpmError`, a file that cannot be read or written, and a device that is out of memory.
    """
    cv2.setLogLevel(0)  # of a broken picture it says much in many lines, and an error says the same in one
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        main()
    except CpmError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except mx.MXNetError as error:
        if "out of memory" not in str(error).lower():
            raise
        _fail("the device is out of memory; a smaller --batch-size, or fewer or smaller --scales, may help")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(130)


def _count_gpus() -> int:
    try:
        return int(mx.context.num_gpus())
    except mx.MXNetError:  # the CUDA build without a driver
        return 0


def _fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)  # noqa: T201
    sys.exit(2)


def parse_devices(gpus: str | None) -> list[mx.Context]:
    """Return the devices that ``--gpus`` asks for.

    Parameters
    ----------
    gpus
        Numbers with commas (``"0,1"``); ``""`` or ``"-1"`` is the CPU; None is every GPU there is, else the CPU.

    Raises
    ------
    DeviceError
        If the text is not a list of numbers, or a GPU is not there.
    """
    present = _count_gpus()
    if gpus is None:
        return [mx.gpu(k) for k in range(present)] or [mx.cpu()]
    if gpus.strip() in ("", "-1"):
        return [mx.cpu()]
    try:
        numbers = [int(number) for number in gpus.split(",")]
    except ValueError:
        raise DeviceError(f"--gpus={gpus}: expected numbers with commas such as 0,1, or -1 for the CPU") from None
    if len(set(numbers)) < len(numbers):
        raise DeviceError(f"--gpus={gpus}: a GPU is named twice")
    absent = [number for number in numbers if not 0 <= number < present]
    if absent:
        build = "" if mx.runtime.Features().is_enabled("CUDA") else " (this MXNet is the CPU build)"
        raise DeviceError(
            f"--gpus={gpus}: there is no GPU {absent[0]}, {present} found{build}; --gpus=-1 runs on the CPU"
        )
    return [mx.gpu(number) for number in numbers]


def parse_scales(text: str) -> tuple[float, ...]:
    """Return the numbers of a list with commas.

    Raises
    ------
    argparse.ArgumentTypeError
        If the text is something else.
    """
    try:
        return tuple(float(scale) for scale in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected numbers with commas such as 0.5,1,1.5,2") from None


def parse_size(text: str) -> tuple[int, int]:
    """Return the width and height that ``HEIGHTxWIDTH`` gives.

    Raises
    ------
    argparse.ArgumentTypeError
        If the text is something else.
    """
    height, _, width = text.partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise argparse.ArgumentTypeError(f"{text!r}: expected height and width such as 256x192")
    return int(width), int(height)


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """Return the values that ``--set`` gives by their keys; what is no Python literal is text.

    Raises
    ------
    ConfigError
        If one is not ``key=value``.
    """
    values = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--set {assignment}: expected key=value, e.g. --set train.epochs=3")
        try:
            values[key.strip()] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            values[key.strip()] = text
    return values
