"""The hallucination probe: small marks must survive enhancement with their contrast, and none may appear where there was none.

A mark's contrast is its Weber contrast against the ring around it, in linear light, divided by the same figure of the picture
without the mark:

    C = (L_mark / L_ring) of the marked picture / (L_mark / L_ring) of the clean picture − 1

with L_mark the mean luminance weighted by the mark's alpha and L_ring that of its surroundings. The division takes away what stands at
that place anyway (the edge of a tooth, texture), and any local gain of the enhancer. C is formed of the input pair and of the
enhanced pair; their ratio is 1 where the mark came through as it was, 0 where it vanished, negative where it turned over.

Radiographs: widening the window is what an enhancer of them is for, and it multiplies every difference alike, the noise too. What must not
happen is that a finding gets less, or more, than its surroundings. So for one channel logarithms of `1 + C` are compared (a window is
a factor of them), divided by their standard deviation over the unmarked surroundings: contrast to noise, before and after. The factor
that was divided out is recorded as `gain`.

Light that the enhancer clips takes marks away, and counts as loss: only what was clipped in the input is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgeenh_train.enhance import Enhance
from edgeenh_train.fidelity import invention
from edgeenh_train.fidelity.light import Floats, apply, check_picture, luminance, to_linear
from edgeenh_train.fidelity.marks import REACH, Mark, paint

TOLERANCE = 0.2
"""A mark survives when its contrast ratio is within 1 ± this."""
MARKS = 24


@dataclass(frozen=True, slots=True)
class MarkResult:
    """What became of one mark.

    Attributes:
        kind, x, y, size, contrast: As in `Mark`.
        contrast_in, contrast_out: C of the input pair and of the enhanced pair.
        ratio: `contrast_out / contrast_in`; of one channel, `log(1 + contrast_out) / log(1 + contrast_in) / gain`.
        gain: By how much the surroundings' contrast grew; 1 for colour, where nothing is divided out.
        survived: Whether the ratio is within the tolerance.
    """

    kind: str
    x: int
    y: int
    size: float
    contrast: float
    contrast_in: float
    contrast_out: float
    ratio: float
    gain: float
    survived: bool


@dataclass(frozen=True, slots=True)
class Pictures:
    """The four pictures of one probe, float32 [H,W,C], 0…1."""

    clean: NDArray[np.float32] = field(repr=False)
    marked: NDArray[np.float32] = field(repr=False)
    clean_out: NDArray[np.float32] = field(repr=False)
    marked_out: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What the probe found in one picture.

    Attributes:
        name: The picture.
        marks: Every mark that was painted.
        missing: Marks that found no place, see `Marked.missing`.
        refused: Attempts given up, by reason.
        beside_marks: Structures that the marks made the enhancer draw elsewhere.
        in_clean: Structures that it drew into the picture without marks.
        control: How many of the marks `in_clean`'s measure would have found, had the enhancer drawn them: its sensitivity here.
    """

    name: str
    marks: tuple[MarkResult, ...]
    missing: int
    refused: dict[str, int]
    beside_marks: tuple[invention.Invented, ...]
    in_clean: tuple[invention.Invented, ...]
    control: int

    @property
    def survived(self) -> int:
        """Marks that came through within the tolerance."""
        return sum(mark.survived for mark in self.marks)

    @property
    def invented(self) -> int:
        """Structures drawn, by either measure."""
        return len(self.beside_marks) + len(self.in_clean)


