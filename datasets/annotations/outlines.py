"""Outlines of people: COCO's polygons and run-length codes, and what other tools write in their place."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from ...ops.masks import draw_runs

_FARTHEST = 100_000  # pixels; pycocotools walks along every edge
_MOST_PIXELS = 1 << 28  # of an image whose run-length codes are looked at
_DEEPEST = 4  # lists within lists
_BLOCK = 10_000  # polygons
_FLATNESS = 1e-9  # of the spread of points across a line by that along it


@dataclass(frozen=True)
class Outlines:
    """The outlines of P people as flat arrays, see `AnnotationIndex`; each can be drawn.

    Attributes
    ----------
    points, polygon_offsets, shape_offsets
        The polygons.
    texts
        P run-length codes as JSON; empty for polygons and for none.
    remarks
        What was odd, a line at most.
    """

    points: np.ndarray
    polygon_offsets: np.ndarray
    shape_offsets: np.ndarray
    texts: list[bytes]
    remarks: tuple[str, ...]


def collect_outlines(people: Sequence[Mapping[str, Any]], sizes: Iterable[Sequence[int]]) -> Outlines:
    """Read the outlines of people; where one cannot be drawn there is none, and the box stands for it.

    Polygons may be nested too deep, or not deep enough, or be lists of pairs. One with less than three corners, an odd
    number of numbers or no area is left out, as is a run-length code that is broken, empty or of another size.

    Parameters
    ----------
    people
        COCO's annotations.
    sizes
        Height and width in pixels of the image of each.
    """
    points = array("d")
    polygons = array("q", [0])
    shapes = array("q", [0])
    texts = []
    odd = set()
    for place, (person, (height, width)) in enumerate(zip(people, sizes)):
        given = person.get("segmentation")
        text = b""
        if isinstance(given, (list, tuple)) and len(given) == 1 and isinstance(given[0], Mapping):
            given = given[0]
            odd.add(place)
        if isinstance(given, Mapping):
            text = _code_text(given, height, width)
            if not text and given:
                odd.add(place)
        elif given is not None and not _append(given, points, polygons):
            odd.add(place)
        shapes.append(len(polygons) - 1)
        texts.append(text)
    corners = np.frombuffer(points, np.float64)
    offsets = np.frombuffer(polygons, np.int64)
    owners = np.frombuffer(shapes, np.int64)
    keep = _drawable(corners, offsets)
    if not keep.all():
        odd.update((np.searchsorted(owners, np.flatnonzero(~keep), side="right") - 1).tolist())
        lengths = np.diff(offsets)
        corners = corners[np.repeat(keep, lengths)]
        offsets = np.concatenate([[0], np.cumsum(lengths[keep])])
        owners = np.concatenate([[0], np.cumsum(keep)])[owners]
    boxed = sum(owners[place] == owners[place + 1] and not texts[place] for place in odd)
    read = f"{len(odd) - boxed} are read all the same, for {boxed} the box stands"
    remarks = (f"{len(odd)} outlines are not COCO's polygons or codes: {read}",) if odd else ()
    return Outlines(corners, offsets, owners, texts, remarks)


def run_lengths(segmentation: Any, height: int, width: int) -> list[bytes]:
    """Return the compressed run-length codes of polygons, or of COCO's two forms of such codes; none of None.

    Raises
    ------
    Exception
        Of any kind, if it is something else.
    """
    if not segmentation:
        return []
    if isinstance(segmentation, list):
        if not all(abs(value) < _FARTHEST for polygon in segmentation for value in polygon):
            raise ValueError(f"a corner is not within {_FARTHEST} pixels")
        return [code["counts"] for code in coco_mask.frPyObjects(segmentation, height, width)]
    if list(segmentation["size"]) != [height, width]:
        raise ValueError(f"it is for {segmentation['size']} pixels, the image has {[height, width]}")
    counts = segmentation["counts"]
    if isinstance(counts, list):
        return [coco_mask.frPyObjects(segmentation, height, width)["counts"]]
    return [counts if isinstance(counts, bytes) else counts.encode()]


def _code_text(segmentation: Mapping[str, Any], height: int, width: int) -> bytes:
    """Return a run-length code as JSON; nothing if it cannot be drawn or covers nothing."""
    if not 0 < height * width <= _MOST_PIXELS:
        return b""
    pixels = np.zeros(height * width, np.uint8)
    try:
        code = {"size": list(segmentation["size"]), "counts": segmentation["counts"]}
        (runs,) = run_lengths(code, height, width)
        draw_runs(runs, 1, pixels)
        return json.dumps({**code, "counts": runs.decode("ascii")}).encode() if pixels.any() else b""
    except Exception:  # pycocotools raises no narrower one
        return b""


def _append(given: Any, points: array, polygons: array) -> bool:
    """Append polygons; return False if they are not in the form of COCO's, or no polygons at all."""
    before = len(points), len(polygons)
    try:
        if len(given) > 2 and len(given[0]) == 2:  # the corners of one polygon, in pairs
            raise TypeError
        for polygon in given:
            points.extend(polygon)
            polygons.append(len(points))
        return True
    except (KeyError, OverflowError, TypeError):
        del points[before[0] :], polygons[before[1] :]
    for polygon in _polygons_in(given):
        points.extend(polygon)
        polygons.append(len(points))
    return False


