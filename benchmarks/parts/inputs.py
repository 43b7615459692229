"""Seeded inputs: people, the maps that show them, and pictures."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np

from cpm.codecs import PafCodec
from cpm.skeletons import OPENPOSE_18

SIDE = 368  # pixels of the network's input
NOISE = 0.01

# An upright body, x and y in units of its height from its middle.
_BODY = {"nose": (0.0, -0.42), "neck": (0.0, -0.32), "shoulder": (0.12, -0.32), "elbow": (0.17, -0.16),
         "wrist": (0.19, -0.02), "hip": (0.07, 0.02), "knee": (0.08, 0.24), "ankle": (0.08, 0.46),
         "eye": (0.02, -0.44), "ear": (0.05, -0.43)}  # fmt: skip
_SWAY = 0.03  # of every joint, in units of the height


def make_person(center: tuple[float, float], height: float, rng: np.random.Generator) -> np.ndarray:
    """Return an upright person whose joints sway, (18, 3) in the order of OPENPOSE_18, all visible."""
    joints = np.empty((OPENPOSE_18.num_joints, 3))
    for k, name in enumerate(OPENPOSE_18.joints):
        side, _, kind = name.rpartition("_")
        x, y = _BODY[kind]
        joints[k, :2] = (-x if side == "right" else x, y)
    joints[:, :2] += rng.uniform(-_SWAY, _SWAY, (len(joints), 2))
    joints[:, :2] = np.asarray(center) + height * joints[:, :2]
    joints[:, 2] = 2
    return joints


def grid_people(count: int, seed: int, side: int = SIDE) -> np.ndarray:
    """Return people who can be told apart, (count, 18, 3): on a square grid, as high as 85 % of its squares."""
    rng = np.random.default_rng((seed, count))
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    step = np.array([side / columns, side / rows])
    places = [((k % columns + 0.5) * step[0], (k // columns + 0.5) * step[1]) for k in range(count)]
    return np.stack([make_person(place, 0.85 * step[1], rng) for place in places])


def crowd(count: int, seed: int, side: int = SIDE) -> np.ndarray:
    """Return people who overlap, (count, 18, 3): 90 to 240 pixels high, anywhere where they are wholly inside."""
    rng = np.random.default_rng((seed, count, 1))
    people = []
    for height in rng.uniform(90, 240, count):
        margin = (0.23 * height, 0.5 * height)
        center = (rng.uniform(margin[0], side - margin[0]), rng.uniform(margin[1], side - margin[1]))
        people.append(make_person(center, height, rng))
    return np.stack(people)


def noisy_maps(
    codec: PafCodec, people: np.ndarray, seed: int, size: tuple[int, int] = (SIDE, SIDE)
) -> dict[str, np.ndarray]:
    """Return heatmaps and PAFs of people with noise N(0, 0.01) on every channel, the background's too; size is H, W."""
    rng = np.random.default_rng((seed, 2))
    targets = codec.encode(people, size)
    noisy = {name: targets[name] + rng.normal(0, NOISE, targets[name].shape) for name in ("heatmaps", "pafs")}
    return {name: maps.astype(np.float32) for name, maps in noisy.items()}


def make_picture(seed: int, size: tuple[int, int] = (480, 640)) -> np.ndarray:
    """Return noise smoothed to blobs of a few pixels, (H, W, 3) uint8 over the whole range; `size` is H, W.

    As a JPEG of quality 90 it takes about 2.6 bits per pixel, in between a flat and a busy photograph.
    """
    noise = np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX)


def write_pictures(folder: Path, count: int, size: tuple[int, int] = (480, 640)) -> list[Path]:
    """Write pictures as JPEG of quality 90; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{k + 1:012d}.jpg" for k in range(count)]
    for seed, path in enumerate(paths):
        cv2.imwrite(str(path), make_picture(seed, size), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return paths