def probe(
    enhance: Enhance,
    picture: NDArray[np.float32],
    name: str,
    rng: np.random.Generator,
    *,
    count: int = MARKS,
    tolerance: float = TOLERANCE,
    threshold: float = invention.THRESHOLD,
) -> tuple[ProbeResult, Pictures]:
    """Paint marks into one picture, enhance it with and without them, and compare.

    Args:
        enhance: The method.
        picture: Float32 [H,W,C], 0…1, RGB or grey.
        name: What it is called in the record.
        rng: Source of all randomness.
        count: Marks to paint.
        tolerance: How far from 1 a contrast ratio may lie.
        threshold: Weber contrast from which an invented structure counts.

    Raises:
        PictureError, JobFailed: The picture, or what the method made of it, cannot be measured.
    """
    check_picture(picture, name)
    painted = paint(picture, count, rng)
    pictures = Pictures(picture, painted.picture, apply(enhance, picture), apply(enhance, painted.picture))
    result = ProbeResult(
        name,
        compare_marks(painted.marks, pictures, tolerance),
        painted.missing,
        painted.refused,
        invention.beside_marks(
            pictures.clean_out, pictures.marked_out, away_from(painted.marks, picture.shape[:2]), threshold
        ),
        invention.in_clean(picture, pictures.clean_out, threshold),
        found_of(painted.marks, invention.in_clean(picture, painted.picture, threshold)),
    )
    return result, pictures


def compare_marks(marks: tuple[Mark, ...], pictures: Pictures, tolerance: float) -> tuple[MarkResult, ...]:
    """The contrast of every mark before and after."""
    clean, marked, clean_out, marked_out = (
        luminance(to_linear(p)) for p in (pictures.clean, pictures.marked, pictures.clean_out, pictures.marked_out)
    )
    is_grey = pictures.clean.shape[2] == 1
    results = []
    for mark in marks:
        before, after = contrast_of(mark, clean, marked), contrast_of(mark, clean_out, marked_out)
        gain = _gain(mark, clean, clean_out) if is_grey else 1.0
        ratio = _in_noise(before, after, gain) if is_grey else after / before
        survived = abs(ratio - 1.0) <= tolerance
        results.append(
            MarkResult(mark.kind, mark.x, mark.y, mark.size, mark.contrast, before, after, ratio, gain, survived)
        )
    return tuple(results)


def _gain(mark: Mark, clean: Floats, clean_out: Floats) -> float:
    """How the spread of the unmarked surroundings' logarithms grew; 0 where the enhancer left none."""
    around = mark.distance() <= REACH
    before, after = (float(np.log(plane[mark.window][around]).std()) for plane in (clean, clean_out))
    return after / before if before > 0.0 else 0.0


def _in_noise(before: float, after: float, gain: float) -> float:
    """The ratio of two contrasts, each in units of its own noise; 0 where the enhancer left neither."""
    return float(np.log1p(after) / np.log1p(before)) / gain if gain > 0.0 else 0.0


def contrast_of(mark: Mark, clean: Floats, marked: Floats) -> float:
    """C of the module's docstring, from two luminances, float64 [H,W]; 0 where the enhancer left only black."""
    ring = mark.ring()
    with_mark, without = (_against_ring(plane[mark.window], mark.alpha, ring) for plane in (marked, clean))
    return with_mark / without - 1.0 if without > 0.0 else 0.0


def _against_ring(plane: Floats, alpha: Floats, ring: NDArray[np.bool_]) -> float:
    surroundings = float(plane[ring].mean())
    return float(np.average(plane, weights=alpha)) / surroundings if surroundings > 0.0 else 0.0


def found_of(marks: tuple[Mark, ...], found: tuple[invention.Invented, ...]) -> int:
    """How many marks have the peak of a found structure within two pixels of them."""
    return sum(any(_is_at(mark, structure) for structure in found) for mark in marks)


def _is_at(mark: Mark, structure: invention.Invented) -> bool:
    row, column = structure.y - mark.top, structure.x - mark.left
    height, width = mark.alpha.shape
    return 0 <= row < height and 0 <= column < width and float(mark.distance()[row, column]) <= 2.0


def away_from(marks: tuple[Mark, ...], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Bool [H,W]: the pixels more than `REACH` from every mark."""
    away = np.ones(shape, bool)
    for mark in marks:
        away[mark.window] &= mark.distance() > REACH
    return away
