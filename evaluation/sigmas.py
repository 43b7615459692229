"""How exactly people agree on joints, where the body of a network does not say: needed by COCO's score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..datasets import KeypointData
from ..errors import ConfigError
from ..inference import OnnxNetwork

if TYPE_CHECKING:
    from ..models import PoseNet


def apply_sigmas(net: PoseNet | OnnxNetwork, dataset: KeypointData, sigmas: Sequence[float] | None) -> None:
    """Score a data set by other sigmas than those of its body, and a network of the same body likewise.

    Parameters
    ----------
    net, dataset
        Their skeletons are replaced.
    sigmas
        One for all joints of the data set or one for each; None changes nothing.

    Raises
    ------
    ConfigError
        If their number is another, one is not above 0, or the data set is not scored by OKS.
    """
    if sigmas is None:
        return
    if dataset.metric != "oks":
        raise ConfigError(f"sigmas: not for {dataset.annotation_file}, which is not scored by OKS; leave them out")
    dataset.skeleton = dataset.skeleton.with_sigmas(sigmas)
    if net.skeleton.joints == dataset.skeleton.joints:
        net.skeleton = net.skeleton.with_sigmas(sigmas)
