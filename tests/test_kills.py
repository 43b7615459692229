"""A run that is killed, whenever and however, goes on to the very files of one that was not."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import ROOT, person, write_coco_to
from .helpers.killed_training import LAST_EPOCH
from .helpers.scale import repeats

FILES = ("last.npz", "best.npz", "losses.csv")
SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Write a very small data set."""
    root = tmp_path_factory.mktemp("killed")
    people = [[person(50 + 8 * k, 60, 80)] for k in range(8)]
    write_coco_to(root, people[:3], "val2017")
    return write_coco_to(root, people, "train2017")


def start(data: Path, output: Path, devices: int, *planted: object) -> subprocess.Popen:
    """Start the training, or let it go on."""
    command = [sys.executable, "-m", "tests.helpers.killed_training", data, output, devices, *planted]
    with open(output.with_suffix(".log"), "a") as log:
        return subprocess.Popen(list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)


def finish(data: Path, output: Path, devices: int) -> dict[str, bytes]:
    """Let a run go to its end; returns its files."""
    process = start(data, output, devices)
    process.communicate()
    assert process.returncode == 0, output.with_suffix(".log").read_text()
    return {name: (output / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module", params=[1, 2])
def reference(request, data, tmp_path_factory):
    """Train undisturbed on one device and on two."""
    return request.param, finish(data, tmp_path_factory.mktemp("whole") / "run", request.param)


def kill_somewhere(data, output, devices, name, rng) -> None:
    """Send a signal at a random moment of the training: in a step, a validation, or what comes between."""
    process = start(data, output, devices)
    for _ in range(rng.randrange(1, LAST_EPOCH)):
        assert process.stdout.readline() == "batch\n"
    time.sleep(rng.uniform(0, 0.1))
    process.send_signal(signal.Signals[name])
    process.communicate()
    assert process.returncode != 0


def kill_at_a_checkpoint(data, output, devices, name, rng) -> None:
    """Let the training send itself a signal before or after it writes a checkpoint."""
    when, file = rng.choice(("before", "after")), rng.choice(("last.npz", "best.npz"))
    process = start(data, output, devices, name, when, file, rng.choice((1, 2)))
    process.communicate()
    assert process.returncode != 0


@pytest.mark.slow("starts more than a dozen processes")
def test_every_kill_goes_on_to_the_same_files(reference, data, tmp_path):
    devices, whole = reference
    rng = random.Random(devices)
    for number in range(repeats(2, 20)):
        name = SIGNALS[number % 3]
        output = tmp_path / f"run-{number}"
        if number % 2:
            kill_at_a_checkpoint(data, output, devices, name, rng)
        else:
            kill_somewhere(data, output, devices, name, rng)
        files = finish(data, output, devices)
        assert [name for name in FILES if files[name] != whole[name]] == [], number
