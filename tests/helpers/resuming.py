"""Runs that stop and go on, for the tests of resuming: small data, a recipe of two epochs, forged checkpoints."""

import json
import os
import signal

import mxnet as mx
import numpy as np
import pytest

from cpm.training import build_trainer, choose_recipe

from ..conftest import person, write_coco_to
from .killed_training import make_config

ONE = [mx.cpu(0)]
TWO = [mx.cpu(0), mx.cpu(1)]
FILES = ("last.npz", "best.npz", "losses.csv")


def write_data(root):
    """Write a very small data set; returns its root."""
    people = [[person(50 + 8 * k, 60, 80)] for k in range(8)]
    write_coco_to(root, people[:3], "val2017")
    return write_coco_to(root, people)


def two_epochs(data):
    """Return a recipe of two epochs of four batches."""
    config = make_config(data)
    config.train.epochs = 2
    return config


def stopped_run(data, output):
    """Train until the second batch of the second epoch; returns the folder."""
    stop_at(build_trainer(two_epochs(data), ONE, output), 6)
    return output


def stop_at(trainer, iteration: int) -> None:
    """Train until a signal comes in the step that leads to an iteration."""
    step = trainer.step

    def interrupted(batch):
        if trainer.progress.iteration == iteration - 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(batch)

    trainer.step = interrupted
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()


def go_on(path, contexts=ONE, changes=(), output=None):
    """Train to the end from a checkpoint, and return the trainer."""
    config, checkpoint = choose_recipe(None, "", None, path, changes)
    trainer = build_trainer(config, contexts, output or path.parent, checkpoint)
    trainer.fit()
    return trainer


def contents(folder) -> dict:
    """Return the bytes of the files of a run."""
    return {name: (folder / name).read_bytes() for name in FILES}


def rewrite(source, path, change=None, arrays=()):
    """Write a checkpoint with another description or other arrays."""
    with np.load(source) as content:
        held = {**content, **dict(arrays)}
    if change:
        meta = json.loads(held["meta"].tobytes())
        change(meta)
        held["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    np.savez(path, **held)
    return path
