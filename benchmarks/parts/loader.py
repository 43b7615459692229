"""Training samples from JPEG files, batches of them, and opening a COCO annotation file.

A sample is a crop of 368x368 with its labels and its mask, by the default augmentation, of a JPEG of 640x480 and
quality 90, see `inputs.make_picture`, with 3 people of 150 to 350 pixels; in the second case one of them has no
keypoints and is masked. The yardstick does what cannot be saved: cv2.imdecode of the same file, already read, and
one cv2.warpAffine by the same matrix to 368x368; both on one core. A batch is 10 of the first samples. The same
samples from one packed file are next to those from loose files.

The annotation file is synthetic, see `annotations.write_annotations`: 118,000 images with 260,000 people, as many as
in COCO train2017. It is opened the first time and a second time, by the cache that the first has left, each in a
process of its own, together with the choice of the people to train on; next to parsing it with json.loads.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from copy import copy
from itertools import cycle
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from cpm.codecs import PafCodec
from cpm.datasets import (
    Augmentation,
    BatchLoader,
    CocoKeypoints,
    PackedKeypoints,
    PersonFilter,
    TrainingSet,
    write_packed,
)
from cpm.datasets.packed.picture_source import coco_source
from cpm.skeletons import OPENPOSE_18

from .annotations import SPLIT, write_annotations, write_small
from .inputs import SIDE
from .measuring import Options, Result, in_turns

BATCH = 10
COUNT = 12  # samples that are measured; at least a batch
_ROOM = 2.0  # seconds of batches per measurement

_OPEN = """
import json, sys, time
from pathlib import Path
from cpm.codecs import PafCodec
from cpm.datasets import Augmentation, CocoKeypoints, PersonFilter, TrainingSet
from cpm.skeletons import OPENPOSE_18

def megabytes(kind):
    status = Path("/proc/self/status")  # where there is none, nothing is said of memory
    lines = status.read_text().splitlines() if status.is_file() else []
    return sum(int(line.split()[1]) // 1024 for line in lines if line.startswith(kind))

root, split, how = sys.argv[1:]
before, start = megabytes("VmRSS"), time.perf_counter()
if how == "json":
    kept = json.loads((Path(root) / "annotations" / f"person_keypoints_{split}.json").read_bytes())
else:
    kept = CocoKeypoints(root, split)
opened = time.perf_counter() - start
if how != "json":
    samples = TrainingSet(kept, PafCodec(OPENPOSE_18), Augmentation(), PersonFilter(), 0)
both = time.perf_counter() - start
memory = {"kept": megabytes("VmRSS") - before, "peak": megabytes("VmHWM") - before}
print(json.dumps({"opened": opened, "both": both, **memory}))
"""


def measure(options: Options) -> list[Result]:
    """Measure samples, batches and opening."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            labelled = _training_set(Path(folder) / "labelled", unlabelled=False)
            masked = _training_set(Path(folder) / "masked", unlabelled=True)
            results = [
                _samples("one sample, 3 people", labelled, options),
                _samples("one sample, 2 people and one masked", masked, options),
                _packed(Path(folder) / "labelled", labelled, options),
                *(_batches(labelled, workers, options) for workers in options.workers),
            ]
    finally:
        cv2.setNumThreads(threads)
    return results + _opening(options)


def _training_set(root: Path, unlabelled: bool) -> TrainingSet:
    write_small(root, unlabelled)
    return TrainingSet(CocoKeypoints(root, SPLIT), PafCodec(OPENPOSE_18), Augmentation(), PersonFilter(), seed=0)


def _packed(root: Path, loose: TrainingSet, options: Options) -> Result:
    """Time samples from a packed file, in turns with those from loose files."""
    path = root / f"{SPLIT}.rec"
    write_packed(path, coco_source(root, SPLIT), SPLIT)
    packed = TrainingSet(PackedKeypoints(path), PafCodec(OPENPOSE_18), Augmentation(), PersonFilter(), seed=0)
    ours = cycle(range(COUNT))
    theirs = cycle(range(COUNT))
    functions = {"packed": lambda: packed[0, next(ours)], "loose": lambda: loose[0, next(theirs)]}
    seconds = in_turns(functions, options.repetitions(20 * COUNT))
    return Result("loader", "one sample, 3 people, packed", "loose files", seconds["packed"], seconds["loose"])


class _Yardstick:
    """cv2.imdecode and cv2.warpAffine of a sample."""

    def __init__(self, samples: TrainingSet) -> None:
        self._work = []
        for index, (row, place) in enumerate(samples.samples[:COUNT].tolist()):
            record = samples.dataset.records[row]
            person = record.people[place]
            rng = np.random.default_rng((samples.seed, 0, index))
            warp = samples.augmentation.draw(person.center, person.bbox[3], rng)
            self._work.append((np.frombuffer(record.path.read_bytes(), np.uint8), warp.matrix))

    def __call__(self, index: int) -> np.ndarray:
        data, matrix = self._work[index]
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        return cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderValue=(128, 128, 128))


