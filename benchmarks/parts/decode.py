"""People from maps of 46x46 cells, on the grid of the network.

Maps of people who stand apart, see `inputs.grid_people`, and of a crowd, see `inputs.crowd`, all joints labelled, on
OPENPOSE_18 with sigma 7 and stride 8, and noise on every channel, see `inputs.noisy_maps`; 4 seeds, the time is
their mean. The yardstick is what a decoder that works on pixels begins with: one call of cv2.resize that
enlarges the 57 maps (46, 46, 57) to 368x368, bicubic, on one thread.

A person is recovered if at least 14 of the 18 joints are within 4 pixels of the network's input of their places.
People found are matched with true ones by the number of such joints, most first.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from cpm import Person
from cpm.codecs import PafCodec
from cpm.skeletons import OPENPOSE_18

from .inputs import SIDE, crowd, grid_people, noisy_maps
from .measuring import Options, Result, in_turns

SEEDS = 4
_CLOSE = 4.0  # pixels
_ENOUGH = 14  # joints


def measure(options: Options) -> list[Result]:
    """Measure 1, 3, 10 and 30 people apart and a crowd of 10."""
    cases = [
        (f"decode, {count} people apart", [grid_people(count, seed) for seed in range(SEEDS)], required)
        for count, required in ((1, None), (3, None), (10, 1 / 25), (30, 1 / 6))
    ]
    cases.append(("decode, a crowd of 10", [crowd(10, seed) for seed in range(SEEDS)], None))
    return [_measure(what, scenes, required, options) for what, scenes, required in cases]


def _measure(what: str, scenes: list[np.ndarray], required: float | None, options: Options) -> Result:
    codec = PafCodec(OPENPOSE_18)
    maps = [noisy_maps(codec, people, seed) for seed, people in enumerate(scenes)]
    cells = np.ascontiguousarray(np.concatenate(list(maps[0].values())).transpose(1, 2, 0))
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        seconds = in_turns(
            {
                "decode": lambda: [codec.decode(each) for each in maps],
                "resize": lambda: cv2.resize(cells, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC),
            },
            options.repetitions(30),
        )
    finally:
        cv2.setNumThreads(threads)
    per_image = [each / len(maps) for each in seconds["decode"]]
    figures = _score([codec.decode(each) for each in maps], scenes)
    return Result("decode", what, "cv2.resize of the maps", per_image, seconds["resize"], required, figures=figures)


def _score(found: list[list[Person]], scenes: list[np.ndarray]) -> dict[str, Any]:
    """Return how many of all scenes' people were recovered, how many are too many, and the share of joints found."""
    recovered = extra = joints = 0
    for people, truth in zip(found, scenes):
        matches = _match(people, truth)
        good = sum(count >= _ENOUGH for count in matches)
        recovered += good
        extra += len(people) - good
        joints += sum(matches)
    total = sum(map(len, scenes))
    share = joints / (total * OPENPOSE_18.num_joints)
    return {"recovered": f"{recovered}/{total}", "extra": extra, "joints": f"{share:.1%}"}


def _match(people: list[Person], truth: np.ndarray) -> list[int]:
    """Return for every match the number of joints that are close."""
    if not people:
        return []
    found = np.stack([person.keypoints for person in people])
    distance = np.linalg.norm(found[:, None, :, :2] - truth[None, ..., :2], axis=-1)
    close = ((distance <= _CLOSE) & (found[:, None, :, 2] > 0)).sum(axis=-1)
    matches = []
    for _ in range(min(close.shape)):
        best = np.unravel_index(close.argmax(), close.shape)
        matches.append(int(close[best]))
        close[best[0]] = -1
        close[:, best[1]] = -1
    return matches
