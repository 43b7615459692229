"""From a file, or the name of a published network, to what finds people in an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable

import numpy as np

from ..codecs import JOINT_HEATMAPS
from ..inference import open_network, whole_image
from ..models import find_network
from ..mxnet_module import mx
from ..person import Person
from ..skeletons import Skeleton
from .bottom_up import BottomUp
from .top_down import TopDown


@dataclass(frozen=True)
class Estimator:
    """A network with all that it takes to find people in an image.

    Attributes
    ----------
    skeleton
        The joints of the people.
    find
        Called with an image (H, W, 3) RGB uint8, returns its people.
    """

    skeleton: Skeleton
    find: Callable[[np.ndarray], list[Person]]

    def __call__(self, image: np.ndarray) -> list[Person]:
        """Return the people in an image (H, W, 3) RGB uint8: keypoints (K, 3) as x, y, score in image pixels."""
        return self.find(image)


def load_estimator(
    source: str | Path,
    device: mx.Context | None = None,
    backend: str | None = None,
    scales: Sequence[float] | None = None,
    flip: bool | None = None,
    box_size: int | None = None,
) -> Estimator:
    """Return what finds the people in an image, as a network was trained and is scored.

    A network for one person in a box takes the whole image for the box.

    Parameters
    ----------
    source
        A checkpoint or an exported network, or the name of a published one, see `cpm.models.PRETRAINED`.
    device
        Where to compute; by default the CPU.
    backend
        What runs the network, see `cpm.inference.open_network`.
    scales, flip, box_size
        In place of what the file says, see `cpm.inference.PoseEstimator`; scales and box size are for networks for
        whole images.

    Raises
    ------
    CheckpointError
        If the file is missing or broken.
    ConfigError
        If a value is out of its range.
    """
    path = find_network(source)
    net, meta = open_network(path, backend, device)
    if tuple(net.kinds[-1]) == (JOINT_HEATMAPS,):
        task = TopDown()
        in_boxes = task.settings(meta, path)
        boxed = task.estimator(net, in_boxes if flip is None else replace(in_boxes, flip=flip), device)
        return Estimator(net.skeleton, lambda image: boxed(image, whole_image(path, image, boxed.aspect)))
    given = {"scales": scales, "flip": flip, "box_size": box_size}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    settings = replace(BottomUp().settings(meta, path), **changes)
    return Estimator(net.skeleton, BottomUp().estimator(net, settings, device))
