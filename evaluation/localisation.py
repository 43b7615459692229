"""How exactly a codec places joints: the error in pixels of annotations that are encoded and decoded again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..codecs import Codec
from ..errors import ConfigError
from ..person import Person
from ..skeletons import COCO_17, Skeleton
from .oks_scores import load_truth
from .round_trip import labelled_images


@dataclass(frozen=True)
class Localisation:
    """Where the joints of people came back that were drawn and decoded.

    Attributes
    ----------
    errors
        (F,) float64: for every joint that was found, the distance from its annotation in pixels of the input.
    labelled
        How many joints are annotated, found or not.
    reach
        Pixels: farther from its annotation a joint is not misplaced, but one of somebody else.
    """

    errors: np.ndarray
    labelled: int
    reach: float

    @property
    def mean(self) -> float:
        """Mean error of the joints within reach, in pixels of the input; nan if there are none."""
        near = self.errors[self.errors <= self.reach]
        return float(near.mean()) if len(near) else float("nan")

    @property
    def mean_of_all(self) -> float:
        """Mean error of all joints that were found, those of somebody else too."""
        return float(self.errors.mean()) if len(self.errors) else float("nan")

    @property
    def found(self) -> float:
        """Share of the annotated joints that came back within reach."""
        return float(np.count_nonzero(self.errors <= self.reach) / self.labelled)


def localisation_error(
    codec: Codec,
    truth: str | Path | Mapping[str, Any],
    height: int = 368,
    image_ids: Iterable[int] | None = None,
    skeleton: Skeleton = COCO_17,
    whole_cells: bool = False,
) -> Localisation:
    """Measure how far joints are from their annotations after :meth:`encode` and :meth:`decode`.

    Decoded people are matched to the annotated ones by the similarity (OKS) of the joints that both have, the most
    alike first, each at most once. Only joints of matched people count that are annotated and were found.

    Parameters
    ----------
    codec
        Encodes and decodes.
    truth
        COCO keypoint annotations, loaded or the path of a JSON file.
    height
        Pixels to which every image is scaled; errors are in these pixels.
    image_ids
        The images to choose from; by default all.
    skeleton
        The joints of the annotations.
    whole_cells
        Whether to take the centre of the cell that a joint was found in for its place.

    Returns
    -------
    Localisation
        The errors; within reach is what is within one cell, `codec.stride` pixels.

    Raises
    ------
    DataError
        If a file is missing or not in the COCO format, an image states no size or none has labelled people.
    ConfigError
        If a skeleton defines no sigmas or the height is not positive.
    """
    if not codec.skeleton.sigmas:
        raise ConfigError(f"skeleton {codec.skeleton.name} defines no sigmas, which the similarity needs")
    errors = []
    labelled = 0
    for image in labelled_images(load_truth(truth, skeleton), skeleton, codec.skeleton, height, image_ids):
        found = _stacked(image.recover(codec), codec)
        if whole_cells:
            found[..., :2] = _cell_centres(found[..., :2], codec.stride)
        errors.append(_errors(image.keypoints, image.areas, found, np.array(codec.skeleton.sigmas)))
        labelled += int(np.count_nonzero(image.keypoints[..., 2] > 0))
    return Localisation(np.concatenate(errors), labelled, float(codec.stride))


def _stacked(people: Sequence[Person], codec: Codec) -> np.ndarray:
    """Return the keypoints (M, K, 3) of people."""
    return np.array([person.keypoints for person in people], float).reshape(-1, codec.skeleton.num_joints, 3)


def _cell_centres(places: np.ndarray, stride: int) -> np.ndarray:
    """Return the centres, in pixels, of the cells that places (..., 2) are in."""
    return np.floor((places + 0.5) / stride) * stride + (stride - 1) / 2


def _errors(truth: np.ndarray, areas: np.ndarray, found: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """Return the distances of the joints that matched people (N, K, 3) and (M, K, 3) have in common."""
    both = (truth[:, None, :, 2] > 0) & (found[None, :, :, 2] > 0)
    squares = ((truth[:, None, :, :2] - found[None, :, :, :2]) ** 2).sum(axis=-1)
    spread = 2 * (2 * sigmas) ** 2 * np.maximum(areas, 1)[:, None, None]
    alike = (np.exp(-squares / spread) * both).sum(axis=-1)
    errors = []
    while alike.size and alike.max() > 0:
        person, match = np.unravel_index(alike.argmax(), alike.shape)
        errors.append(np.sqrt(squares[person, match][both[person, match]]))
        alike[person] = 0
        alike[:, match] = 0
    return np.concatenate(errors) if errors else np.empty(0)
