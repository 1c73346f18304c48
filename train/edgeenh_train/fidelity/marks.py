"""Small synthetic marks that stand for findings: spots, cracks and stains, painted into a picture at seeded places.

A mark multiplies linear light by `1 + contrast · alpha`, the same in every channel, as a change of reflectance does. Its Weber
contrast against the same place without it is therefore exactly `contrast` where alpha is 1, at any exposure.

| kind | form | size | contrast |
|---|---|---|---|
| spot | disc, edge of one pixel | radius 2…8 px | ±10…30 % |
| crack | random walk of 5…9 steps of 4 px | 1…2 px wide | −10…−30 % |
| stain | ellipse, edge falling off like a cosine | half axes 5…10 px | ±10…30 % |

Marks are not placed where they could not be seen before the enhancement either: in clipped light, near black, or where the light
mark itself would clip; nor where two would come near each other. What could not be placed is counted with the reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh_train.fidelity.light import REC709, Floats, to_encoded, to_linear

KINDS = ("spot", "crack", "stain")
CONTRASTS = (0.10, 0.15, 0.20, 0.25, 0.30)
GAP = 2.0
REACH = 7.0
"""A mark's surroundings are a ring from `GAP` to `REACH` pixels from its edge."""
CLIPPED = 0.975
"""No channel of an encoded value in or around a mark may reach this, before or after painting."""
DARK = 0.15
"""Mean encoded value, of the mark's and of the ring's place, below which nothing is placed (linear light 0.0194)."""
ATTEMPTS = 60


