"""Quantise a network on a folder of pictures, and tell how much it lost."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..datasets import list_images, read_image
from ..errors import ConfigError, DataError
from ..inference import fit_image

if TYPE_CHECKING:
    from ..models import Accuracy

logger = logging.getLogger(__name__)

_HIGHEST = 8192  # pixels


def spread_images(
    folder: str | Path, count: int, check: int, height: int, multiple: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Read pictures, spread evenly over a folder, as an estimator at scale 1 shows them to a network.

    They are what `cpm.models.quantize_network` asks for.

    Parameters
    ----------
    folder
        The pictures, taken by name. Others take the places of those that cannot be read, with a warning.
    count, check
        How many to calibrate on, and how many others to compare the networks on.
    height
        Pixels to which every picture is scaled.
    multiple
        Both sides are padded to multiples of it.

    Returns
    -------
    tuple of lists
        Images (H, W, 3) RGB uint8.

    Raises
    ------
    DataError
        If too few pictures of the folder can be read.
    ConfigError
        If a number is below 1, or the height one that no memory is enough for.
    """
    for name, number in (("count", count), ("check", check), ("height", height)):
        if number < 1:
            raise ConfigError(f"{name}={number}, expected at least 1")
    if height > _HIGHEST:
        raise ConfigError(f"height={height}, expected up to {_HIGHEST} pixels")
    paths = list_images(folder)
    if len(paths) < count + check:
        raise DataError(f"{folder}: {len(paths)} pictures, expected {count} to calibrate on and {check} to compare on")
    places = np.linspace(0, len(paths) - 1, count + check).round().astype(int)
    to_check = set(np.linspace(0, count + check - 1, check + 2).round().astype(int)[1:-1].tolist())
    lists: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    spare = iter(sorted(set(range(len(paths))) - set(places.tolist())))
    problems: list[str] = []
    for number, place in enumerate(places):
        image = _first_readable(paths, chain([place], spare), problems)
        if image is None:
            raise DataError(f"{folder}: too many pictures cannot be read, {len(problems)} of them: {problems[0]}")
        lists[number in to_check].append(fit_image(image, height, multiple)[0])
    if problems:
        what = f"{len(problems)} pictures cannot be read, others take their places"
        logger.warning("%s: %s: %s", folder, what, problems[0])
    return lists


def _first_readable(paths: Sequence[Path], places: Iterable[int], problems: list[str]) -> np.ndarray | None:
    """Return the first picture that can be read, note the problems of those before it; None if none can be."""
    for place in places:
        try:
            return read_image(paths[place])
        except DataError as error:
            problems.append(str(error))
    return None


def accuracy_report(accuracy: Accuracy, worst: int = 5) -> str:
    """Return what the quantisation of a network cost, as lines of text.

    Parameters
    ----------
    accuracy
        What `cpm.models.quantize_network` returned.
    worst
        How many of the maps to name, those that correlate least.
    """
    values = np.array(list(accuracy.correlation.values()))
    least = sorted(accuracy.correlation.items(), key=lambda item: item[1])[:worst]
    times = accuracy.milliseconds
    lines = [
        f"correlation of the maps with those in float: median {np.median(values):.5f}, least {values.min():.5f}",
        "least: " + ", ".join(f"{name} {value:.4f}" for name, value in least),
        *(f"{kind}: relative error {error:.2%}" for kind, error in accuracy.error.items()),
        f"forward pass in onnxruntime: {times['float']:.1f} ms in float, {times['int8']:.1f} ms in int8",
    ]
    return "\n".join(lines)
