"""A run that is killed, whenever and however, goes on to the very files of one that was not."""

import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import ROOT, person, write_coco_to
from .helpers.killed_training import READY
from .helpers.scale import repeats

FILES = ("last.npz", "best.npz", "losses.csv")
SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT")


@dataclass
class Reference:
    """An undisturbed run: its files by their names, and how many seconds it trained."""

    files: dict[str, bytes]
    seconds: float


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


def wait_until_ready(process: subprocess.Popen) -> None:
    assert process.stdout.readline().strip() == READY


def finish(data: Path, output: Path, devices: int) -> dict[str, bytes]:
    """Let a run go to its end; returns its files."""
    process = start(data, output, devices)
    assert process.wait() == 0, output.with_suffix(".log").read_text()
    return {name: (output / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module", params=[1, 2])
def reference(request, data, tmp_path_factory):
    """Train undisturbed on one device and on two."""
    output = tmp_path_factory.mktemp("whole") / "run"
    process = start(data, output, request.param)
    wait_until_ready(process)
    begin = time.monotonic()
    assert process.wait() == 0, output.with_suffix(".log").read_text()
    seconds = time.monotonic() - begin
    return request.param, Reference({name: (output / name).read_bytes() for name in FILES}, seconds)


def kill_somewhere(data, output, devices, number, seconds, rng) -> None:
    """Send a signal at a random moment of the training."""
    while True:
        process = start(data, output, devices)
        wait_until_ready(process)
        time.sleep(rng.uniform(0, seconds))
        process.send_signal(number)
        if process.wait() != 0:
            return
        for path in output.glob("*.*"):  # it was through already
            path.unlink()


def kill_at_a_checkpoint(data, output, devices, name, rng) -> None:
    """Let the training send itself a signal before or after it writes a checkpoint."""
    when, file = rng.choice(("before", "after")), rng.choice(("last.npz", "best.npz"))
    process = start(data, output, devices, name, when, file, rng.choice((1, 2)))
    assert process.wait() != 0


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
            kill_somewhere(data, output, devices, signal.Signals[name], whole.seconds, rng)
        files = finish(data, output, devices)
        assert [name for name in FILES if files[name] != whole.files[name]] == [], number
