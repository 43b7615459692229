"""Pictures of labels as files: which samples, how large, and by which recipe."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from easydict import EasyDict
from tqdm import tqdm

from ..configs import TASKS, load_config, override, to_json
from ..datasets import SampleSet
from ..draw import captioned, contact_sheet, save_image
from ..errors import ConfigError
from ..files import write_json
from ..outputs import Contents, OutputFolder
from .label_panels import label_panels, label_picture, read_sample

LABELS = Contents("labels.json", ("labels.png", "labels-[0-9]*.png"))

_MOST_ROWS = 200  # of a sheet
_HEIGHTS = (64, 4096)  # pixels of a crop in a picture


def choose_label_recipe(
    source: str | None, dataset: str | None, changes: Sequence[str], root: str | None = None, seed: int | None = None
) -> EasyDict:
    """Return the recipe whose labels are to be seen.

    Parameters
    ----------
    source
        A recipe by name or path; by default the one for the CPM on VGG19 and the data set.
    dataset
        "coco" or "mpii"; by default that of the recipe, or coco.
    changes
        Overrides such as ``labels.sigma=10``.
    root, seed
        Of the data, and of all that is random; by default those of the recipe.

    Raises
    ------
    ConfigError
        If the recipe or a key is unknown or a value makes no sense.
    """
    config = load_config(source or f"cpm_vgg19_{dataset or 'coco'}")
    given = {"data.dataset": dataset, "data.root": root, "train.seed": seed}
    own = [f"{key}={value!r}" for key, value in given.items() if value is not None]
    override(config, [*changes, *own])
    return config


def choose_samples(count: int, indices: Sequence[int] | None, sheet: int | None) -> list[int]:
    """Return which of `count` samples to look at: the given ones, or `sheet` that are spread over all, or the first.

    Raises
    ------
    ConfigError
        If there is no such sample, or both are given.
    """
    if sheet is not None:
        if indices:
            raise ConfigError("--index and --sheet exclude each other: a sheet takes samples from the whole set")
        if sheet < 1:
            raise ConfigError(f"--sheet={sheet}: expected at least 1 sample")
        if sheet > _MOST_ROWS:
            raise ConfigError(f"--sheet={sheet}: expected up to {_MOST_ROWS} samples")
        number = min(sheet, count)
        return [k * count // number for k in range(number)]
    for index in indices or [0]:
        if not 0 <= index < count:
            raise ConfigError(f"--index={index}: the samples are numbered from 0 to {count - 1}")
    return list(indices or [0])


def choose_height(height: int | None, sheet: int | None) -> int:
    """Return the height of the crops in pixels: the given one, or what suits pictures of one sample or a sheet.

    Raises
    ------
    ConfigError
        If it is too low to see anything or too high to handle.
    """
    if height is None:
        return 420 if sheet else 640
    low, high = _HEIGHTS
    if not low <= height <= high:
        raise ConfigError(f"--height={height}: expected at least {low} and up to {high} pixels")
    return height


def label_pictures(
    samples: SampleSet, epoch: int, indices: Sequence[int], height: int = 640, sheet: bool = False
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield a file name and the picture of each of these samples, or of all of them on a sheet.

    Parameters
    ----------
    samples
        What to look at.
    epoch
        It draws other crops in each.
    indices
        Which samples.
    height
        Of the crops in the pictures, in pixels.
    sheet
        Whether to yield one sheet of all, see :func:`label_sheet`.
    """
    if sheet:
        yield "labels.png", label_sheet(samples, epoch, indices, height, progress=True)
        return
    for index in indices:
        yield f"labels-{index:06d}.png", label_picture(read_sample(samples, epoch, index), height)


def label_sheet(
    samples: SampleSet, epoch: int, indices: Sequence[int], height: int = 420, progress: bool = False
) -> np.ndarray:
    """Return one picture of many samples, a row for each; parameters as of :func:`label_pictures`."""
    rows = []
    for index in tqdm(indices, desc="labels", disable=not progress or len(indices) < 2, leave=False):
        labelled = read_sample(samples, epoch, index)
        panels = label_panels(labelled, height)
        rows.append(captioned(contact_sheet(panels, columns=len(panels), gap=10), labelled.title, bold=True))
    return contact_sheet(rows, columns=1, gap=14)


def write_labels(
    pictures: Iterable[tuple[str, np.ndarray]], output: OutputFolder, config: EasyDict, how: Mapping[str, Any]
) -> list[Path]:
    """Write pictures by their names, and ``labels.json``, which says by which recipe and how; return their paths.

    Parameters
    ----------
    pictures
        Names and (H, W, 3) RGB uint8.
    output
        For pictures made in this way.
    config
        The recipe.
    how
        What else decides about the pictures, fit for JSON.

    Raises
    ------
    ConfigError
        If the folder holds labels of other options.
    """
    sections = json.loads(to_json(config))
    values = {f"{name}.{key}": value for name in TASKS[config.task] for key, value in sections[name].items()}
    options = {**how, "recipe": config.name, **values}
    with output.writing(LABELS, options) as draft:
        for name, picture in pictures:
            save_image(draft.folder / name, picture)
        write_json(draft.folder / LABELS.report, options)
        names = draft.files
        draft.publish()
    return [output.path / name for name in names]
