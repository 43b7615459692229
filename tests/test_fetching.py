"""Waiting for batches: hanging files end by a limit that names them, stops are heeded, and nothing aborts at exit."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import mxnet as mx
import pytest

from cpm import DataError
from cpm.datasets import BatchLoader

from .helpers.samples import Numbers
from .helpers.scale import repeats


@pytest.fixture
def numbers():
    """Return a maker of `Numbers`, all of which are released at the end."""
    made = []

    def make(*arguments, **options):
        made.append(Numbers(*arguments, **options))
        return made[-1]

    yield make
    for each in made:
        each.released.set()


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_hanging_file_ends_the_epoch_by_its_name(numbers, workers):
    batches = BatchLoader(numbers(12, hanging=(5,)), 2, workers, shuffle=False, timeout=0.6).epoch(0)
    assert [next(batches).image.ravel().tolist() for _ in range(2)] == [[0, 1], [2, 3]]
    with pytest.raises(DataError, match=r"^folder/5\.jpg: no answer for 0\.6 seconds; train\.batch_timeout sets"):
        next(batches)


def test_many_hanging_files_are_counted(numbers):
    batches = BatchLoader(numbers(5, hanging=range(5)), 1, 5, shuffle=False, timeout=0.6).epoch(0)
    with pytest.raises(DataError, match=r"^folder/\d\.jpg, folder/\d\.jpg, folder/\d\.jpg and 2 more: no answer"):
        next(batches)


@pytest.mark.parametrize("workers", [0, 2])
def test_slow_samples_are_waited_for(numbers, workers):
    """A batch may take longer than the limit as long as its samples get finished."""
    samples = numbers(6, pause=0.3)
    assert len(list(BatchLoader(samples, 6, workers, shuffle=False, timeout=0.6).epoch(0))) == 1


def test_without_a_limit_a_file_is_waited_for(numbers):
    samples = numbers(2, hanging=(0,))
    threading.Timer(1.0, samples.released.set).start()
    assert len(list(BatchLoader(samples, 2, 1, shuffle=False, timeout=0).epoch(0))) == 1


@pytest.mark.parametrize("workers", [0, 2])
def test_a_signal_is_heeded_while_a_file_hangs(numbers, workers):
    seen = []
    before = signal.signal(signal.SIGTERM, lambda *_: seen.append("stop"))
    try:
        batches = BatchLoader(numbers(4, hanging=(2,)), 2, workers, False, 20.0).epoch(0, stop=lambda: bool(seen))
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
        assert [batch.image[0, 0] for batch in batches] == [0]
        assert seen == ["stop"]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_workers_of_an_epoch_that_is_left_make_no_more_samples(numbers):
    samples = numbers(200, pause=0.01)
    batches = BatchLoader(samples, 20, 2, shuffle=False).epoch(0)
    next(batches)
    batches.close()
    made = samples.made
    time.sleep(0.5)
    assert samples.made <= made + 2


def test_threads_end_with_their_epoch(numbers):
    before = threading.active_count()
    for _ in range(3):
        batches = BatchLoader(numbers(20), 2, 2).epoch(0)
        next(batches)
        batches.close()
        assert len(list(BatchLoader(numbers(20), 2, 2).epoch(0))) == 10
    end = time.monotonic() + 20
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.05)
    assert threading.active_count() <= before


_LEAVE = """
import os, signal, sys, threading
import cv2, numpy as np
from cpm.datasets import BatchLoader
from cpm.datasets.samples import batch_threads as fetching
from tests.helpers.samples import Numbers

class Slow(Numbers):
    data = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (1000, 2000, 3), np.uint8))[1]

    def _make(self, out, epoch, index):
        super()._make(out, epoch, index)
        for _ in range(4):
            cv2.imdecode(self.data, cv2.IMREAD_COLOR)

how = sys.argv[1]
fetching._LEAVING = 1.0 if how == "blocked" else 60.0
batches = BatchLoader(Slow(64, hanging=(5,) if how == "blocked" else ()), 4, 3, shuffle=False).epoch(0)
next(batches)
if how == "exit":
    sys.exit(3)
if how == "raise":
    raise RuntimeError("left")
if how == "interrupt":
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    for batch in batches:
        pass
"""


def leave(how: str) -> subprocess.CompletedProcess:
    root = Path(__file__).resolve().parent.parent
    return subprocess.run(
        [sys.executable, "-c", _LEAVE, how], cwd=root, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.slow("starts a process for every way to leave")
@pytest.mark.parametrize(
    ("how", "status", "last"),
    [
        *[("drop", 0, "")] * repeats(1, 4),
        *[("exit", 3, "")] * repeats(1, 4),
        ("raise", 1, "RuntimeError: left"),
        ("interrupt", -signal.SIGINT, "KeyboardInterrupt"),
        ("blocked", 0, ""),
    ],
)
def test_the_process_ends_as_it_should_while_workers_are_busy(how, status, last):
    ended = leave(how)
    assert ended.returncode == status, ended.stderr
    assert (ended.stderr.splitlines() or [""])[-1] == last
    assert ended.stderr.count("Traceback") == bool(last)


def test_loader_of_gluon_is_asked(numbers, monkeypatch):
    asked = []
    make = mx.gluon.data.DataLoader
    monkeypatch.setattr(
        mx.gluon.data, "DataLoader", lambda *args, **options: asked.append(options) or make(*args, **options)
    )
    list(BatchLoader(numbers(4), 2, 2).epoch(0))
    assert asked[0]["thread_pool"] and asked[0]["num_workers"] == 2
