"""From a file, or the name of a published network, to what finds people in an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..codecs import DecodeRules
from ..errors import ConfigError, quote
from ..inference import Estimator as Finder
from ..inference import Look, Selection, open_network, whole_image
from ..models.published.find import find_network
from ..person import Person
from ..skeletons import Skeleton
from .known import task_of

if TYPE_CHECKING:
    from mxnet import Context

    from ..inference.box_sources import Boxes


@dataclass(frozen=True)
class Estimator:
    """A network with all that it takes to find people in images.

    Attributes
    ----------
    name
        What the network is called in the registry.
    skeleton
        The K joints of the people.
    finder
        Runs the network and decodes its maps: `PoseEstimator` or `BoxEstimator`.
    select
        Whom it shows of those that it finds.
    boxes
        Where the people of an image are, for a network that looks into boxes.
    """

    name: str
    skeleton: Skeleton
    finder: Finder
    select: Selection
    boxes: Boxes = whole_image

    @overload
    def __call__(self, image: np.ndarray) -> list[Person]: ...

    @overload
    def __call__(self, image: Sequence[np.ndarray]) -> list[list[Person]]: ...

    def __call__(self, image: np.ndarray | Sequence[np.ndarray]) -> list[Person] | list[list[Person]]:
        """Return the people in an image (H, W, 3) RGB uint8, or those in each of a list of images.

        Keypoints are (K, 3): x, y, score in image pixels. Of a list, images of one size run together, and so do boxes
        of several images.
        """
        if isinstance(image, np.ndarray):
            return self.select(self.everybody([image])[0])
        return [self.select(people) for people in self.everybody(image)]

    def everybody(self, images: Sequence[np.ndarray], paths: Sequence[Path] | None = None) -> list[list[Person]]:
        """Return whom the network finds in each image, those included who are not sure enough to be shown.

        Parameters
        ----------
        images
            (H, W, 3) RGB uint8 each.
        paths
            Their files, for boxes that are given by the names of files.
        """
        paths = paths or [Path("image")] * len(images)
        return self.finder.find_all(images, [self._boxes(*pair) for pair in zip(paths, images)])

    def look(self, image: np.ndarray) -> Look:
        """Return the people in an image (H, W, 3), and what draws them beside the maps that they were found in."""
        return self.finder.look(image, self._boxes(Path("image"), image))

    def _boxes(self, path: Path, image: np.ndarray) -> Sequence[Any]:
        finder = self.finder
        return () if finder.aspect is None else self.boxes(path, image, finder.aspect, finder.enlarge)


def load_estimator(
    source: str | Path,
    device: Context | None = None,
    backend: str | None = None,
    scales: Sequence[float] | None = None,
    flip: bool | None = None,
    box_size: int | None = None,
    rules: DecodeRules | None = None,
    size: tuple[int, int] | None = None,
    boxes: Boxes | None = None,
    min_score: float | None = None,
    min_joints: int | None = None,
    min_joint_score: float | None = None,
) -> Estimator:
    """Return what finds the people in an image, as a network was trained and is scored.

    A network for one person in a box takes the whole image for the box, unless it is told of others.

    Parameters
    ----------
    source
        A checkpoint or an exported network, or the name of a published one, see `cpm.models.PRETRAINED`.
    device
        Where to compute; by default the CPU.
    backend
        What runs the network, see `cpm.inference.open_network`.
    scales, flip, box_size, rules
        In place of what the file says, see `cpm.inference.PoseEstimator` and `cpm.codecs.RULES`; all but flip are for
        networks for whole images.
    size, boxes
        Height and width of crops in place of what the file says, and where the people are: for networks that look into
        boxes.
    min_score, min_joints, min_joint_score
        Whom to show, see `cpm.inference.Selection`; by default those that are sure enough for pictures.

    Raises
    ------
    CheckpointError
        If the file is missing or broken.
    ConfigError
        If a value is out of its range, or not for such a network.
    """
    limits = {"min_score": min_score, "min_joints": min_joints, "min_joint_score": min_joint_score}
    chosen: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
    path = find_network(source)
    net, meta = open_network(path, backend, device)
    task = task_of(net.kinds)
    select = replace(task.shown, **chosen)
    options = {"scales": scales, "flip": flip, "box_size": box_size, "rules": rules, "size": size, "boxes": boxes}
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    others = [name for name in given if name not in task.overrides]
    if others:
        raise ConfigError(f"{path}: {task.does}, {' and '.join(map(quote, others))} not for it")
    given.pop("boxes", None)
    finder = task.finder(net, meta, path, given)
    return Estimator(net.name, net.skeleton, finder, select, whole_image if boxes is None else boxes)