def _samples(what: str, samples: TrainingSet, options: Options) -> Result:
    """Time the first samples one by one, over and over: short measurements, that other work disturbs seldom."""
    yardstick = _Yardstick(samples)
    ours = cycle(range(COUNT))
    theirs = cycle(range(COUNT))
    functions = {"sample": lambda: samples[0, next(ours)], "opencv": lambda: yardstick(next(theirs))}
    seconds = in_turns(functions, options.repetitions(20 * COUNT))
    return Result("loader", what, "imdecode + warpAffine", seconds["sample"], seconds["opencv"], required=1.5)


def _batches(samples: TrainingSet, workers: int, options: Options) -> Result:
    """Time batches from the first to the last of an epoch."""
    yardstick = _Yardstick(samples)
    many = copy(samples)
    # An epoch of as many batches as take about _ROOM: Gluon's loader begins each by collecting garbage.
    many.samples = np.tile(samples.samples, (max(1, round(_ROOM / (len(samples) * 0.003))), 1))
    loader = BatchLoader(many, BATCH, workers)

    def run() -> None:
        for _ in loader.epoch(0):
            pass

    functions = {"batch": run, "opencv": lambda: [yardstick(index) for index in range(BATCH)]}
    seconds = in_turns(functions, options.repetitions(5))
    per_batch = [each / len(loader) for each in seconds["batch"]]
    figures = {"batches/s": f"{1 / median(per_batch):.1f}"}
    what = f"a batch of {BATCH}, {workers} worker{'s' * (workers != 1)}"
    return Result("loader", what, "that of its pictures, 1 core", per_batch, seconds["opencv"], figures=figures)


def _opening(options: Options) -> list[Result]:
    images = 3_000 if options.quick else 118_000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        size = write_annotations(root, images)
        first = [_open(root, "first")]
        second = [_open(root, "second") for _ in range(options.repetitions(5))]
        parsed = [_open(root, "json") for _ in range(1 if options.quick else 2)]
    results = []
    for name, runs, limit in (("first", first, None), ("second", second, 2.0)):
        figures = {
            "file": f"{size / 1e6:.0f} MB",
            "kept": f"{runs[0]['kept']} MB",
            "peak": f"{runs[0]['peak']} MB",
            "with the choice of people": f"{min(run['both'] for run in runs):.2f} s",
        }
        what = f"open {images} images, {name} time"
        seconds = [run["opened"] for run in runs]
        yardstick = [run["opened"] for run in parsed]
        results.append(Result("loader", what, "json.loads", seconds, yardstick, limit=limit, figures=figures))
    return results


def _open(root: Path, how: str) -> dict[str, float]:
    process = subprocess.run(
        [sys.executable, "-c", _OPEN, str(root), SPLIT, how], capture_output=True, text=True, check=True
    )
    figures: dict[str, float] = json.loads(process.stdout)
    return figures
