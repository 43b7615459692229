"""From a recipe, or a checkpoint, to a trainer that is ready to go."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import mxnet as mx
from easydict import EasyDict

from ..checks import check_workers
from ..configs import load_config, override
from ..datasets import DATASETS, BatchLoader, SampleSet
from ..errors import ConfigError
from ..models import Checkpoint, PoseNet, construct, freeze_batch_norm, get_model, load_network, read_checkpoint
from ..skeletons import Skeleton, skeleton_from_spec
from ..tasks import TASKS, Task, bottom_up
from ..tasks.task import tested_data, trained_data
from .amp import choose_precision
from .body import warn_of_body
from .loggers import check_service
from .optimizers import create_optimizer
from .resuming import check_changes, recipe_of
from .scoring import Scorer, check_patience
from .trainer import PoseTrainer

# The first values of convolutions that do not name their own.
INITS: dict[str, mx.init.Initializer | None] = {
    "he": None,  # what networks take by themselves
    "xavier": mx.init.Xavier(magnitude=1),
    "normal": mx.init.Normal(0.01),
}


def choose_recipe(
    source: str | None,
    default: str,
    model: str | None,
    resume: Path | Checkpoint | None,
    changes: Sequence[str],
    task: Task = bottom_up,
) -> tuple[EasyDict, Checkpoint | None]:
    """Return the recipe of a run and the checkpoint it goes on from, if any.

    Parameters
    ----------
    source
        A recipe by name or path; beside `resume` only where its file makes the data set known.
    default
        The name of the recipe, if neither `source` nor `resume` is given.
    model
        The network that the recipe must be of, if any.
    resume
        A checkpoint with training state, or its file, which brings its own recipe.
    changes
        Overrides such as ``train.epochs=3``.
    task
        What the recipe must train.

    Raises
    ------
    ConfigError, CheckpointError
        If recipe, network and checkpoint do not fit together.
    """
    checkpoint = read_checkpoint(resume) if isinstance(resume, (str, Path)) else resume
    if checkpoint is None:
        config = load_config(source or default)
        whose = f"--config {source}: trains"
    else:
        config = _resumed_recipe(checkpoint, source)
        whose = f"{checkpoint.path}: holds"
    if model not in (None, config.model.name):
        raise ConfigError(f"{whose} a {config.model.name}, not the {model} that --backbone asks for")
    if config.task != task.name:
        raise ConfigError(f"{config.name}: a recipe for cpm {TASKS[config.task].trained_by}")
    before = deepcopy(config)
    override(config, changes)
    if checkpoint is not None:
        check_changes(checkpoint, before, config)
    return config, checkpoint


def _resumed_recipe(checkpoint: Checkpoint, source: str | None) -> EasyDict:
    """Return the recipe in a checkpoint; `source` is loaded for the data set that it makes known."""
    config = recipe_of(checkpoint)
    if source is not None and config.data.dataset in DATASETS:
        path = checkpoint.path
        raise ConfigError(f"--config {source}: {path} brings its own recipe; change values of it with --set")
    if source is not None:
        load_config(source)
    return config


def build_trainer(
    config: EasyDict,
    contexts: Sequence[mx.Context],
    output: Path,
    checkpoint: Checkpoint | None = None,
    scorer: Scorer | None = None,
) -> PoseTrainer:
    """Build data, network and trainer of a recipe.

    Parameters
    ----------
    config
        The recipe.
    contexts
        The devices.
    output
        The folder for all that the run writes.
    checkpoint
        Where to go on from.
    scorer
        Scores the network every ``train.score_every`` epochs.

    Raises
    ------
    CpmError
        If the recipe, the data or the checkpoint is not what it should be; nothing is written then.
    """
    contexts = list(contexts)
    check_workers("train.num_workers", config.train.num_workers)
    choose_precision(config.train.amp, contexts)  # before anything is loaded
    create_optimizer(config.optimizer)
    check_patience(config)
    check_service(config.train.log)
    skeleton = _checked_skeleton(config)
    trained_on = trained_data(config).open(skeleton)  # before anything is downloaded
    tested_on = tested_data(config).open(skeleton)
    net = _new_network(config, contexts, skeleton) if checkpoint is None else load_network(checkpoint, contexts)
    task = TASKS[config.task]
    task.check_recipe(config, net)
    warn_of_body(config, net.skeleton)
    if config.train.freeze_bn:
        freeze_batch_norm(net)
    train = _loader(config, task.samples(config, net, trained_on, augment=True), training=True)
    val = _loader(config, task.samples(config, net, tested_on, augment=False), training=False)
    return PoseTrainer(net, train, val, config, contexts, output, checkpoint, scorer)


def build_samples(config: EasyDict, split: str, augment: bool = True) -> SampleSet:
    """Build the samples of a split, as a run of the recipe sees them.

    Parameters
    ----------
    config
        The recipe.
    split
        Of its data set.
    augment
        Whether with the random changes of training, or without, as in validation.

    Raises
    ------
    CpmError
        If the recipe or the data is not what it should be.
    """
    task = TASKS[config.task]
    skeleton = _checked_skeleton(config)
    dataset = replace(trained_data(config), split=split).open(skeleton)
    net = get_model(config.model.name, skeleton=skeleton, **config.model.options)  # for its grid
    task.check_recipe(config, net)
    return task.samples(config, net, dataset, augment)


def _checked_skeleton(config: EasyDict) -> Skeleton:
    """Return the skeleton of a recipe, if its network can be built for it, which costs nothing to find out."""
    skeleton = skeleton_from_spec(config.labels.skeleton)
    construct(config.model.name, skeleton, config.model.options)
    return skeleton


def _new_network(config: EasyDict, contexts: list[mx.Context], skeleton: Skeleton) -> PoseNet:
    mx.random.seed(config.train.seed)
    return get_model(
        config.model.name,
        pretrained=config.model.pretrained or None,
        ctx=contexts,
        skeleton=skeleton,
        trunk_file=config.model.trunk_file or None,
        init=INITS[config.model.init],
        **config.model.options,
    )


def _loader(config: EasyDict, samples: SampleSet, training: bool) -> BatchLoader:
    batch_size = config.train.batch_size if training else min(config.train.batch_size, len(samples))
    options = config.train
    return BatchLoader(samples, batch_size, options.num_workers, shuffle=training, timeout=options.batch_timeout)
