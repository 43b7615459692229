"""What a network is asked to learn of one sample: the crop with its joints, the mask, the maps and what counts."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from ..codecs import Codec, MapKind
from ..datasets import Sample, SampleSet
from ..draw import captioned, contact_sheet, draw_ignored, draw_people, draw_weights, enlarge, mark_occluded
from ..person import Person

logger = logging.getLogger(__name__)


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
