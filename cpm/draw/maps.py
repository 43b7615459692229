"""Heatmaps and PAFs over an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

import numpy as np

from ..checks import check_image
from ..errors import DataError
from ..opencv import cv2
from .people import Colour

Scale = Union[float, tuple[float, float]]

_BITS = 4  # cv2 draws at sixteenths of a pixel
_WEAKEST = 0.05  # a shorter vector is no field
# An arrow of length 1 along x about its middle: a slim shaft and a head.
_ARROW = np.array([(-0.5, -0.07), (0.08, -0.09), (0.02, -0.27), (0.5, 0), (0.02, 0.27), (0.08, 0.09), (-0.5, 0.07)])


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


def _arrow(picture: np.ndarray, centre: np.ndarray, vector: np.ndarray, colour: Colour) -> None:
    """Draw an arrow along a vector in pixels, about its centre."""
    x, y = vector
    outline = centre + 0.94 * (_ARROW @ np.array([[x, y], [-y, x]]))
    corners = (outline * (1 << _BITS)).round().astype(np.int32)
    cv2.fillPoly(picture, [corners], colour, cv2.LINE_AA, _BITS)


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
