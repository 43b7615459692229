"""A picture with a depth buffer, and the two solids bodies are made of: tapered tubes and ellipsoids.

Every pixel of a solid is shaded from its surface normal, painted by its place on the surface and
compared in depth, so that limbs hide each other as they do in the world, whatever the order of drawing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Union

import numpy as np

Colour = Union[np.ndarray, tuple[float, float, float]]  # red, green, blue, each 0..255

BACKGROUND = 0
OBJECT = -1  # the owner of pixels that show things in front of people


@dataclass(frozen=True)
class Mark:
    """A patch of another colour on a tube.

    Attributes
    ----------
    along
        From where to where between the ends of the tube (0 to 1; below 0 and above 1 are the rounded ends).
    centre, reach
        Its middle and half-width around the tube in radians: 0 is the front, π/2 the left, π the back.
    colour
        RGB, 0..255.
    period
        If positive, the patch is cut into stripes: this length along the tube, of which half is painted.
    """

    along: tuple[float, float]
    centre: float
    reach: float
    colour: Colour
    period: float = 0.0


@dataclass(frozen=True)
class Tube:
    """A tapered tube with an elliptic cross-section and rounded ends.

    Attributes
    ----------
    start, end
        (3,) ends of the axis in the camera's frame, pixels.
    radii
        Half-widths from left to right at both ends, pixels.
    frame
        (3, 3) the left, up and forward directions in the camera's frame, as columns.
    colour
        RGB, 0..255.
    flatness
        Half-width from front to back as part of the one from left to right.
    cap
        Height of the rounded ends as part of the half-width: 1 is a half-circle, near 0 a straight cut.
    marks
        Painted in this order.
    """

    start: np.ndarray
    end: np.ndarray
    radii: tuple[float, float]
    frame: np.ndarray
    colour: Colour
    flatness: float = 1.0
    cap: float = 1.0
    marks: tuple[Mark, ...] = ()

    @property
    def middle(self) -> np.ndarray:
        """(3,) where it is sorted by depth."""
        return np.asarray((self.start + self.end) / 2)


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid, painted by a function of the place on its surface.

    Attributes
    ----------
    middle
        (3,) centre in the camera's frame, pixels.
    radii
        Half-axes to the left, up and forward, pixels.
    frame
        (3, 3) those directions in the camera's frame, as columns.
    colour
        RGB, 0..255.
    paint
        Takes the colours (h, w, 3), to be changed in place, and the places (3, h, w) on the unit sphere.
    """

    middle: np.ndarray
    radii: tuple[float, float, float]
    frame: np.ndarray
    colour: Colour
    paint: Callable[[np.ndarray, np.ndarray], None] | None = None


