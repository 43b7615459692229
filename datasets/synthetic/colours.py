"""Colours of skin, hair, clothes and things."""

from __future__ import annotations

import colorsys

import numpy as np

SKIN = np.array(
    [[246, 213, 190], [236, 194, 164], [222, 172, 138], [198, 145, 108], [164, 112, 78], [122, 80, 54], [86, 56, 40]],
    float,
)
HAIR = np.array([[28, 24, 22], [58, 40, 28], [98, 66, 40], [150, 106, 60], [206, 170, 104], [150, 66, 34], [170] * 3])


def blend(palette: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(3,) a colour between two neighbours of the palette."""
    place = rng.uniform(0, len(palette) - 1)
    low = int(place)
    part = place % 1
    return np.asarray(palette[low] * (1 - part) + palette[low + 1] * part)


def cloth(rng: np.random.Generator, *unlike: np.ndarray) -> np.ndarray:
    """(3,) a colour of clothes, if it can be had away from the given colours."""
    best = np.zeros(3)
    best_distance = -1.0
    for _ in range(6):
        grey = rng.random() < 0.25
        saturation = rng.uniform(0, 0.12) if grey else rng.uniform(0.3, 0.95)
        colour = _from_hsv(rng.random(), saturation, rng.uniform(0.14, 0.97))
        distance = min((float(np.abs(colour - other).sum()) for other in unlike), default=1e9)
        if distance > best_distance:
            best = colour
            best_distance = distance
        if best_distance > 130:
            break
    return best


def thing(rng: np.random.Generator) -> np.ndarray:
    """(3,) a colour of backgrounds and things: any, mostly dull."""
    saturation = rng.uniform(0.0, 0.35) if rng.random() < 0.7 else rng.uniform(0.35, 0.9)
    return _from_hsv(rng.random(), saturation, rng.uniform(0.1, 0.95))


def _from_hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    return 255 * np.array(colorsys.hsv_to_rgb(hue, saturation, value), float)
