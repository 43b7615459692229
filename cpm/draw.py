"""Pictures of people, heatmaps and part affinity fields."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Union

import cv2
import numpy as np

from .checks import check_image
from .errors import ConfigError, DataError
from .files import atomic_path
from .person import Person
from .skeletons import Skeleton

Scale = Union[float, tuple[float, float]]

# The hues (degrees) of the limbs of each side, from the first limb of the skeleton to the last.
_HUES = {"left": (172.0, 222.0), "right": (48.0, 4.0), "middle": (285.0, 325.0)}
_WIDEST = 16  # times its height an image on a sheet is wide at most
_LARGEST_SIDE = 65_500  # pixels; libjpeg writes no larger ones
_FRACTION_BITS = 4  # cv2 draws at sixteenths of a pixel
_SUFFIXES = {".jpg": [cv2.IMWRITE_JPEG_QUALITY, 92], ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 92], ".png": []}


def draw_people(image: np.ndarray, people: Sequence[Person], skeleton: Skeleton, opacity: float = 0.85) -> np.ndarray:
    """Draw limbs as sticks and joints as dots; the left side is blue to green, the right side yellow to red.

    Parameters
    ----------
    image
        (H, W, 3) RGB uint8; it stays as it is.
    people
        Keypoints in image pixels, K as in the skeleton; joints of score 0 are left out.
    skeleton
        The body the keypoints belong to.
    opacity
        How much the sticks hide of the image, 0 to 1.

    Returns
    -------
    ndarray
        (H, W, 3) RGB uint8.

    Raises
    ------
    DataError
        If the image is not (H, W, 3) uint8 or a person has another number of joints.
    """
    check_image(image)
    sticks = image.copy()
    for person in sorted(people, key=lambda person: person.bbox[3]):
        if person.keypoints.shape != (skeleton.num_joints, 3):
            expected = f"({skeleton.num_joints}, 3) of {skeleton.name}"
            raise DataError(f"a person has keypoints of shape {person.keypoints.shape}, expected {expected}")
        _draw_person(sticks, person, skeleton)
    mixed: np.ndarray = cv2.addWeighted(sticks, opacity, image, 1 - opacity, 0)
    return mixed


def draw_heatmaps(
    image: np.ndarray, heatmaps: np.ndarray, scale: Scale = 1.0, stride: int = 8, background: bool = True
) -> np.ndarray:
    """Lay the maximum of the joints' heatmaps over a darkened image, in the colours of an inferno.

    Parameters
    ----------
    image
        (H, W, 3) RGB uint8.
    heatmaps
        (K + 1, h, w) float on the grid of the codec; without background channel (K, h, w).
    scale
        Pixels of the network's input per image pixel; one number or (sx, sy).
    stride
        Pixels of the network's input per cell; cell g has its centre at stride * g + (stride - 1) / 2.
    background
        Whether the last channel is the background, which is left out.

    Returns
    -------
    ndarray
        (H, W, 3) RGB uint8.
    """
    check_image(image)
    joints = heatmaps[:-1] if background else heatmaps
    if len(joints) == 0:
        raise DataError(f"heatmaps of shape {heatmaps.shape} hold no joint, expected (K + 1, h, w)")
    strength = np.clip(_to_image(joints.max(axis=0), image.shape[:2], scale, stride), 0, 1)
    colours = cv2.applyColorMap((255 * strength).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    return _glow(image, colours.astype(np.float32), strength)


def draw_pafs(image: np.ndarray, pafs: np.ndarray, scale: Scale = 1.0, stride: int = 8) -> np.ndarray:
    """Lay the strongest vector of every place over a darkened image: direction as hue, length as brightness.

    Parameters
    ----------
    image
        (H, W, 3) RGB uint8.
    pafs
        (2L, h, w) float on the grid of the codec; channels 2k and 2k + 1 are x and y of limb k.
    scale, stride
        See :func:`draw_heatmaps`.

    Returns
    -------
    ndarray
        (H, W, 3) RGB uint8. Red points right, yellow-green down, cyan left, violet up.
    """
    check_image(image)
    if pafs.ndim != 3 or len(pafs) == 0 or len(pafs) % 2:
        raise DataError(f"PAFs of shape {pafs.shape}, expected (2L, h, w)")
    vectors = pafs.reshape(-1, 2, *pafs.shape[1:])
    strongest = np.hypot(vectors[:, 0], vectors[:, 1]).argmax(axis=0)
    field = np.take_along_axis(vectors, strongest[None, None], axis=0)[0]
    x, y = (_to_image(component, image.shape[:2], scale, stride) for component in field)
    strength = np.clip(np.hypot(x, y), 0, 1)
    hue = np.degrees(np.arctan2(y, x)) % 360
    hsv = np.stack([hue, np.full_like(hue, 0.85), strength], axis=-1).astype(np.float32)
    return _glow(image, 255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), strength)


def contact_sheet(
    images: Sequence[np.ndarray], columns: int = 3, height: int | None = None, gap: int = 4
) -> np.ndarray:
    """Arrange images in rows on white, all scaled to one height; slivers become less high, so as to stay readable.

    Parameters
    ----------
    images
        (H, W, 3) RGB uint8 each, of any sizes.
    columns
        Images per row.
    height
        Height of every image in pixels; by default that of the highest.
    gap
        Pixels between images.

    Returns
    -------
    ndarray
        (H, W, 3) RGB uint8.
    """
    if not images:
        raise DataError("a contact sheet of no images; expected at least one")
    if columns < 1:
        raise ConfigError(f"columns={columns}, expected 1 or more")
    for image in images:
        check_image(image)
    height = height or max(len(image) for image in images)
    resized = [_with_height(image, height) for image in images]
    rows = [resized[first : first + columns] for first in range(0, len(resized), columns)]
    width = max(sum(image.shape[1] for image in row) + gap * (len(row) - 1) for row in rows)
    sheet = np.full((len(rows) * (height + gap) - gap, width, 3), 255, np.uint8)
    for number, row in enumerate(rows):
        top, left = number * (height + gap), 0
        for image in row:
            sheet[top : top + len(image), left : left + image.shape[1]] = image
            left += image.shape[1] + gap
    return sheet


def save_image(path: str | Path, rgb: np.ndarray) -> None:
    """Write an (H, W, 3) RGB uint8 image as JPEG or PNG, by the suffix; whole or not at all.

    What is longer than a JPEG file can be, 65,500 pixels, becomes smaller.

    Raises
    ------
    ConfigError
        If the suffix is none of .jpg, .jpeg and .png.
    """
    path = Path(path)
    check_image(rgb)
    if path.suffix.lower() not in _SUFFIXES:
        raise ConfigError(
            f"{path}: cannot write {path.suffix or 'no suffix'!r}, expected one of {', '.join(_SUFFIXES)}"
        )
    longest = max(rgb.shape[:2])
    if longest > _LARGEST_SIDE:
        rgb = _resize(rgb, _LARGEST_SIDE / longest)
    _, encoded = cv2.imencode(path.suffix.lower(), rgb[..., ::-1], _SUFFIXES[path.suffix.lower()])
    with atomic_path(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def limb_colours(skeleton: Skeleton) -> list[tuple[int, int, int]]:
    """Return one RGB colour per limb: the sides in different hues, the limbs of a side in neighbouring ones."""
    sides = [_side(*limb) for limb in skeleton.limbs]
    colours = []
    for k, side in enumerate(sides):
        first, last = _HUES[side]
        place = sides[:k].count(side) / max(sides.count(side) - 1, 1)
        red, green, blue = colorsys.hsv_to_rgb((first + (last - first) * place) / 360, 0.82, 1.0)
        colours.append((round(255 * red), round(255 * green), round(255 * blue)))
    return colours


def _side(joint_a: str, joint_b: str) -> str:
    left = joint_a.startswith("left_") or joint_b.startswith("left_")
    right = joint_a.startswith("right_") or joint_b.startswith("right_")
    if left == right:
        return "middle"
    return "left" if left else "right"


def _draw_person(sticks: np.ndarray, person: Person, skeleton: Skeleton) -> None:
    """Draw into `sticks`; thickness follows the person's size, so that neither a child nor a crowd blots."""
    width = max(1, round(math.hypot(*person.bbox[2:]) / 60))
    one = 1 << _FRACTION_BITS
    places = [(round(float(x) * one), round(float(y) * one)) for x, y in person.keypoints[:, :2]]
    found = person.found
    dots: dict[int, tuple[int, int, int]] = {}
    for (a, b), colour in zip(skeleton.limb_joints, limb_colours(skeleton)):
        if found[a] and found[b]:
            cv2.line(sticks, places[a], places[b], colour, width, cv2.LINE_AA, _FRACTION_BITS)
        dots.setdefault(a, colour)
        dots[b] = colour
    for k in np.flatnonzero(found):
        radius = round(0.9 * width * one) + one // 2
        cv2.circle(sticks, places[k], radius + one // 2, (30, 30, 30), cv2.FILLED, cv2.LINE_AA, _FRACTION_BITS)
        cv2.circle(sticks, places[k], radius, dots.get(k, (255, 255, 255)), cv2.FILLED, cv2.LINE_AA, _FRACTION_BITS)


def _glow(image: np.ndarray, colours: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Let colours (H, W, 3) replace a darkened image where strength (H, W) is 1."""
    cover = strength[..., None]
    mixed = 0.45 * image.astype(np.float32) * (1 - cover) + colours * cover
    clipped: np.ndarray = np.clip(mixed.round(), 0, 255).astype(np.uint8)
    return clipped


def _to_image(plane: np.ndarray, size: tuple[int, ...], scale: Scale, stride: int) -> np.ndarray:
    """Resample a grid (h, w) to image pixels (H, W): pixel x lies at cell (x + 0.5) * sx / stride - 0.5."""
    rx, ry = np.broadcast_to(scale, 2) / stride
    to_grid = np.array([[rx, 0, 0.5 * rx - 0.5], [0, ry, 0.5 * ry - 0.5]])
    how = {"flags": cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, "borderMode": cv2.BORDER_REPLICATE}
    resampled: np.ndarray = cv2.warpAffine(plane.astype(np.float32), to_grid, size[::-1], **how)
    return resampled


def _with_height(image: np.ndarray, height: int) -> np.ndarray:
    """Resize an image to a height, or to less where it would be more than `_WIDEST` times as wide."""
    factor = min(height / len(image), _WIDEST * height / image.shape[1])
    return image if factor == 1 else _resize(image, factor)


def _resize(image: np.ndarray, factor: float) -> np.ndarray:
    size = (max(1, round(image.shape[1] * factor)), max(1, round(len(image) * factor)))
    resized: np.ndarray = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    return resized
