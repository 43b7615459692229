"""The panels that labels are shown in: arrows of PAFs, masks over the crop, weights of joints, offsets, captions."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..checks import check_image
from ..draw import limb_colours
from ..errors import DataError
from ..skeletons import Skeleton

Colour = tuple[int, int, int]

_BITS = 4  # cv2 draws at sixteenths of a pixel
_WEAKEST = 0.05  # a shorter vector is no field
_INK: Colour = (45, 45, 52)
_FAINT: Colour = (200, 200, 206)
_IGNORED: Colour = (235, 45, 60)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
# An arrow of length 1 along x about its middle: a slim shaft and a head.
_ARROW = np.array([(-0.5, -0.07), (0.08, -0.09), (0.02, -0.27), (0.5, 0), (0.02, 0.27), (0.08, 0.09), (-0.5, 0.07)])


def enlarge(image: np.ndarray, height: int) -> tuple[np.ndarray, float]:
    """Return an image scaled to a height in pixels, and by what factor it was."""
    check_image(image)
    factor = height / image.shape[0]
    size = (max(round(image.shape[1] * factor), 1), height)
    scaled: np.ndarray = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    return scaled, factor


def draw_arrows(image: np.ndarray, pafs: np.ndarray, colours: Sequence[Colour], cell: float) -> np.ndarray:
    """Draw PAFs as arrows over a darkened image: one in every cell with a field, of the limb that is strongest there.

    Where several limbs are equally strong, as about a joint, their arrows take turns from cell to cell.

    Parameters
    ----------
    image
        (H, W, 3) RGB uint8.
    pafs
        (2L, h, w) float: x and y of limb k in the channels 2k and 2k + 1.
    colours
        L RGB colours.
    cell
        Pixels of the image per cell; cell g has its centre at pixel cell * (g + 0.5) - 0.5.

    Returns
    -------
    ndarray
        (H, W, 3) RGB uint8. The middle of an arrow is the centre of its cell; a unit vector is as long as the cell.

    Raises
    ------
    DataError
        If the image or the shape of the PAFs is not as stated.
    """
    check_image(image)
    if pafs.ndim != 3 or pafs.shape[0] != 2 * len(colours) or not len(colours):
        raise DataError(f"PAFs of shape {pafs.shape}, expected ({2 * len(colours)}, h, w) for {len(colours)} limbs")
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None]
    picture = np.ascontiguousarray((0.2 * image + 0.22 * grey + 8).astype(np.uint8))
    vectors = pafs.reshape(len(colours), 2, *pafs.shape[1:]).astype(np.float64)
    lengths = np.hypot(vectors[:, 0], vectors[:, 1])
    rows, columns = np.nonzero(lengths.max(axis=0) > _WEAKEST)
    for row, column in zip(rows.tolist(), columns.tolist()):
        here = lengths[:, row, column]
        strongest = np.flatnonzero(here > here.max() - 1e-3)
        limb = int(strongest[(row + column) % len(strongest)])
        centre = cell * (np.array([column, row]) + 0.5) - 0.5
        _arrow(picture, centre, cell * vectors[limb, :, row, column], colours[limb])
    return picture


def draw_offsets(image: np.ndarray, offsets: np.ndarray, colours: Sequence[Colour], cell: float) -> np.ndarray:
    """Draw the cells that have an offset, as frames over a darkened image, and the place that it gives, as a dot.

    Parameters
    ----------
    image
        (H, W, 3) RGB uint8.
    offsets
        (2K, h, w), see :class:`cpm.codecs.OffsetTargets`.
    colours
        K RGB colours.
    cell
        Pixels of the image per cell.

    Returns
    -------
    ndarray
        (H, W, 3) RGB uint8.
    """
    check_image(image)
    picture = np.ascontiguousarray((0.5 * image).astype(np.uint8))
    pairs = offsets.reshape(-1, 2, *offsets.shape[1:])
    for joint, row, column in np.argwhere((pairs > 0).any(axis=1)).tolist():
        start, end = ((round(cell * x), round(cell * y)) for x, y in ((column, row), (column + 1, row + 1)))
        cv2.rectangle(picture, start, end, colours[joint], 1)
        x, y = cell * (np.array([column, row]) + 1 - pairs[joint, :, row, column]) - 0.5
        _dot(picture, x, y, max(cell / 8, 1.5), colours[joint])
    return picture


def draw_ignored(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Tint the cells of an image in which the loss does not count, the more the less it does, and outline them.

    Parameters
    ----------
    image
        (H, W, 3) RGB uint8.
    mask
        (h, w) float: 1 where the loss counts, 0 where it does not.

    Returns
    -------
    ndarray
        (H, W, 3) RGB uint8.
    """
    check_image(image)
    size = (image.shape[1], image.shape[0])
    ignored = cv2.resize(1 - mask.astype(np.float32), size, interpolation=cv2.INTER_NEAREST)
    cover = 0.55 * np.clip(ignored, 0, 1)[..., None]
    picture = np.ascontiguousarray((image * (1 - cover) + np.array(_IGNORED) * cover).round().astype(np.uint8))
    outlines, _ = cv2.findContours((ignored > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(picture, outlines, -1, (255, 255, 255), 1, cv2.LINE_AA)
    return picture


def mark_occluded(image: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """Hollow out the dots of joints that are labelled but cannot be seen.

    Parameters
    ----------
    image
        (H, W, 3) RGB uint8, from :func:`cpm.draw.draw_people`.
    keypoints
        (N, K, 3) x, y in its pixels and visibility, 1 of occluded joints.

    Returns
    -------
    ndarray
        (H, W, 3) RGB uint8.
    """
    picture = image.copy()
    for person in keypoints:
        sides = np.ptp(person[person[:, 2] > 0, :2], axis=0) if (person[:, 2] > 0).any() else np.zeros(2)
        radius = max(1.2, float(np.hypot(*sides)) / 130)  # draw_people makes larger dots of larger people
        for x, y, _ in person[person[:, 2] == 1].tolist():
            _dot(picture, x, y, radius, (255, 255, 255))
    return picture


def draw_weights(height: int, weights: np.ndarray, keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """List the joints of one person: a dot in their colour where the loss counts, and what is known of them.

    Parameters
    ----------
    height
        Of the list in pixels.
    weights
        (K,) of the joints in the loss.
    keypoints
        (K, 3) with their visibility.
    skeleton
        Their names.

    Returns
    -------
    ndarray
        (height, W, 3) RGB uint8.
    """
    line = height / skeleton.num_joints
    size = min(line / 34, 1.0) * 0.62
    picture = np.full((height, max(round(560 * size), 150), 3), 255, np.uint8)
    colours = joint_colours(skeleton)
    for k, name in enumerate(skeleton.joints):
        y, counts = line * (k + 0.5), weights[k] > 0
        _dot(picture, 22 * size, y, 11 * size, colours[k] if counts else _FAINT)
        if not counts:
            _dot(picture, 22 * size, y, 7.5 * size, (255, 255, 255))
        seen = {0: "no label here", 1: "occluded"}.get(int(keypoints[k, 2]), "visible")
        place = (round(44 * size), round(y + 8 * size))
        words = f"{name.replace('_', ' ')}: {weights[k]:g}, {seen}"
        cv2.putText(picture, words, place, _FONT, size, _INK if counts else (150, 150, 156), 1, cv2.LINE_AA)
    return picture


def joint_colours(skeleton: Skeleton) -> list[Colour]:
    """Return one RGB colour per joint, those of its dot in :func:`cpm.draw.draw_people`."""
    dots: dict[int, Colour] = {}
    for (a, b), colour in zip(skeleton.limb_joints.tolist(), limb_colours(skeleton)):
        dots.setdefault(a, colour)
        dots[b] = colour
    return [dots.get(k, (120, 120, 120)) for k in range(skeleton.num_joints)]


def captioned(image: np.ndarray, text: str, bold: bool = False) -> np.ndarray:
    """Return a picture with a line of ASCII text above it, as large as fits, on white."""
    check_image(image)
    font, size = (cv2.FONT_HERSHEY_DUPLEX, 0.66) if bold else (_FONT, 0.56)
    (width, _), _ = cv2.getTextSize(text, font, size, 1)
    size *= min(1.0, (image.shape[1] - 8) / width)
    strip = np.full((34 if bold else 28, image.shape[1], 3), 255, np.uint8)
    cv2.putText(strip, text, (3, len(strip) - 9), font, size, _INK, 1, cv2.LINE_AA)
    return np.concatenate([strip, image])


def _arrow(picture: np.ndarray, centre: np.ndarray, vector: np.ndarray, colour: Colour) -> None:
    """Draw an arrow along a vector in pixels, about its centre."""
    x, y = vector
    outline = centre + 0.94 * (_ARROW @ np.array([[x, y], [-y, x]]))
    corners = (outline * (1 << _BITS)).round().astype(np.int32)
    cv2.fillPoly(picture, [corners], colour, cv2.LINE_AA, _BITS)


def _dot(picture: np.ndarray, x: float, y: float, radius: float, colour: Colour) -> None:
    place, size = (round(x * (1 << _BITS)), round(y * (1 << _BITS))), round(radius * (1 << _BITS))
    cv2.circle(picture, place, size, colour, cv2.FILLED, cv2.LINE_AA, _BITS)