def _polygons_in(given: Any, depth: int = 0) -> list[list[float]]:
    """Return the polygons in lists within lists; none where there is something else than numbers at their ends."""
    if not isinstance(given, (list, tuple)) or depth > _DEEPEST:
        return []
    if all(isinstance(value, (int, float)) for value in given):
        return [[float(value) for value in given if abs(value) < _FARTHEST]]
    pairs = [value for value in given if isinstance(value, (list, tuple)) and len(value) == 2]
    if len(pairs) == len(given) and all(isinstance(value, (int, float)) for pair in pairs for value in pair):
        return [[float(value) for pair in pairs for value in pair if abs(value) < _FARTHEST]]
    return [polygon for part in given for polygon in _polygons_in(part, depth + 1)]


def _drawable(points: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return which polygons have three corners or more, all of them near, that are not on one line."""
    lengths = np.diff(offsets)
    keep = (lengths >= 6) & (lengths % 2 == 0)
    for first in range(0, len(lengths), _BLOCK):  # of all at once the numbers would be many
        part = slice(first, first + _BLOCK)
        _check_block(points[offsets[first] : offsets[min(first + _BLOCK, len(lengths))]], lengths[part], keep[part])
    return keep


def _check_block(points: np.ndarray, lengths: np.ndarray, keep: np.ndarray) -> None:
    """Clear the marks of those of some polygons, one after the other in `points`, that are far or on one line."""
    far = np.flatnonzero(~(np.abs(points) < _FARTHEST))
    keep[np.searchsorted(np.cumsum(lengths), far, side="right")] = False
    if keep.any():
        corners = points[np.repeat(keep, lengths)].reshape(-1, 2)
        starts = np.concatenate([[0], np.cumsum(lengths[keep] // 2)])[:-1]
        keep[keep] = ~_on_lines(corners, starts)


def _on_lines(corners: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return of polygons that start at some of the corners (M, 2) whether each has all of its corners on one line."""
    counts = np.diff(np.append(starts, len(corners)))
    x, y = (corners - np.repeat(corners[starts], counts, axis=0)).T
    means = [np.add.reduceat(values, starts) / counts for values in (x, y, x * x, y * y, x * y)]
    across_x = means[2] - means[0] ** 2
    across_y = means[3] - means[1] ** 2
    together = means[4] - means[0] * means[1]
    return across_x * across_y - together**2 <= _FLATNESS * (across_x + across_y) ** 2
