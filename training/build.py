"""From a recipe, or a checkpoint, to a trainer that is ready to go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import mxnet as mx
from easydict import EasyDict

from ..codecs import PafCodec
from ..configs import from_json, load_config, override, to_json
from ..datasets import Augmentation, BatchLoader, CocoKeypoints, PersonFilter, TrainingSet
from ..errors import CheckpointError, ConfigError
from ..models import (
    Checkpoint,
    freeze_batch_norm,
    get_model,
    load_parameters,
    network_from_meta,
    read_checkpoint,
    skeleton_from_meta,
)
from ..skeletons import skeleton_from_spec
from .amp import choose_precision
from .trainer import PoseTrainer, Progress


def choose_recipe(
    source: str | None, model: str | None, resume: Path | None, changes: Sequence[str]
) -> tuple[EasyDict, Checkpoint | None]:
    """Return the recipe of a run and the checkpoint it goes on from, if any.

    Parameters
    ----------
    source
        A recipe by name or path; by default the COCO recipe of the network.
    model
        The network by its name; by default that of the recipe.
    resume
        A checkpoint with training state, which brings its own recipe.
    changes
        Overrides such as ``train.epochs=3``.

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
        config = _resumed_config(checkpoint)
        if model not in (None, config.model.name):
            raise ConfigError(f"{resume}: holds a {config.model.name}, not the {model} that --backbone asks for")
    else:
        config = load_config(source or f"{model or 'cpm_vgg19'}_coco")
        if model not in (None, config.model.name):
            raise ConfigError(
                f"--config {source}: trains a {config.model.name}, not the {model} that --backbone asks for"
            )
    network = (to_json(config.model), config.labels.skeleton)
    override(config, changes)
    if checkpoint is not None and network != (to_json(config.model), config.labels.skeleton):
        raise ConfigError(f"{resume}: brings its own network; model.* and labels.skeleton cannot be changed")
    return config, checkpoint


def _resumed_config(checkpoint: Checkpoint) -> EasyDict:
    if not checkpoint.meta.get("resumable"):
        raise CheckpointError(f"{checkpoint.path}: holds a network but no training state; expected a last.npz")
    try:
        iteration = Progress(**checkpoint.meta["progress"]).iteration
        updates = checkpoint.meta.get("updates", iteration)
        if not (isinstance(updates, int) and 0 <= updates <= iteration):
            raise ValueError(f"{updates} updates in {iteration} iterations")
        return from_json(checkpoint.meta["config"], skeleton_from_meta(checkpoint.meta))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{checkpoint.path}: its training state is broken ({error!r})") from None


def check_output(output: Path, resumed: bool, overwrite: bool) -> None:
    """Make sure that a new run does not take the place of one that the folder holds.

    Raises
    ------
    ConfigError
        If the folder holds a run and neither resuming nor overwriting was asked for.
    """
    if output.exists() and not output.is_dir():
        raise ConfigError(f"--output {output}: a file, expected a folder")
    held = [output / name for name in ("last.npz", "best.npz", "losses.csv") if (output / name).exists()]
    if held and not resumed and not overwrite:
        raise ConfigError(
            f"{output} holds a run already ({held[0].name}): go on with --resume={output / 'last.npz'}, "
            "choose another --output, or --overwrite it"
        )


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
    choose_precision(config.train.amp, contexts)  # before anything is loaded
    if checkpoint is None:
        mx.random.seed(config.train.seed)
        options = dict(config.model.options)
        if config.model.trunk_file:
            options["trunk_file"] = config.model.trunk_file
        net = get_model(
            config.model.name, pretrained=config.model.pretrained or None, ctx=contexts, skeleton=skeleton, **options
        )
    else:
        net = network_from_meta(checkpoint.meta, ctx=contexts)
        load_parameters(net, checkpoint)
    if net.kinds[-1] != ("pafs", "heatmaps"):
        raise ConfigError(f"model.name={net.name}: predicts no PAFs, this trainer is for networks that do")
    if config.augment.crop % net.multiple:
        fitting = round(config.augment.crop / net.multiple) * net.multiple
        raise ConfigError(
            f"augment.crop={config.augment.crop}: {net.name} needs a multiple of {net.multiple}, such as {fitting}"
        )
    if config.train.freeze_bn:
        freeze_batch_norm(net)
    codec = PafCodec(skeleton, stride=net.stride, sigma=config.labels.sigma, paf_width=config.labels.paf_width)
    train = _loader(config, codec, config.data.train, training=True)
    val = _loader(config, codec, config.data.val, training=False)
    return PoseTrainer(net, train, val, config, contexts, output, checkpoint)


def _loader(config: EasyDict, codec: PafCodec, split: str, training: bool) -> BatchLoader:
    augmentation = Augmentation(**config.augment)
    samples = TrainingSet(
        CocoKeypoints(config.data.root, split, codec.skeleton),
        codec,
        augmentation if training else augmentation.without_chance(),
        PersonFilter(**config.people),
        config.train.seed,
    )
    batch_size = config.train.batch_size
    if not training:
        batch_size = min(batch_size, len(samples))
    return BatchLoader(samples, batch_size, config.train.num_workers, shuffle=training)
