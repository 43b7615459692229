"""What an annotator would write down about a picture, in the terms of COCO."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...opencv import cv2
from ...skeletons import COCO_17
from .canvas import BACKGROUND
from .scene import Figure, Scene

# How deep joints lie under the skin that may cover them, as parts of the stature.
_DEPTHS = {"shoulder": 0.07, "elbow": 0.06, "wrist": 0.05, "hip": 0.12, "knee": 0.07, "ankle": 0.06}
_FACE_DEPTH = 0.045
# The direction in which a part of the face looks: left, up, forward of the head.
_FACING = {
    "nose": (0.0, 0.0, 1.0),
    "left_eye": (0.35, 0.0, 0.94),
    "right_eye": (-0.35, 0.0, 0.94),
    "left_ear": (1.0, 0.0, 0.0),
    "right_ear": (-1.0, 0.0, 0.0),
}
# Cosine with the line of sight below which nobody would label a part of the face; ears are seen from the front.
_TURNED_AWAY = {"nose": -0.15, "eye": -0.05, "ear": -0.3}

_HIDDEN_SHARE = 0.25  # people of whom less is seen get no joints
_LEAST_AREA = 12  # pixels; less of a person is not annotated at all


def annotate(scene: Scene) -> list[dict[str, Any]]:
    """Return the annotations of a picture: its people and, if there is one, its crowd.

    They have all fields of COCO but `id` and `image_id`, and of each person the length of the head in pixels.
    """
    annotations = []
    nobody = np.zeros((COCO_17.num_joints, 3))
    for figure in scene.figures:
        mask = scene.canvas.owner == figure.number
        area = np.count_nonzero(mask)
        polygons = _polygons(mask) if area >= _LEAST_AREA else []
        if polygons:
            labelled = figure.labelled and area >= _HIDDEN_SHARE * figure.silhouette
            annotation = _annotation(mask, polygons, _keypoints(scene, figure) if labelled else nobody)
            annotations.append({**annotation, "head_size": _head_size(figure)})
    if scene.crowd:
        mask = scene.canvas.owner == scene.crowd
        # A crowd is annotated as one region, gaps included.
        closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)) > 0
        mask = mask | (closed & (scene.canvas.owner == BACKGROUND))
        if np.count_nonzero(mask) >= _LEAST_AREA:
            annotations.append(_annotation(mask, _run_lengths(mask), nobody, crowd=True))
    return annotations


def _head_size(figure: Figure) -> float:
    """Return the length of the head in pixels, from the nape to the crown, which PCKh is relative to."""
    crown, nape = (np.asarray(figure.body.points[name][:2]) for name in ("crown", "nape"))
    return round(float(np.hypot(*(crown - nape))), 2)


def _annotation(mask: np.ndarray, segmentation: Any, keypoints: np.ndarray, crowd: bool = False) -> dict[str, Any]:
    return {
        "category_id": 1,
        "iscrowd": int(crowd),
        "bbox": [float(edge) for edge in cv2.boundingRect(mask.astype(np.uint8))],
        "area": float(np.count_nonzero(mask)),
        "segmentation": segmentation,
        "num_keypoints": int((keypoints[:, 2] > 0).sum()),
        "keypoints": [value for x, y, v in keypoints for value in (round(float(x), 1), round(float(y), 1), int(v))],
    }


def _keypoints(scene: Scene, figure: Figure) -> np.ndarray:
    """(17, 3) x, y and visibility: 2 seen, 1 hidden but easily told, 0 unlabelled (and x = y = 0)."""
    height, width = scene.canvas.depth.shape
    places = np.array([figure.body.points[name] for name in COCO_17.joints])
    inside = (places[:, 0] >= 0) & (places[:, 0] <= width - 1) & (places[:, 1] >= 0) & (places[:, 1] <= height - 1)
    seen = np.zeros(len(places), bool)
    by_others = np.zeros(len(places), bool)
    for k, name in enumerate(COCO_17.joints):
        if inside[k] and not _turned_away(figure, name):
            seen[k], by_others[k] = _look(scene, figure, places[k], _depth(name) * figure.body.stature)
        else:
            inside[k] = False
    # What others hide is told only beside a joint that nobody else hides.
    told = inside & ~by_others
    for a, b in COCO_17.limb_joints:
        for joint, neighbour in ((a, b), (b, a)):
            told[joint] |= inside[joint] and inside[neighbour] and not by_others[neighbour]
    keypoints: np.ndarray = np.concatenate([places[:, :2], np.where(seen, 2, 1)[:, None]], axis=1)
    keypoints[~told] = 0
    return keypoints


def _depth(joint: str) -> float:
    return _DEPTHS.get(joint.split("_")[-1], _FACE_DEPTH)


def _turned_away(figure: Figure, joint: str) -> bool:
    if joint not in _FACING:
        return False
    towards_viewer = float(figure.body.frames["head"][2] @ np.array(_FACING[joint]))
    return towards_viewer < _TURNED_AWAY[joint.split("_")[-1]]


def _look(scene: Scene, figure: Figure, place: np.ndarray, depth: float) -> tuple[bool, bool]:
    """Return whether a joint is seen, and whether something other than its own body hides it."""
    x, y = round(float(place[0])), round(float(place[1]))
    window = (slice(max(y - 1, 0), y + 2), slice(max(x - 1, 0), x + 2))
    in_front = scene.canvas.depth[window] - (figure.distance + place[2] + depth) > 0
    # Half of the pixels around it free is enough: joints of thin limbs lie near an edge.
    if in_front.mean() < 0.5:
        return True, False
    owners = scene.canvas.owner[window][in_front]
    return False, bool((owners != figure.number).mean() > 0.5)


def _polygons(mask: np.ndarray) -> list[list[float]]:
    """Outlines of a mask, in the coordinates of COCO, where (0, 0) is the corner of the first pixel."""
    shape = mask.astype(np.uint8)
    left, top, width, height = cv2.boundingRect(shape)
    crop = shape[top : top + height, left : left + width]
    # At double size the outline runs a quarter of a pixel inside the true border instead of half a pixel.
    doubled = cv2.resize(crop, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    polygons = []
    for contour in contours:
        outline = cv2.approxPolyDP(contour, 1.5, closed=True)[:, 0]
        if len(outline) >= 3 and cv2.contourArea(outline) >= 8:
            corners = outline / 2 + (left + 0.25, top + 0.25)
            polygons.append([float(value) for value in corners.ravel()])
    return polygons


def _run_lengths(mask: np.ndarray) -> dict[str, list[int]]:
    """Uncompressed run-length code of COCO: lengths of zeros, ones, zeros, … down the columns."""
    flat = mask.ravel(order="F").astype(np.int8)
    changes = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff(np.concatenate([[0], changes, [flat.size]]))
    lengths = [int(count) for count in counts]
    return {"counts": [0, *lengths] if flat[0] else lengths, "size": [int(side) for side in mask.shape]}
