"""From a recipe, or a checkpoint, to a trainer that is ready to go."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Callable

import mxnet as mx
from easydict import EasyDict

from ..checks import check_workers
from ..configs import load_config, override
from ..datasets import DATASETS, BatchLoader, SampleSet
from ..errors import ConfigError
from ..models import Checkpoint, construct, freeze_batch_norm, get_model, load_network, read_checkpoint
from ..skeletons import skeleton_from_spec
from ..tasks import TASKS, Task, bottom_up
from ..tasks.task import tested_data, trained_data
from .amp import choose_precision
from .body import warn_of_body
from .resuming import check_changes, recipe_of
from .trainer import PoseTrainer

# The first values of convolutions that do not name their own.
INITS: dict[str, Callable[[], mx.init.Initializer | None]] = {
    "he": lambda: None,  # what networks take by themselves
    "xavier": lambda: mx.init.Xavier(magnitude=1),
    "normal": lambda: mx.init.Normal(0.01),
}


def choose_recipe(
    source: str | None,
    default: str,
    model: str | None,
    resume: Path | None,
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
        A checkpoint with training state, which brings its own recipe.
    changes
        Overrides such as ``train.epochs=3``.
    task
        What the recipe must train.

    Raises
    ------
    ConfigError, CheckpointError
        If recipe, network and checkpoint do not fit together.
    """
    checkpoint = None
    if resume is not None:
        checkpoint = read_checkpoint(resume)
        config = recipe_of(checkpoint)
        if source is not None and config.data.dataset in DATASETS:
            raise ConfigError(f"--config {source}: {resume} brings its own recipe; change values of it with --set")
        if source is not None:
            load_config(source)  # for the data set that it makes known
        if model not in (None, config.model.name):
            raise ConfigError(f"{resume}: holds a {config.model.name}, not the {model} that --backbone asks for")
    else:
        config = load_config(source or default)
        if model not in (None, config.model.name):
            raise ConfigError(
                f"--config {source}: trains a {config.model.name}, not the {model} that --backbone asks for"
            )
    if config.task != task.name:
        raise ConfigError(f"{config.name}: a recipe for scripts/{TASKS[config.task].trained_by}")
    before = deepcopy(config)
    override(config, changes)
    if checkpoint is not None:
        check_changes(checkpoint, before, config)
    return config, checkpoint


def build_trainer(
    config: EasyDict, contexts: Sequence[mx.Context], output: Path, checkpoint: Checkpoint | None = None
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

    Raises
    ------
    CpmError
        If the recipe, the data or the checkpoint is not what it should be; nothing is written then.
    """
    skeleton, contexts = skeleton_from_spec(config.labels.skeleton), list(contexts)
    check_workers("train.num_workers", config.train.num_workers)
    choose_precision(config.train.amp, contexts)  # before anything is loaded
    construct(config.model.name, skeleton, config.model.options)  # refuses what does not fit, at no cost
    task = TASKS[config.task]
    trained_on = trained_data(config).open(skeleton)  # before anything is downloaded
    tested_on = tested_data(config).open(skeleton)
    if checkpoint is None:
        mx.random.seed(config.train.seed)
        options = dict(config.model.options)
        if config.model.trunk_file:
            options["trunk_file"] = config.model.trunk_file
        net = get_model(
            config.model.name, pretrained=config.model.pretrained or None, ctx=contexts, skeleton=skeleton,
            init=INITS[config.model.init](), **options
        )  # fmt: skip
    else:
        net = load_network(checkpoint, contexts)
    task.check_recipe(config, net)
    warn_of_body(config, net.skeleton)
    if config.train.freeze_bn:
        freeze_batch_norm(net)
    train = _loader(config, task.samples(config, net, trained_on, augment=True), training=True)
    val = _loader(config, task.samples(config, net, tested_on, augment=False), training=False)
    return PoseTrainer(net, train, val, config, contexts, output, checkpoint)


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
    skeleton = skeleton_from_spec(config.labels.skeleton)
    construct(config.model.name, skeleton, config.model.options)  # refuses what does not fit, at no cost
    dataset = replace(trained_data(config), split=split).open(skeleton)
    net = get_model(config.model.name, skeleton=skeleton, **config.model.options)  # for its grid
    task.check_recipe(config, net)
    return task.samples(config, net, dataset, augment)


def _loader(config: EasyDict, samples: SampleSet, training: bool) -> BatchLoader:
    batch_size = config.train.batch_size if training else min(config.train.batch_size, len(samples))
    options = config.train
    return BatchLoader(samples, batch_size, options.num_workers, shuffle=training, timeout=options.batch_timeout)
