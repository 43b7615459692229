"""Pictures of what a network is asked to learn: the crop, the mask, the heatmaps, the PAFs as arrows, the joints."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from easydict import EasyDict
from tqdm import tqdm

from ..codecs import Codec, MapKind
from ..configs import TASKS, load_config, override, to_json
from ..datasets import Sample, SampleSet
from ..draw import captioned, contact_sheet, draw_ignored, draw_people, draw_weights, enlarge, mark_occluded, save_image
from ..errors import ConfigError
from ..files import write_json
from ..outputs import Contents, OutputFolder
from ..person import Person

logger = logging.getLogger(__name__)

LABELS = Contents("labels.json", ("labels.png", "labels-[0-9]*.png"))

_MOST_ROWS = 200  # of a sheet
_HEIGHTS = (64, 4096)  # pixels of a crop in a picture


@dataclass(frozen=True)
class LabelledSample:
    """One sample and what drew its labels.

    Attributes
    ----------
    sample
        Crop, labels, mask and the joints that the labels were drawn of.
    codec
        What drew the labels.
    title
        Which sample of what image it is, in ASCII.
    """

    sample: Sample
    codec: Codec
    title: str

    @property
    def keypoints(self) -> np.ndarray:
        """(N, K, 3) x, y in pixels of the crop and visibility: 0 unlabelled or outside, 1 occluded, 2 visible."""
        return self.sample.keypoints[0]


def choose_label_recipe(
    source: str | None, dataset: str | None, changes: Sequence[str], **data: str | int | None
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
    **data
        Values of ``data.root`` and ``train.seed`` as ``root`` and ``seed``; None leaves that of the recipe.

    Raises
    ------
    ConfigError
        If the recipe or a key is unknown or a value makes no sense.
    """
    config = load_config(source or f"cpm_vgg19_{dataset or 'coco'}")
    given = {"data.dataset": dataset, "data.root": data.get("root"), "train.seed": data.get("seed")}
    override(config, [*changes, *(f"{key}={value!r}" for key, value in given.items() if value is not None)])
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


def read_sample(samples: SampleSet, epoch: int, index: int) -> LabelledSample:
    """Return sample (epoch, index) with the joints of its labels; the next readable one, if its image is broken.

    Raises
    ------
    DataError
        If the images of many samples in a row are broken.
    """
    sample = samples[epoch, index]
    for problem in sample.problems:
        logger.warning("%s; the next sample takes its place", problem)
    index = (index + len(sample.problems)) % len(samples)
    title = f"sample {index} of {len(samples)} (from 0), epoch {epoch}: {samples.path(index).name}"
    return LabelledSample(sample, samples.codec, title)


def label_panels(labelled: LabelledSample, height: int = 640) -> list[np.ndarray]:
    """Return captioned pictures of a sample, each with a crop of `height` pixels.

    The crop with the joints, the mask, each kind of maps and, where channels or cells of it are weighed, what of it
    counts.

    Parameters
    ----------
    labelled
        From :func:`read_sample`.
    height
        Pixels.

    Returns
    -------
    list of ndarray
        (H, W, 3) RGB uint8 each.
    """
    codec = labelled.codec
    sample = labelled.sample
    crop, factor = enlarge(sample.image, height)
    panels = [_joints_panel(crop, labelled, factor)]
    ignored = 100 * (1 - float(sample.mask.mean()))
    if sample.mask.size > 1:
        told = f"mask: red is ignored, {ignored:.0f} %" if ignored >= 0.5 else "mask: the loss counts everywhere"
        panels.append(captioned(draw_ignored(crop, sample.mask[0]), told))
    panels += [_maps_panel(crop, labelled, kind, factor) for kind in codec.kinds]
    weighed = [kind for kind in codec.kinds if kind.name in sample.targets.weights]
    return panels + [_weights_panel(crop, labelled, kind) for kind in weighed]


def _joints_panel(crop: np.ndarray, labelled: LabelledSample, factor: float) -> np.ndarray:
    """Return the enlarged crop with the joints."""
    keypoints = labelled.keypoints.astype(np.float32)
    keypoints[..., :2] = (keypoints[..., :2] + 0.5) * factor - 0.5
    people = draw_people(crop, [Person(each, 1.0) for each in keypoints], labelled.codec.skeleton)
    number = int(np.count_nonzero(keypoints[..., 2] > 0))
    legend = ", hollow: occluded" if (keypoints[..., 2] == 1).any() else ""
    return captioned(mark_occluded(people, keypoints), f"joints: {number} labelled{legend}")


def _maps_panel(crop: np.ndarray, labelled: LabelledSample, kind: MapKind, factor: float) -> np.ndarray:
    """Return one kind of maps over the enlarged crop, each cell where the codec has it stand."""
    codec = labelled.codec
    maps = labelled.sample.targets.maps[kind.name]
    shift = round(factor * ((codec.stride - 1) / 2 - codec.first_pixel))
    padded = np.pad(crop, ((shift, 0), (shift, 0), (0, 0)), mode="edge")
    picture = kind.label_picture(padded, maps, codec.skeleton, 1 / factor, codec.stride)[shift:, shift:]
    rows, columns = maps.shape[1:]
    return captioned(picture, f"{kind.name}: {len(maps)} maps of {rows} x {columns} cells")


def _weights_panel(crop: np.ndarray, labelled: LabelledSample, kind: MapKind) -> np.ndarray:
    """Return what of one kind of maps counts: a list of its channels, or the cells in which any does."""
    weights = labelled.sample.targets.weights[kind.name]
    counting = int(np.count_nonzero(weights.max(axis=(1, 2))))
    told = f"{counting} of {len(weights)} {kind.name} count"
    if weights.shape[1:] == (1, 1):
        names = kind.channel_names(labelled.codec.skeleton)
        return captioned(draw_weights(len(crop), weights[:, 0, 0], names), told)
    return captioned(draw_ignored(crop, weights.max(axis=0)), f"{told}, where it is not red")


def label_picture(labelled: LabelledSample, height: int = 640) -> np.ndarray:
    """Return the panels of one sample with its title above: four two by two, others three in a row."""
    panels = label_panels(labelled, height)
    return captioned(contact_sheet(panels, columns=2 if len(panels) == 4 else 3, gap=10), labelled.title, bold=True)


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