@dataclass
class Canvas:
    """The picture while it is being drawn.

    Attributes
    ----------
    image
        (H, W, 3) float32 RGB, 0..255.
    light
        (3,) unit vector towards the light in the camera's frame.
    ambient
        Brightness of surfaces that face away from the light, 0..1.
    depth
        (H, W) float32: z of the nearest surface, pixels towards the viewer.
    owner
        (H, W) int16: whose surface that is; BACKGROUND, OBJECT or the number given to :meth:`begin`.
    silhouette
        (H, W) bool: every pixel that the present owner would cover if nothing were in front.
    """

    image: np.ndarray
    light: np.ndarray
    ambient: float
    depth: np.ndarray = field(init=False)
    owner: np.ndarray = field(init=False)
    silhouette: np.ndarray = field(init=False)
    _number: int = field(init=False, default=OBJECT)
    _distance: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        shape = self.image.shape[:2]
        self.depth = np.full(shape, -1e9, np.float32)
        self.owner = np.full(shape, BACKGROUND, np.int16)
        self.silhouette = np.zeros(shape, bool)
        self._x = np.arange(shape[1], dtype=np.float32)[None, :]
        self._y = np.arange(shape[0], dtype=np.float32)[:, None]

    def begin(self, number: int, distance: float) -> None:
        """Draw for owner `number` from here on, with `distance` added to the depths of its parts."""
        self._number = number
        self._distance = distance
        self.silhouette[:] = False

    def draw(self, parts: Sequence[Tube | Ellipsoid]) -> None:
        """Draw the parts from the farthest to the nearest, which lets their smooth edges blend rightly."""
        for part in sorted(parts, key=lambda part: float(part.middle[2])):
            if isinstance(part, Tube):
                self._tube(part)
            else:
                self._ellipsoid(part)

    def cover(self, mask: np.ndarray, colour: np.ndarray) -> None:
        """Paint `colour` (broadcast to (H, W, 3)) where `mask` (H, W) float32 0..1 says, in front of all so far."""
        depth = np.full(mask.shape, 0.0, np.float32)
        self._blend((slice(None), slice(None)), mask, depth, np.broadcast_to(colour, (*mask.shape, 3)))

    def _window(self, low: np.ndarray, high: np.ndarray) -> tuple[slice, slice] | None:
        height, width = self.depth.shape
        left, top = max(int(low[0]) - 1, 0), max(int(low[1]) - 1, 0)
        right, bottom = min(int(high[0]) + 3, width), min(int(high[1]) + 3, height)
        if left >= right or top >= bottom:
            return None
        return slice(top, bottom), slice(left, right)

    def _tube(self, tube: Tube) -> None:
        axis = (tube.end - tube.start)[:2]
        length = float(np.hypot(*axis))
        along = axis / length if length > 1e-3 else np.array([0.0, 1.0])
        across = np.array([-along[1], along[0]])
        width, bulge, facing, sense = _cross_section(tube.frame, tube.flatness, across)
        r0 = tube.radii[0] * width
        r1 = tube.radii[1] * width
        reach = max(r0, r1)
        window = self._window(
            np.minimum(tube.start, tube.end)[:2] - reach,
            np.maximum(tube.start, tube.end)[:2] + reach,
        )
        if window is None:
            return
        x, y = self._x[:, window[1]] - np.float32(tube.start[0]), self._y[window[0]] - np.float32(tube.start[1])
        s = x * np.float32(along[0]) + y * np.float32(along[1])
        n = x * np.float32(across[0]) + y * np.float32(across[1])
        t = s * np.float32(1 / max(length, 1e-3))
        inside = _unit(t)
        radius = inside * np.float32(r1 - r0) + np.float32(r0)
        over = (s - inside * np.float32(length)) * np.float32(1 / tube.cap)
        v = n / radius
        c = np.square(over / radius)
        c += v * v
        alpha = _unit((1 - np.sqrt(c)) * radius + np.float32(0.5))
        np.subtract(1, c, out=c)
        c = np.sqrt(np.maximum(c, 0, out=c))
        depth = inside * np.float32(tube.end[2] - tube.start[2]) + np.float32(tube.start[2])
        depth += c * radius * np.float32(bulge / width)
        colours = self._shade(v * np.float32(across @ self.light[:2]) + c * np.float32(self.light[2]))
        base = np.empty((*t.shape, 3), np.float32)
        base[:] = tube.colour
        for mark in tube.marks:
            base[_marked(mark, t, v, facing, sense)] = mark.colour
        base *= colours[..., None]
        self._blend(window, alpha, depth, base)

    def _ellipsoid(self, solid: Ellipsoid) -> None:
        axes = solid.frame * np.array(solid.radii)
        spread = np.sqrt((axes[:2] ** 2).sum(axis=1))
        window = self._window(solid.middle[:2] - spread, solid.middle[:2] + spread)
        if window is None:
            return
        to_unit = (solid.frame / np.array(solid.radii)).T.astype(np.float32)
        x, y = self._x[:, window[1]] - np.float32(solid.middle[0]), self._y[window[0]] - np.float32(solid.middle[1])
        # The point (x, y, z) lies on the surface where |to_unit (x, y, z)| = 1: solve for z.
        place = to_unit[:, 0, None, None] * x + to_unit[:, 1, None, None] * y
        ray = to_unit[:, 2]
        square = float(ray @ ray)
        slope = np.tensordot(ray, place, 1) / np.float32(square)
        rim = np.einsum("chw,chw->hw", place, place) - slope * slope * np.float32(square)
        alpha = _unit((1 - np.sqrt(np.maximum(rim, 0))) * np.float32(spread.mean()) + np.float32(0.5))
        z = np.sqrt(np.maximum(1 - rim, 0) / np.float32(square)) - slope
        place += ray[:, None, None] * z
        # The normal of an ellipsoid at the unit place q is frame (q / radii), here close enough to frame q.
        light = (solid.frame.T @ self.light).astype(np.float32)
        colours = np.empty((*rim.shape, 3), np.float32)
        colours[:] = solid.colour
        if solid.paint is not None:
            solid.paint(colours, place)
        colours *= self._shade(np.tensordot(light, place, 1))[..., None]
        self._blend(window, alpha, z + np.float32(solid.middle[2]), colours)

    def _shade(self, facing: np.ndarray) -> np.ndarray:
        """(h, w) brightness of surfaces whose normals make the cosine `facing` with the light."""
        brightness = facing * np.float32(1.12 * (1 - self.ambient))
        brightness += np.float32(self.ambient)
        return np.maximum(brightness, self.ambient * 0.7, out=brightness)

    def _blend(self, window: tuple[slice, slice], alpha: np.ndarray, depth: np.ndarray, colours: np.ndarray) -> None:
        depth = depth + np.float32(self._distance)
        np.logical_or(self.silhouette[window], alpha > 0.5, out=self.silhouette[window])
        alpha = alpha * (depth > self.depth[window])
        image = self.image[window]
        image += (colours - image) * alpha[..., None]
        solid = alpha > 0.5
        np.copyto(self.depth[window], depth, where=solid)
        np.copyto(self.owner[window], np.int16(self._number), where=solid)


