"""A tiny training that goes on where it was, for tests that kill it: it tells its batches, and may stop itself.

python -m tests.helpers.killed_training DATA OUTPUT DEVICES plain|rich [SIGNAL before|after FILE NUMBER]

A rich one does all that a training can do beside. A signal is sent before or after the file of this name is written
for the so manieth time.
"""

import os
import signal
import sys
from pathlib import Path

import cpm  # noqa: F401  (first, for it lets us import MXNet)

# isort: split
import mxnet as mx

from cpm.commands.learning import scorer_of
from cpm.configs import recipe
from cpm.training import build_trainer, check_output, choose_recipe, state
from cpm.training.learner import Learner

# The batch that the last of five epochs begins with; each has four, and two of the validation, or half of it.
LAST_EPOCH = {"plain": 25, "rich": 13}


def make_config(data: Path):
    """Return the recipe: rows and checkpoints fall between each other and the ends of the epochs."""
    return recipe(
        "killed",
        model={"name": "cpm_mobilenet", "options": {"stages": 1, "width": 0.125}},
        data={"root": str(data)},
        people={"min_keypoints": 1, "min_area": 0.0},
        augment={"crop": 32},
        optimizer={"lr": 2e-2, "name": "adam"},
        schedule={"kind": "cosine", "warmup": 2},
        train={
            "epochs": 5,
            "batch_size": 2,
            "num_workers": 0,
            "log_every": 3,
            "checkpoint_every": 2,
            "keep_every": 0,
        },
    )


def make_rich_config(data: Path):
    """Return the recipe with averages, batches in parts, short gradients, scores and states of the last epochs."""
    config = make_config(data)
    config.train.update(batch_size=4, average=0.8, accumulate=2, keep_every=1, keep_last=2, score_every=2)
    config.optimizer.update(name="adamw", weight_decay=1e-2, clip_norm=5.0)
    config.schedule.kind = "one_cycle"
    config.test.update(scales=(1.0,), flip=False, box_size=64)
    return config


CONFIGS = {"plain": make_config, "rich": make_rich_config}


def plant(number: int, when: str, name: str, count: int) -> None:
    """Let the process get a signal when a checkpoint is written."""
    write = state.save_network
    left = [count]

    def write_and_stop(path, *arguments, **options):
        left[0] -= path.name == name
        here = path.name == name and left[0] == 0
        if here and when == "before":
            os.kill(os.getpid(), number)
        write(path, *arguments, **options)
        if here and when == "after":
            os.kill(os.getpid(), number)

    state.save_network = write_and_stop


def count_batches() -> None:
    """Let the process write a line at every batch, the validation's too."""

    def telling(compute):
        def write_and_compute(*arguments, **options):
            print("batch", flush=True)  # noqa: T201
            return compute(*arguments, **options)

        return write_and_compute

    Learner.update = telling(Learner.update)
    Learner.losses = telling(Learner.losses)


def main(data: str, output: str, devices: str, kind: str, *planted: str) -> None:
    """Train to the end, or until a signal comes."""
    last = Path(output) / "last.npz"
    if planted:
        number, when, name, count = planted
        plant(signal.Signals[number], when, name, int(count))
    if last.exists():
        config, checkpoint = choose_recipe(None, "", None, last, [])
    else:
        config, checkpoint = CONFIGS[kind](Path(data)), None
    check_output(Path(output), last if checkpoint else None, overwrite=False)
    contexts = [mx.cpu(number) for number in range(int(devices))]
    run = build_trainer(config, contexts, Path(output), checkpoint, scorer_of(config))
    count_batches()
    run.fit()


if __name__ == "__main__":
    main(*sys.argv[1:])
