"""A run by a recipe, from the check of its folder to the last epoch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import mxnet as mx
from easydict import EasyDict

from ..files import clear_temporaries
from ..locks import lock_folder
from ..models import Checkpoint
from .build import build_trainer
from .folder import check_output
from .resuming import is_finished, why_finished
from .scoring import Scorer

logger = logging.getLogger(__name__)


def run_recipe(
    config: EasyDict,
    devices: Sequence[mx.Context],
    output: Path | None = None,
    checkpoint: Checkpoint | None = None,
    overwrite: bool = False,
    scorer: Scorer | None = None,
) -> Path | None:
    """Train to the end and return the folder of the run; None where it had ended before.

    Parameters
    ----------
    config
        The recipe.
    devices
        Where to train.
    output
        The folder; by default that of the checkpoint, else one named after the recipe.
    checkpoint
        Where to go on from.
    overwrite
        Whether to replace another run that the folder holds.
    scorer
        Scores the network every ``train.score_every`` epochs.

    Raises
    ------
    CpmError
        If something does not fit together; nothing is written then.
    """
    if checkpoint is not None and is_finished(checkpoint, config):
        logger.info("%s: finished, %s", checkpoint.path, why_finished(checkpoint, config))
        return None
    source = None if checkpoint is None else checkpoint.path
    output = output or (Path("output") / config.name if source is None else source.parent)
    with lock_folder(output):
        clear_temporaries(output, ("last*.npz", "best.npz", "average.npz", "epoch-*.npz", "losses.*"))
        clear_temporaries(output / "pictures", ("validation-*.jpg",))
        check_output(output, source, overwrite)
        build_trainer(config, devices, output, checkpoint, scorer).fit()
    return output
