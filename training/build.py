"""From a recipe, or a checkpoint, to a trainer that is ready to go."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Callable

import mxnet as mx
from easydict import EasyDict

from ..checks import check_workers
from ..codecs import HEATMAPS, JOINT_HEATMAPS, KINDS, PAFS, HeatmapCodec, crowd_codec
from ..configs import TASKS, load_config, override
from ..datasets import (
    Augmentation,
    BatchLoader,
    CropAugmentation,
    KeypointData,
    PersonChoice,
    PersonFilter,
    PersonSet,
    SampleSet,
    TrainingSet,
    open_dataset,
)
from ..errors import ConfigError, quote
from ..models import (
    Checkpoint,
    PoseNet,
    check_model,
    construct,
    freeze_batch_norm,
    get_model,
    load_parameters,
    network_from_meta,
    read_checkpoint,
)
from ..skeletons import skeleton_from_spec
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
    task: str = "cpm",
) -> tuple[EasyDict, Checkpoint | None]:
    """Return the recipe of a run and the checkpoint it goes on from, if any.

    Parameters
    ----------
    source
        A recipe by name or path.
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
        if source is not None:
            raise ConfigError(f"--config {source}: {resume} brings its own recipe; change values of it with --set")
        config = recipe_of(checkpoint)
        if model not in (None, config.model.name):
            raise ConfigError(f"{resume}: holds a {config.model.name}, not the {model} that --backbone asks for")
    else:
        config = load_config(source or default)
        if model not in (None, config.model.name):
            raise ConfigError(
                f"--config {source}: trains a {config.model.name}, not the {model} that --backbone asks for"
            )
    if config.task != task:
        script = {"cpm": "train_gluon_cpm.py", "topdown": "train_pose_resnet.py"}[config.task]
        raise ConfigError(f"{config.name}: a recipe for scripts/{script}")
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
    datasets = [_open_data(config, split) for split in (config.data.train, config.data.val)]  # before downloads
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
        net = network_from_meta(checkpoint.meta, ctx=contexts)
        load_parameters(net, checkpoint)
    _check_fit(config, net)
    warn_of_body(config, net.skeleton)
    if config.train.freeze_bn:
        freeze_batch_norm(net)
    build = _person_samples if config.task == "topdown" else _crowd_samples
    samples = build(config, net, datasets[0], augment=True)
    val_samples = build(config, net, datasets[1], augment=False)
    train, val = _loader(config, samples, training=True), _loader(config, val_samples, training=False)
    return PoseTrainer(net, train, val, config, contexts, output, checkpoint)


def _check_fit(config: EasyDict, net: PoseNet) -> None:
    """Make sure that the network is one for the task and takes the crops."""
    expected = {"cpm": (PAFS, HEATMAPS), "topdown": (JOINT_HEATMAPS,)}[config.task]
    if net.kinds[-1][:2] != expected:
        found, wanted = (" and ".join(kind.name for kind in kinds) for kinds in (net.kinds[-1], expected))
        raise ConfigError(
            f"model.name={net.name}: predicts {found}, the task {quote(config.task)} is to predict {wanted}"
        )
    if config.loss.kind == "bce" and not net.sigmoid:
        advice = f"add model.options.sigmoid=True, if {net.name} has it" if config.task == "cpm" else "choose another"
        raise ConfigError(f"loss.kind='bce': needs heatmaps between 0 and 1; {advice}")
    defaults = TASKS[config.task]["loss"]
    for kind in KINDS:
        for name in kind.loss_options:
            if config.loss.get(name) != defaults.get(name) and kind not in net.kinds[-1]:
                raise ConfigError(
                    f"loss.{name}={quote(config.loss[name])}: {net.name} predicts no {kind.name}; "
                    f"model.options.{kind.name}=True, if it has it, makes it do so"
                )
    if config.task == "cpm" and config.loss.offset_epoch >= config.train.epochs:
        raise ConfigError(
            f"loss.offset_epoch={config.loss.offset_epoch}: offsets would never count in {config.train.epochs} epochs"
        )
    key, sides = ("size", config.augment["size"]) if config.task == "topdown" else ("crop", (config.augment.crop,))
    if any(side % net.multiple for side in sides):
        fitting = [max(round(side / net.multiple), 1) * net.multiple for side in sides]
        such = fitting[0] if key == "crop" else tuple(fitting)
        raise ConfigError(
            f"augment.{key}={config.augment[key]}: {net.name} needs multiples of {net.multiple}, such as {such}"
        )


def _open_data(config: EasyDict, split: str) -> KeypointData:
    data = config.data
    skeleton = skeleton_from_spec(config.labels.skeleton)
    return open_dataset(data.dataset, data.root, split, skeleton, data.category, data.skip_unlisted)


def build_samples(config: EasyDict, split: str, augment: bool = True) -> TrainingSet | PersonSet:
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
    check_model(config.model.name, config.model.options)
    dataset = _open_data(config, split)
    skeleton = skeleton_from_spec(config.labels.skeleton)
    net = get_model(config.model.name, skeleton=skeleton, **config.model.options)  # for its grid
    _check_fit(config, net)
    build = _person_samples if config.task == "topdown" else _crowd_samples
    return build(config, net, dataset, augment)


def _crowd_samples(config: EasyDict, net: PoseNet, dataset: KeypointData, augment: bool) -> TrainingSet:
    labels = config.labels
    codec = crowd_codec(net, labels.sigma, labels.paf_width)
    augmentation = Augmentation(**config.augment)
    augmentation = augmentation if augment else augmentation.without_chance()
    people, weights = PersonFilter(**config.people), (labels.weigh_limbs, labels.mask_missing)
    return TrainingSet(dataset, codec, augmentation, people, config.train.seed, *weights)


def _person_samples(config: EasyDict, net: PoseNet, dataset: KeypointData, augment: bool) -> PersonSet:
    codec = HeatmapCodec(net.skeleton, net.stride, config.labels.sigma, config.labels.unbiased)
    options = dict(config.augment)
    size, enlarge = options.pop("size"), options.pop("enlarge")
    augmentation = CropAugmentation(**options)
    augmentation, choice = augmentation if augment else augmentation.without_chance(), PersonChoice(**config.people)
    people = choice.people(dataset, size[0] / size[1], enlarge)
    return PersonSet(people, dataset.skeleton, codec, size, augmentation, config.train.seed)


def _loader(config: EasyDict, samples: SampleSet, training: bool) -> BatchLoader:
    batch_size = config.train.batch_size if training else min(config.train.batch_size, len(samples))
    options = config.train
    return BatchLoader(samples, batch_size, options.num_workers, shuffle=training, timeout=options.batch_timeout)
