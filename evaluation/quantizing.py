"""Quantise a network on a folder of pictures, and tell how much it lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..datasets import list_images, read_image
from ..errors import ConfigError, DataError
from ..inference import fit_image
from ..models import Accuracy

_HIGHEST = 8192  # pixels


def spread_images(
    folder: str | Path, count: int, check: int, height: int, multiple: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Read pictures, spread evenly over a folder, as an estimator at scale 1 shows them to a network.

    They are what `cpm.models.quantize_network` asks for.

    Parameters
    ----------
    folder
        The pictures, taken by name.
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
        If the folder holds too few pictures or one cannot be read.
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
    for number, place in enumerate(places):
        image, _ = fit_image(read_image(paths[place]), height, multiple)
        lists[number in to_check].append(image)
    return lists


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
