"""Pictures of people: who is where, drawn from the farthest to the nearest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import surroundings
from .body import Body, articulate, sample_build
from .canvas import OBJECT, Canvas
from .person import Outfit, dress, sample_outfit
from .poses import sample_pose

# Between one person and the next in depth: more than any body is deep, small enough for float32.
_STEP = 4096.0

Box = tuple[float, ...]  # left, top, right, bottom in pixels


@dataclass(frozen=True)
class Figure:
    """One person in the picture.

    Attributes
    ----------
    number
        The owner of its pixels on the canvas.
    body
        Placed in the picture.
    distance
        What the canvas added to the depths of the body.
    silhouette
        Pixels that it would cover if nothing were in front.
    labelled
        False for people whose joints nobody annotated.
    """

    number: int
    body: Body
    distance: float
    silhouette: int
    labelled: bool


@dataclass(frozen=True)
class Scene:
    """A finished picture and what is known about it.

    Attributes
    ----------
    image
        (H, W, 3) uint8 RGB.
    canvas
        With the owner and depth of every pixel.
    figures
        From the farthest to the nearest.
    crowd
        The owner of all pixels of a crowd, 0 if there is none.
    """

    image: np.ndarray
    canvas: Canvas
    figures: list[Figure]
    crowd: int


def compose(rng: np.random.Generator, width: int, height: int) -> Scene:
    """Draw a picture of none to four people, a few with a crowd behind them."""
    backdrop = surroundings.background(rng, width, height)
    light = np.array([rng.uniform(-0.7, 0.7), rng.uniform(-0.8, 0.1), 0.8])
    canvas = Canvas(backdrop.astype(np.float32), light / np.linalg.norm(light), rng.uniform(0.45, 0.7))
    crowd = 0
    if rng.random() < 0.05:
        crowd = 1
        _draw_crowd(rng, canvas, width, height)
    count = int(rng.choice(5, p=[0.03, 0.45, 0.30, 0.14, 0.08]))
    bodies = _arrange(rng, count, width, height)
    hidden = int(rng.integers(count)) if count and rng.random() < 0.3 else None
    figures = []
    for index, body in enumerate(bodies):
        figures.append(_draw_figure(rng, canvas, body, backdrop, index + 2))
        if index == hidden:
            canvas.begin(OBJECT, figures[-1].distance + _STEP / 2)
            canvas.cover(*surroundings.obstacle(rng, (height, width), body.extent()))
    return Scene(surroundings.develop(rng, canvas.image), canvas, figures, crowd)


def _arrange(rng: np.random.Generator, count: int, width: int, height: int) -> list[Body]:
    """Place `count` people, those with their feet lower in the picture in front of the others."""
    bodies: list[Body] = []
    boxes: list[Box] = []
    for _ in range(count):
        together = rng.random() < 0.3
        body = sample_body(rng)
        choices = [_place(rng, body.extent(), count, width, height) for _ in range(5)]
        overlaps = [max((_overlap(box, other) for other in boxes), default=0.0) for _, box in choices]
        allowed = 0.6 if together else 0.12
        best = next((k for k, overlap in enumerate(overlaps) if overlap <= allowed), int(np.argmin(overlaps)))
        place, box = choices[best]
        bodies.append(body.placed(*place))
        boxes.append(box)
    return sorted(bodies, key=lambda body: body.extent()[3])


def sample_body(rng: np.random.Generator) -> Body:
    """Draw somebody's build, pose and view, not yet placed."""
    yaw = rng.uniform(-180, 180) if rng.random() < 0.65 else rng.normal(0, 30)
    return articulate(sample_build(rng), sample_pose(rng), yaw, rng.uniform(-6, 18), rng.normal(0, 4))


def _place(rng: np.random.Generator, extent: Box, count: int, width: int, height: int) -> tuple[Box, Box]:
    """Return a stature and a place (x, y) for a body with an extent around (0, 0), and its extent there."""
    left, top, right, bottom = extent
    largest = (0.96, 0.96, 0.88, 0.74, 0.66)[count]
    tall = height * rng.uniform(0.5, 1.0) * largest
    stature = min(tall / max(bottom - top, 0.6), 1.1 * width / (right - left))
    cut = rng.random()
    if cut < 0.1:
        stature *= rng.uniform(1.1, 1.6)
    left, top, right, bottom = (stature * edge for edge in (left, top, right, bottom))
    x = _between(rng, -left, width - right, 0.04 * width)
    y = _between(rng, -top, height - bottom, 0.02 * height)
    if cut < 0.1:  # a close view: the legs are below the picture
        y = rng.uniform(0.02, 0.2) * height - top
    if 0.1 <= cut < 0.17:  # partly beyond the left or right border
        out = rng.uniform(0.15, 0.45) * (right - left)
        x = -left - out if rng.random() < 0.5 else width - right + out
    return (stature, x, y), (left + x, top + y, right + x, bottom + y)


def _between(rng: np.random.Generator, low: float, high: float, slack: float) -> float:
    low, high = min(low, high) - slack, max(low, high) + slack
    return float(rng.uniform(low, high))


def _overlap(a: Box, b: Box) -> float:
    """Area that two boxes share, as part of the smaller one."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return max(width, 0.0) * max(height, 0.0) / smaller


def _draw_figure(rng: np.random.Generator, canvas: Canvas, body: Body, backdrop: np.ndarray, number: int) -> Figure:
    distance = number * _STEP
    canvas.begin(number, distance)
    canvas.draw(dress(body, _sample_outfit(rng, body, backdrop)))
    return Figure(number, body, distance, int(np.count_nonzero(canvas.silhouette)), bool(rng.random() >= 0.06))


def _sample_outfit(rng: np.random.Generator, body: Body, backdrop: np.ndarray) -> Outfit:
    height, width = backdrop.shape[:2]
    left, top, right, bottom = body.extent()
    columns = slice(int(np.clip(left, 0, width - 1)), int(np.clip(right, 0, width - 1)) + 1, 4)
    rows = slice(int(np.clip(top, 0, height - 1)), int(np.clip(bottom, 0, height - 1)) + 1, 4)
    return sample_outfit(rng, backdrop[rows, columns].mean(axis=(0, 1)))


def _draw_crowd(rng: np.random.Generator, canvas: Canvas, width: int, height: int) -> None:
    """Draw many small people close together, all for owner 1."""
    tall = height * rng.uniform(0.10, 0.16)
    middle = width * rng.uniform(0.25, 0.75)
    top = height * rng.uniform(0.05, 0.45)
    reach = width * rng.uniform(0.08, 0.16)
    for row in range(int(rng.integers(2, 4))):
        canvas.begin(1, row * _STEP / 8)
        for _ in range(int(rng.integers(4, 7))):
            body = sample_body(rng)
            x, y = middle + rng.uniform(-reach, reach), top + tall * (0.5 + 0.45 * row + rng.uniform(-0.1, 0.1))
            canvas.draw(dress(body.placed(tall, x, y), sample_outfit(rng, np.full(3, 128.0))))
