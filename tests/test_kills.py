"""A run that is killed, whenever and however, goes on to the very files of one that was not."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cpm.datasets.packed.convert import open_source, write_dataset

from .conftest import ROOT, person, write_coco_to
from .helpers.killed_training import LAST_EPOCH
from .helpers.scale import repeats

FILES = {
    "plain": ("last.npz", "best.npz", "losses.csv"),
    "rich": ("last.npz", "best.npz", "losses.csv", "average.npz", "epoch-004.npz", "epoch-005.npz"),
}
SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Write a very small data set."""
    root = tmp_path_factory.mktemp("killed")
    people = [[person(50 + 8 * k, 60, 80)] for k in range(8)]
    write_coco_to(root, people[:3], "val2017")
    return write_coco_to(root, people, "train2017")


@pytest.fixture(scope="module")
def packed(data):
    """Pack the data set."""
    for split in ("train2017", "val2017"):
        write_dataset(data / "packed" / f"{split}.rec", open_source(data, "coco", split), split)
    return data / "packed"


def start(data: Path, output: Path, devices: int, kind: str, *planted: object) -> subprocess.Popen:
    """Start the training, or let it go on."""
    command = [sys.executable, "-m", "tests.helpers.killed_training", data, output, devices, kind, *planted]
    with open(output.with_suffix(".log"), "a") as log:
        return subprocess.Popen(list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)


def finish(data: Path, output: Path, devices: int, kind: str) -> dict[str, bytes]:
    """Let a run go to its end; returns its files."""
    process = start(data, output, devices, kind)
    process.communicate()
    assert process.returncode == 0, output.with_suffix(".log").read_text()
    return {name: (output / name).read_bytes() for name in FILES[kind]}


@pytest.fixture(scope="module", params=[(1, "plain"), (2, "plain"), (1, "rich"), (2, "rich")], ids=str)
def reference(request, data, packed, tmp_path_factory):
    """Train undisturbed on one device and on two; the rich way on packed data."""
    run = (packed if request.param[1] == "rich" else data, *request.param)
    return run, finish(run[0], tmp_path_factory.mktemp("whole") / "run", *run[1:])


def kill_somewhere(run, output, name, rng) -> None:
    """Send a signal at a random moment of the training: in a step, a validation, or what comes between."""
    data, devices, kind = run
    process = start(data, output, devices, kind)
    for _ in range(rng.randrange(1, LAST_EPOCH[kind])):
        assert process.stdout.readline() == "batch\n"
    time.sleep(rng.uniform(0, 0.1))
    process.send_signal(signal.Signals[name])
    process.communicate()
    assert process.returncode != 0


def kill_at_a_checkpoint(run, output, name, rng) -> None:
    """Let the training send itself a signal before or after it writes a checkpoint."""
    data, devices, kind = run
    when = rng.choice(("before", "after"))
    file = rng.choice([name for name in FILES[kind] if name in ("last.npz", "best.npz", "average.npz")])
    number = 1 if file == "best.npz" and kind == "rich" else rng.choice((1, 2))  # scores need not get better
    process = start(data, output, devices, kind, name, when, file, number)
    process.communicate()
    assert process.returncode != 0


@pytest.mark.slow("starts more than a dozen processes")
def test_every_kill_goes_on_to_the_same_files(reference, tmp_path):
    run, whole = reference
    rng = random.Random(run[1])
    for number in range(repeats(2, 20)):
        name = SIGNALS[number % 3]
        output = tmp_path / f"run-{number}"
        if number % 2:
            kill_at_a_checkpoint(run, output, name, rng)
        else:
            kill_somewhere(run, output, name, rng)
        data, devices, kind = run
        files = finish(data, output, devices, kind)
        assert [name for name in FILES[kind] if files[name] != whole[name]] == [], number
