"""What had better be known of a body before hours are spent on it."""

from __future__ import annotations

import logging

from easydict import EasyDict

from ..sides import one_sided
from ..skeletons import Skeleton

logger = logging.getLogger(__name__)


def warn_of_body(config: EasyDict, skeleton: Skeleton) -> None:
    """Warn where mirrored crops would not exchange the sides of a body, and where its evaluation will need sigmas.

    Parameters
    ----------
    config
        The recipe of the training.
    skeleton
        The joints that are trained.
    """
    if skeleton.flip_pairs is None and (config.augment.flip > 0 or config.test.flip):
        _warn_of_sides(skeleton)
    if not skeleton.sigmas and config.data.dataset == "coco":
        logger.warning(
            "%s has no sigmas, which COCO's score needs: add Skeleton(sigmas=...), or evaluate with --sigmas",
            skeleton.name,
        )


def _warn_of_sides(skeleton: Skeleton) -> None:
    how = "Skeleton(flip_pairs=((a, b), ...)) names the pairs, () says that there are none; flip=0 mirrors nothing"
    if not skeleton.partners:
        logger.warning(
            "%s: no joint is on the left or the right by its name: mirrored crops will not exchange sides. %s",
            skeleton.name,
            how,
        )
    elif lonely := one_sided(skeleton.joints):
        logger.warning(
            "%s: %s have no partner on the other side: mirrored crops will not exchange them. %s",
            skeleton.name,
            ", ".join(lonely),
            how,
        )