def _unit(values: np.ndarray) -> np.ndarray:
    """Limit to 0..1; several times faster than np.clip on small arrays."""
    return np.maximum(np.minimum(values, 1), 0)


def _cross_section(frame: np.ndarray, flatness: float, across: np.ndarray) -> tuple[float, float, float, float]:
    """How an elliptic cross-section looks from the camera, per unit of its radius.

    Returns
    -------
    width
        Half-width that the camera sees.
    bulge
        How far the middle of the visible side stands out towards the camera.
    facing, sense
        The place v = -1..1 across the tube shows its surface at the angle facing + sense * asin(v).
    """
    left = float(across @ frame[:2, 0])
    front = flatness * float(across @ frame[:2, 2])
    width = max(float(np.hypot(left, front)), 1e-3)
    facing = -np.arctan2(front, left)
    sense = 1.0
    bulge = np.sin(facing) * frame[2, 0] + flatness * np.cos(facing) * frame[2, 2]
    if bulge < 0:
        facing = facing + np.pi
        sense = -1.0
        bulge = -bulge
    return width, max(float(bulge), 0.2 * width), float(facing), sense


def _marked(mark: Mark, t: np.ndarray, v: np.ndarray, facing: float, sense: float) -> np.ndarray:
    """(h, w) bool: the pixels of a tube that a mark paints."""
    painted: np.ndarray = (t >= mark.along[0]) & (t <= mark.along[1])
    if mark.reach < np.pi:
        angle = facing - mark.centre
        v = np.maximum(np.minimum(v, 1), -1)
        cosine = np.sqrt(1 - v * v) * np.float32(np.cos(angle)) - v * np.float32(sense * np.sin(angle))
        painted &= cosine > np.float32(np.cos(mark.reach))
    if mark.period > 0:
        painted &= np.mod(t - mark.along[0], mark.period) < mark.period / 2
    return painted
