"""Pictures of what a network is asked to learn: the crop, the mask, the heatmaps, the PAFs as arrows, the joints."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from easydict import EasyDict
from tqdm import tqdm

from ..codecs import Codec, HeatmapCodec, HeatmapTargets, OffsetCodec, PafCodec, Targets
from ..configs import TASKS, load_config, override, to_json
from ..datasets import Example, PersonSet, TrainingSet
from ..draw import contact_sheet, draw_heatmaps, draw_people, limb_colours, save_image
from ..errors import ConfigError
from ..files import write_json
from ..outputs import Contents, OutputFolder
from ..person import Person
from .label_drawing import (
    captioned,
    draw_arrows,
    draw_ignored,
    draw_offsets,
    draw_weights,
    enlarge,
    joint_colours,
    mark_occluded,
)

logger = logging.getLogger(__name__)

LABELS = Contents("labels.json", ("labels.png", "labels-[0-9]*.png"))

_MOST_ROWS = 200  # of a sheet
_HEIGHTS = (64, 4096)  # pixels of a crop in a picture


@dataclass(frozen=True)
class LabelledSample:
    """One sample and the joints that its labels were drawn from.

    Attributes
    ----------
    example
        Crop, labels and mask.
    keypoints
        (N, K, 3) x, y in pixels of the crop and visibility: 0 unlabelled or outside, 1 occluded, 2 visible.
    codec
        What drew the labels.
    title
        Which sample of what image it is, in ASCII.
    """

    example: Example
    keypoints: np.ndarray
    codec: Codec | HeatmapCodec
    title: str


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


def read_sample(samples: TrainingSet | PersonSet, epoch: int, index: int) -> LabelledSample:
    """Return sample (epoch, index) with the joints of its labels; the next readable one, if its image is broken.

    Raises
    ------
    DataError
        If the images of many samples in a row are broken.
    """
    usual: Any = samples.codec
    noting: Any = None
    if isinstance(samples, TrainingSet):
        offsets = isinstance(usual, OffsetCodec)
        noting = _NotingPafCodec(**_fields(usual.maps if offsets else usual))
        samples.codec = OffsetCodec(noting) if offsets else noting
    else:
        samples.codec = noting = _NotingHeatmapCodec(**_fields(usual))
    try:
        example = samples[epoch, index]
    finally:
        samples.codec = usual
    for problem in example.problems:
        logger.warning("%s; the next sample takes its place", problem)
    index = (index + len(example.problems)) % len(samples)
    title = f"sample {index} of {len(samples)} (from 0), epoch {epoch}: {_image_name(samples, index)}"
    return LabelledSample(example, noting.noted, usual, title)


def label_panels(sample: LabelledSample, height: int = 640) -> list[np.ndarray]:
    """Return captioned pictures of a sample, each with a crop of `height` pixels.

    For people in whole images: the crop with the joints, the mask, the heatmaps and the PAFs, one arrow for every cell
    with a field, in the colour of the limb that is strongest there; where PAFs are weighed, the cells in which none of
    them counts; where there are offsets, the cells that have one and the places it gives. For one in a box: the crop
    with the joints, the heatmaps and the weights of the joints in the loss.

    Parameters
    ----------
    sample
        From :func:`read_sample`.
    height
        Pixels.

    Returns
    -------
    list of ndarray
        Four to six, or three for a person in a box: (H, W, 3) RGB uint8.
    """
    example, codec = sample.example, sample.codec
    skeleton = codec.skeleton
    crop, factor = enlarge(example.image, height)
    keypoints = sample.keypoints.astype(np.float32)
    keypoints[..., :2] = (keypoints[..., :2] + 0.5) * factor - 0.5
    people = [Person(each, 1.0) for each in keypoints]
    joints = mark_occluded(draw_people(crop, people, skeleton), keypoints)
    labelled = int(np.count_nonzero(keypoints[..., 2] > 0))
    legend = ", hollow: occluded" if (keypoints[..., 2] == 1).any() else ""
    panels = [captioned(joints, f"joints: {labelled} labelled{legend}")]
    if example.pafs is None:
        heat = _person_heatmaps(crop, sample, factor)
        panels.append(captioned(heat, f"heatmaps: {_cells(example)}, sigma {codec.sigma:g} cells"))
        weights = draw_weights(height, example.mask[:, 0, 0], keypoints[0], skeleton)
        panels.append(captioned(weights, f"weights: {int(np.count_nonzero(example.mask))} joints count"))
        return panels
    return panels + _crowd_panels(crop, sample, factor)


def label_picture(sample: LabelledSample, height: int = 640) -> np.ndarray:
    """Return the panels of one sample with its title above: two by two, or side by side for a person in a box."""
    panels = label_panels(sample, height)
    return captioned(contact_sheet(panels, columns=2 if len(panels) == 4 else 3, gap=10), sample.title, bold=True)


def label_pictures(
    samples: TrainingSet | PersonSet, epoch: int, indices: Sequence[int], height: int = 640, sheet: bool = False
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
    samples: TrainingSet | PersonSet, epoch: int, indices: Sequence[int], height: int = 420, progress: bool = False
) -> np.ndarray:
    """Return one picture of many samples, a row for each; parameters as of :func:`label_pictures`."""
    rows = []
    for index in tqdm(indices, desc="labels", disable=not progress or len(indices) < 2, leave=False):
        sample = read_sample(samples, epoch, index)
        panels = label_panels(sample, height)
        rows.append(captioned(contact_sheet(panels, columns=len(panels), gap=10), sample.title, bold=True))
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


def _crowd_panels(crop: np.ndarray, sample: LabelledSample, factor: float) -> list[np.ndarray]:
    """Return the panels of people in whole images that come after the joints."""
    example, codec = sample.example, sample.codec
    skeleton, panels = codec.skeleton, []
    assert example.pafs is not None
    ignored = 100 * (1 - float(example.mask.mean()))
    told = f"mask: red is ignored, {ignored:.0f} %" if ignored >= 0.5 else "mask: the loss counts everywhere"
    panels.append(captioned(draw_ignored(crop, example.mask[0]), told))
    heat = draw_heatmaps(crop, example.heatmaps, 1 / factor, codec.stride)
    counting = ""
    if "heatmaps" in example.weights:
        counting = f", {int(example.weights['heatmaps'][:-1].sum())} of {skeleton.num_joints} joints count"
    panels.append(captioned(heat, f"heatmaps: {_cells(example)}, sigma {codec.sigma:g} pixels{counting}"))
    arrows = draw_arrows(crop, example.pafs, limb_colours(skeleton), factor * codec.stride)
    panels.append(captioned(arrows, f"PAFs: {skeleton.num_limbs} limbs of {skeleton.name}, by colour"))
    if "pafs" in example.weights:
        counts = example.weights["pafs"].max(axis=0)
        limbs = np.count_nonzero(example.weights["pafs"].max(axis=(1, 2))) // 2
        cells = np.broadcast_to(counts, example.pafs.shape[1:])
        panels.append(captioned(draw_ignored(crop, cells), f"PAFs count where it is not red, of {limbs} limbs"))
    if example.offsets is not None:
        places = draw_offsets(crop, example.offsets, joint_colours(skeleton), factor * codec.stride)
        panels.append(captioned(places, "offsets: the cells that have one, and the place it gives"))
    return panels


def _person_heatmaps(crop: np.ndarray, sample: LabelledSample, factor: float) -> np.ndarray:
    """Lay the heatmaps of one person over the enlarged crop, each cell at the pixel that the codec has it stand for."""
    codec = sample.codec
    assert isinstance(codec, HeatmapCodec)
    shift = 0 if codec.unbiased else round(factor * (codec.stride - 1) / 2)
    padded = np.pad(crop, ((shift, 0), (shift, 0), (0, 0)), mode="edge")
    return draw_heatmaps(padded, sample.example.heatmaps, 1 / factor, codec.stride, background=False)[shift:, shift:]


class _NotingPafCodec(PafCodec):
    """Keeps the joints that it draws last: a sample set warps them on the way and hands out the labels only."""

    noted: np.ndarray

    def encode(self, keypoints: np.ndarray, size: tuple[int, int], out: Targets | None = None) -> Targets:
        self.noted = np.array(keypoints, np.float32).reshape(-1, self.skeleton.num_joints, 3)
        return super().encode(keypoints, size, out)


class _NotingHeatmapCodec(HeatmapCodec):
    """The same of one person."""

    noted: np.ndarray

    def encode(self, keypoints: np.ndarray, size: tuple[int, int], out: HeatmapTargets | None = None) -> HeatmapTargets:
        self.noted = np.array(keypoints, np.float32)[None]
        return super().encode(keypoints, size, out)


def _fields(codec: PafCodec | HeatmapCodec) -> dict[str, Any]:
    return {field.name: getattr(codec, field.name) for field in fields(codec)}


def _image_name(samples: TrainingSet | PersonSet, index: int) -> str:
    if isinstance(samples, TrainingSet):
        return samples.dataset.records[int(samples.samples[index][0])].path.name
    return samples.people[index].path.name


def _cells(example: Example) -> str:
    rows, columns = example.heatmaps.shape[1:]
    return f"{rows} x {columns} cells"