@dataclass(frozen=True, slots=True)
class Mark:
    """One painted mark.

    Attributes:
        kind: One of `KINDS`.
        x, y: Its middle in pixels.
        size: Radius of a spot, width of a crack, longer half axis of a stain, in pixels.
        contrast: Change of linear light where alpha is 1, e.g. −0.2.
        left, top: Place of `alpha` in the picture.
        alpha: Float64 [h,w], 0…1: how much of the mark covers each pixel, with room for the ring around it.
    """

    kind: str
    x: int
    y: int
    size: float
    contrast: float
    left: int
    top: int
    alpha: Floats = field(repr=False)

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the picture that `alpha` covers."""
        height, width = self.alpha.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def ring(self) -> NDArray[np.bool_]:
        """The surroundings the mark is compared with: bool, shaped as `alpha`."""
        distance = self.distance()
        return (distance > GAP) & (distance <= REACH)

    def distance(self) -> NDArray[np.float32]:
        """Pixels from the nearest pixel that the mark touches: float32, shaped as `alpha`."""
        outside = (self.alpha <= 0.0).astype(np.uint8)
        return np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Marked:
    """A picture with its marks.

    Attributes:
        picture: Float32 [H,W,C], 0…1: the picture with the marks.
        marks: What was painted; their rings do not meet.
        refused: Attempts that were given up, by reason: `clipped`, `dark`, `near another`.
        missing: Marks that were asked for and found no place.
    """

    picture: NDArray[np.float32]
    marks: tuple[Mark, ...]
    refused: dict[str, int]
    missing: int


def paint(picture: NDArray[np.float32], count: int, rng: np.random.Generator) -> Marked:
    """Paint `count` marks, kinds in turn, into a copy of `picture` (float32 [H,W,C], 0…1)."""
    light = to_linear(picture)
    brightness = picture @ (REC709.astype(np.float32) if picture.shape[2] == 3 else np.ones(1, np.float32))
    painted = light.copy()
    taken = np.zeros(picture.shape[:2], bool)
    refused: Counter[str] = Counter()
    marks: list[Mark] = []
    for index in range(count):
        for _ in range(ATTEMPTS):
            mark = _draw(KINDS[index % len(KINDS)], picture.shape[:2], rng)
            if mark is None:
                break
            reason = _reason_against(mark, picture, light, brightness, taken)
            if reason is None:
                rows, columns = mark.window
                painted[rows, columns] *= 1.0 + mark.contrast * mark.alpha[..., None]
                taken[rows, columns] |= mark.distance() <= REACH
                marks.append(mark)
                break
            refused[reason] += 1
    changed = picture.copy()  # untouched pixels keep their bits
    touched = np.any(painted != light, axis=2)
    changed[touched] = to_encoded(painted)[touched]
    return Marked(changed, tuple(marks), dict(sorted(refused.items())), count - len(marks))


def _reason_against(
    mark: Mark, picture: NDArray[np.float32], light: Floats, brightness: NDArray[np.float32], taken: NDArray[np.bool_]
) -> str | None:
    """Why the mark cannot stand where it is; None when it can."""
    rows, columns = mark.window
    area = mark.distance() <= REACH
    if taken[rows, columns][area].any():
        return "near another"
    if picture[rows, columns][area].max() >= CLIPPED:
        return "clipped"
    if to_encoded(light[rows, columns] * (1.0 + mark.contrast * mark.alpha[..., None]))[area].max() >= CLIPPED:
        return "clipped"
    here = brightness[rows, columns]
    if min(float(np.average(here, weights=mark.alpha)), float(here[mark.ring()].mean())) < DARK:
        return "dark"
    return None


def _draw(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> Mark | None:
    """A mark of random form and place, whole inside a picture of `shape`; None when it is larger than the picture."""
    alpha, size = {"spot": _spot, "crack": _crack, "stain": _stain}[kind](rng)
    alpha = np.pad(alpha, int(REACH) + 1)
    height, width = alpha.shape
    sign = -1.0 if kind == "crack" else float(rng.choice((-1.0, 1.0)))
    contrast = sign * float(rng.choice(CONTRASTS))
    if height > shape[0] or width > shape[1]:
        return None
    top, left = int(rng.integers(0, shape[0] - height + 1)), int(rng.integers(0, shape[1] - width + 1))
    return Mark(kind, left + width // 2, top + height // 2, round(size, 2), contrast, left, top, alpha)


def _spot(rng: np.random.Generator) -> tuple[Floats, float]:
    radius = float(rng.uniform(2.0, 8.0))
    y, x = _grid(radius + 1.0)
    return np.clip(radius + 0.5 - np.hypot(x, y), 0.0, 1.0), radius


def _stain(rng: np.random.Generator) -> tuple[Floats, float]:
    axes, angle = rng.uniform(5.0, 10.0, 2), float(rng.uniform(0.0, np.pi))
    y, x = _grid(float(axes.max()) + 1.0)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    distance = np.minimum(np.hypot(along / axes[0], across / axes[1]), 1.0)
    return 0.5 + 0.5 * np.cos(np.pi * distance), float(axes.max())


def _crack(rng: np.random.Generator) -> tuple[Floats, float]:
    width, steps = float(rng.uniform(1.0, 2.0)), int(rng.integers(5, 10))
    directions = rng.uniform(0.0, 2 * np.pi) + np.cumsum(rng.normal(0.0, 0.5, steps))
    points = np.cumsum(np.stack([np.cos(directions), np.sin(directions)], axis=1) * 4.0, axis=0)
    points -= (points.min(axis=0) + points.max(axis=0)) / 2
    y, x = _grid(float(np.abs(points).max()) + width + 1.0)
    place = np.stack([x, y], axis=-1)
    distance = np.min([_to_segment(place, a, b) for a, b in pairwise(points)], axis=0)
    alpha = np.clip(width / 2 + 0.5 - distance, 0.0, 1.0)
    used = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    return alpha[used[0][0] : used[0][-1] + 1, used[1][0] : used[1][-1] + 1], width


def _grid(radius: float) -> tuple[Floats, Floats]:
    """Coordinates y and x around the middle, float64 [n,n] each, reaching `radius` pixels at least."""
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
    return y, x


def _to_segment(place: Floats, a: Floats, b: Floats) -> Floats:
    """Distance of every place, float64 [H,W,2] as x and y, from the line segment between `a` and `b`."""
    along = np.clip(((place - a) @ (b - a)) / float((b - a) @ (b - a)), 0.0, 1.0)
    return np.asarray(np.linalg.norm(place - a - along[..., None] * (b - a), axis=-1))
