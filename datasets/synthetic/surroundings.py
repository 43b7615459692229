"""What is around people: backgrounds, things in front of them, and the faults of cameras."""

from __future__ import annotations

import numpy as np

from ...opencv import cv2
from . import colours

_APART = 4099


def background(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Draw a place without people.

    Returns
    -------
    ndarray
        (height, width, 3) uint8 RGB: soft gradients and rough texture, often a floor, and shapes, stripes and
        bars that look a little like limbs.
    """
    image = _gradient(rng, width, height)
    if rng.random() < 0.6:
        horizon = int(height * rng.uniform(0.35, 0.85))
        image[horizon:] = _gradient(rng, width, height - horizon)
    image = _rough(rng, image)
    if rng.random() < 0.35:
        _pattern(rng, image)
    for _ in range(int(rng.integers(0, 9))):
        _shape(rng, image)
    return image


def _gradient(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    base = colours.thing(rng)
    other = colours.thing(rng)
    mix = rng.uniform(0, rng.uniform(0.1, 0.6), size=(3, 3, 1))
    patch = (base * (1 - mix) + other * mix).astype(np.float32)
    return np.asarray(cv2.resize(patch, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8))


def _rough(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Add grain of a random coarseness."""
    height, width = image.shape[:2]
    cell = int(rng.integers(2, 16))
    grain = rng.integers(0, 256, size=(height // cell + 1, width // cell + 1, 1), dtype=np.uint8)
    grain = cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR)
    part = rng.uniform(0.0, 0.2)
    return np.asarray(cv2.addWeighted(image, 1 - part, cv2.cvtColor(grain, cv2.COLOR_GRAY2RGB), part, 0))


def _pattern(rng: np.random.Generator, image: np.ndarray) -> None:
    """Draw parallel lines: boards, fences, tiles, blinds."""
    height, width = image.shape[:2]
    colour = _mixed(rng, image, 0.5)
    gap = int(rng.integers(10, 60))
    thickness = int(rng.integers(1, 6))
    kind = rng.integers(4)
    slant = int(rng.uniform(-0.5, 0.5) * height) if kind == 2 else 0
    if kind != 1:
        for x in range(int(rng.integers(gap)) - height // 2, width + height // 2, gap):
            cv2.line(image, (x, 0), (x + slant, height), colour, thickness, cv2.LINE_AA)
    if kind in (1, 3):
        for y in range(int(rng.integers(gap)), height, gap):
            cv2.line(image, (0, y), (width, y), colour, thickness, cv2.LINE_AA)


def _shape(rng: np.random.Generator, image: np.ndarray) -> None:
    """Draw one thing somewhere: a box, a disc, a polygon or a bar with a round end."""
    height, width = image.shape[:2]
    colour = _mixed(rng, image, rng.uniform(0.2, 1.0))
    x, y = int(rng.uniform(0, width)), int(rng.uniform(0, height))
    size = float(height * rng.uniform(0.04, 0.3))
    kind = rng.integers(5)
    if kind == 0:
        corner = (x + int(size * rng.uniform(0.3, 1.5)), y + int(size * rng.uniform(0.3, 1.5)))
        cv2.rectangle(image, (x, y), corner, colour, -1)
    elif kind == 1:
        axes = (max(int(size * 0.6), 1), max(int(size * rng.uniform(0.2, 0.6)), 1))
        cv2.ellipse(image, (x, y), axes, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
    elif kind == 2:
        points = np.array([x, y]) + rng.uniform(-size, size, size=(int(rng.integers(3, 6)), 2))
        cv2.fillPoly(image, [points.astype(np.int32)], colour, cv2.LINE_AA)
    else:
        angle = rng.uniform(0, 2 * np.pi)
        end = (x + int(1.5 * size * np.cos(angle)), y + int(1.5 * size * np.sin(angle)))
        thick = max(int(height * rng.uniform(0.01, 0.05)), 1)
        cv2.line(image, (x, y), end, colour, thick, cv2.LINE_AA)
        if rng.random() < 0.3:
            cv2.circle(image, end, int(thick * rng.uniform(0.6, 1.3)), _mixed(rng, image, 0.9), -1, cv2.LINE_AA)


def _mixed(rng: np.random.Generator, image: np.ndarray, part: float) -> tuple[float, ...]:
    """Return a random colour, drawn towards that of a random pixel."""
    pixel = image[rng.integers(len(image)), rng.integers(image.shape[1])]
    skin = rng.random() < 0.12
    colour = colours.blend(colours.SKIN, rng) if skin else colours.thing(rng)
    return tuple(float(value) for value in pixel * (1 - part) + colour * part)


def obstacle(
    rng: np.random.Generator, size: tuple[int, int], box: tuple[float, float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a thing in front of a person.

    Parameters
    ----------
    rng
        Source of all randomness.
    size
        Height and width of the picture.
    box
        Left, top, right and bottom of the person.

    Returns
    -------
    mask, colour
        (H, W) float32 0..1 and (H, W, 3) float32.
    """
    mask = np.zeros(size, np.uint8)
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    kind = rng.integers(4)
    if kind == 0:  # table, wall, bench: from somewhere below the waist down
        y = int(bottom - height * rng.uniform(0.15, 0.4))
        start, end = left - width * rng.uniform(0, 1.0), right + width * rng.uniform(0, 1.0)
        cv2.rectangle(mask, (int(start), y), (int(end), int(y + height * rng.uniform(0.1, 0.5))), 255, -1)
    elif kind == 1:  # post, tree
        x = rng.uniform(left, right)
        thick = max(int(height * rng.uniform(0.03, 0.09)), 2)
        cv2.line(mask, (int(x), 0), (int(x + rng.uniform(-20, 20)), size[0]), 255, thick, cv2.LINE_AA)
    elif kind == 2:  # ball, sign
        centre = (int(rng.uniform(left, right)), int(rng.uniform(top + 0.3 * height, bottom)))
        axes = (max(int(height * rng.uniform(0.05, 0.14)), 2), max(int(height * rng.uniform(0.05, 0.14)), 2))
        cv2.ellipse(mask, centre, axes, rng.uniform(0, 180), 0, 360, 255, -1, cv2.LINE_AA)
    else:  # plant
        root = np.array([rng.uniform(left, right), bottom + 0.05 * height])
        for _ in range(int(rng.integers(6, 16))):
            angle = rng.uniform(-1.0, 1.0)
            length = height * rng.uniform(0.12, 0.4)
            leaf = root + length * np.array([np.sin(angle), -np.cos(angle)])
            middle = tuple(((root + leaf) / 2).astype(int).tolist())
            axes = (max(int(length / 2), 1), max(int(length * 0.07), 1))
            cv2.ellipse(mask, middle, axes, float(np.degrees(angle) - 90), 0, 360, 255, -1, cv2.LINE_AA)
    green = np.array([rng.uniform(20, 90), rng.uniform(70, 160), rng.uniform(20, 80)])
    first = green if kind == 3 else colours.thing(rng)
    ramp = np.linspace(0.75, 1.15, size[0], dtype=np.float32)[:, None, None]
    colour = np.clip(ramp * first.astype(np.float32), 0, 255)
    return mask.astype(np.float32) / 255, np.broadcast_to(colour, (*size, 3))


def develop(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Turn the (H, W, 3) float32 picture into uint8 through a camera that blurs, misjudges light and adds noise."""
    sigma = rng.uniform(0.0, 0.9)
    if sigma > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    gain = rng.uniform(0.72, 1.2) * rng.uniform(0.95, 1.05, size=3)
    strength = rng.uniform(0.5, 6.0) / 104
    offset = rng.uniform(-14, 18) - 255 * strength
    image = cv2.transform(image, np.column_stack([np.diag(gain), np.full(3, offset)]))
    # The sum of two bytes is near enough to a normal law, of standard deviation 104, and quick to draw. That
    # every byte serves twice, rows apart, cannot be seen.
    dice = np.frombuffer(rng.bytes(image.size + _APART), np.uint8)
    first, second = dice[_APART:].reshape(image.shape), dice[:-_APART].reshape(image.shape)
    noise = cv2.add(first, second, dtype=cv2.CV_32F)
    return np.asarray(cv2.addWeighted(image, 1.0, noise, strength, 0, dtype=cv2.CV_8U))
