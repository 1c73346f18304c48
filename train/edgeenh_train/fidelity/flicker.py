"""Temporal flicker: how much more the pictures of a moving view vary from one to the next after enhancement than before.

**Panned still.** A window moves over one photograph by a known step of less than a pixel (`pans`), every frame is enhanced, and
consecutive frames are laid over each other by the known step. What then still differs is flicker: in the input the noise (and the
little that interpolation leaves), in the output the same amplified, plus what the enhancer itself does differently from frame to frame.
Luma of the encoded values is compared, since these are nearly even steps to the eye. It is done in three conditions: between the
levels, on the levels that a camera gives, and on a dim picture of a camera with its noise; the last two are judged.

    raw = mean |y(t+1) − y(t)|        relative = mean ( |y(t+1) − y(t)| / m ),   m = local mean of y(t) and y(t+1), σ = 8 pixels

Of one channel, `m` is the local standard deviation, for a radiograph's window multiplies noise and anatomy alike; places without
any are left out. A brighter output has more raw flicker for its gain alone; `relative` divides by the local brightness and so by any gain, also
an uneven one. The gate is on `relative` of the output over that of the input.

**Own flicker** leaves the noise out: the local gain, smoothed with σ = 8, of one frame against that of the next, at the same places
of the scene, as a mean of |log ratio|. A gain that is a function of the scene alone gives 0.

**Jitter** is global: the standard deviation of the second differences of the frames' mean lightness L* (CIE 1976), which a steady
rise leaves at 0; relative to the mean L*. It is what can be measured on a real clip, where the true motion is not known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeenh.errors import InputError, SourceError
from edgeenh_train.domains import lab
from edgeenh_train.enhance import Enhance
from edgeenh_train.fidelity.light import REC709, Floats, apply, check_picture, reduced, smoothed, to_bytes
from edgeenh_train.fidelity.pans import FRAMES, NOISE, STEP, frames_of, on_levels, shifted

LOCAL_SIGMA = 8.0
MARGIN = 8
"""Pixels at every border that are not compared: interpolation has no neighbours there."""
BLACK = 0.02
"""Local brightness, of full scale, below which a place is left out of `relative`: there is nothing to divide by."""


@dataclass(frozen=True, slots=True)
class Jitter:
    """Of mean lightness over time: raw in L* (0…100), relative to the mean L*; before and after."""

    frames: int
    raw_in: float
    raw_out: float
    relative_in: float
    relative_out: float

    @property
    def ratio(self) -> float:
        """Output over input, relative; see `ratio_of`."""
        return ratio_of(self.relative_out, self.relative_in)


@dataclass(frozen=True, slots=True)
class Flicker:
    """Of one panned still.

    Attributes:
        name: The picture.
        condition: One of `pans.CONDITIONS`.
        levels: Steps between black and white to which the input was rounded; None where it was not. The output is as the method gives it.
        frames, step, noise: What was made of it; `dim` has a noise of its own, and says None.
        raw_in, raw_out: Mean change of luma from frame to frame, in levels of 255.
        relative_in, relative_out: The same relative to the local brightness.
        own: Mean change of the local gain from frame to frame, e.g. 0.01 = 1 %.
        jitter: Of the whole frames' mean lightness.
    """

    name: str
    condition: str
    levels: int | None
    frames: int
    step: tuple[float, float]
    noise: float | None
    raw_in: float
    raw_out: float
    relative_in: float
    relative_out: float
    own: float
    jitter: Jitter

    @property
    def ratio(self) -> float:
        """Output over input, relative; see `ratio_of`."""
        return ratio_of(self.relative_out, self.relative_in)


def ratio_of(output: float, given: float) -> float:
    """`output / given`; 1 where both are 0, infinity where only `given` is."""
    if given > 0.0:
        return output / given
    return math.inf if output > 0.0 else 1.0


def flicker_of(
    name: str,
    condition: str,
    given: list[NDArray[np.float32]],
    made: list[NDArray[np.float32]],
    *,
    step: tuple[float, float],
    levels: int | None = None,
    noise: float | None = None,
) -> Flicker:
    """Compare the frames of a pan with their enhanced forms, float32 [h,w,C] 0…1 of one shape each."""
    luma_in, luma_out = ([_luma(frame) for frame in frames] for frames in (given, made))
    scale = _spread if given[0].shape[2] == 1 else _brightness
    raw_in, relative_in = np.mean(_changes(luma_in, luma_in, step, scale), axis=0)
    raw_out, relative_out = np.mean(_changes(luma_out, luma_in, step, scale), axis=0)
    gains = [
        np.log((smoothed(o, LOCAL_SIGMA) + BLACK) / (smoothed(i, LOCAL_SIGMA) + BLACK))
        for i, o in zip(luma_in, luma_out, strict=True)
    ]
    own = np.mean([float(np.abs(b - a).mean()) for a, b in _registered(gains, step)])
    return Flicker(
        name, condition, levels, len(given), step, noise,
        255.0 * float(raw_in), 255.0 * float(raw_out), float(relative_in), float(relative_out), float(own),
        jitter_of([lightness(frame) for frame in given], [lightness(frame) for frame in made]),
    )  # fmt: skip


def panned(
    enhance: Enhance,
    picture: NDArray[np.float32],
    name: str,
    rng: np.random.Generator,
    *,
    condition: str = "levels",
    levels: int = 255,
    frames: int = FRAMES,
    step: tuple[float, float] = STEP,
    noise: float = NOISE,
) -> Flicker:
    """Pan over one picture, enhance every frame by itself, and measure.

    Args:
        enhance: The method.
        picture, name: Float32 [H,W,C] 0…1, and what messages call it.
        rng: Source of the noise.
        condition: One of `pans.CONDITIONS`.
        levels: Steps between black and white that a camera gives.
        frames, step, noise: As in `pans.pan`.

    Raises:
        InputError, JobFailed: The picture, or what the method made of it, cannot be measured.
    """
    check_picture(picture, name)
    given = frames_of(picture, condition, levels, frames, step, noise, rng)
    return flicker_of(
        name, condition, given, [apply(enhance, frame) for frame in given], step=step,
        levels=None if condition == "clean" else levels, noise=None if condition == "dim" else noise,
    )  # fmt: skip


def jitter_of(given: list[float], made: list[float]) -> Jitter:
    """Jitter of two rows of mean lightness, L* 0…100, of the same frames.

    Raises:
        InputError: There are fewer than three frames: no second difference.
    """
    if len(given) < 3:
        raise InputError(f"{len(given)} frame(s) have no jitter: give at least 3")
    raw = [float(np.std(np.diff(row, n=2))) for row in (given, made)]
    relative = [
        value / mean if (mean := float(np.mean(row))) > 0 else 0.0
        for value, row in zip(raw, (given, made), strict=True)
    ]
    return Jitter(len(given), raw[0], raw[1], relative[0], relative[1])


def clip_jitter(
    enhance: Enhance, path: Path, *, frames: int, long_side: int, progress: Callable[[int], None] | None = None
) -> Jitter:
    """Enhance the first `frames` frames of a video one by one and compare the jitter of their mean lightness.

    Raises:
        SourceError, UsageError: It cannot be read as a video.
        InputError, JobFailed: It has fewer than three frames, or the method failed on one.
    """
    given, made = [], []
    for index, frame in enumerate(_frames(path, frames)):
        picture = on_levels(reduced(frame.astype(np.float32) / np.float32(255.0), long_side), 255)
        given.append(lightness(picture))
        made.append(lightness(apply(enhance, picture)))
        if progress is not None:
            progress(index + 1)
    return jitter_of(given, made)


def lightness(picture: NDArray[np.float32]) -> float:
    """Mean L* (0…100) of a picture, float32 [H,W,C] 0…1, on its 8-bit values."""
    return float(lab(to_bytes(picture))[..., 0].mean(dtype=np.float64))


def _frames(path: Path, limit: int) -> Iterator[NDArray[np.uint8]]:
    from edgeenh.sources import open_source

    source = open_source(path)
    try:
        if source.live or source.fps is None:
            raise SourceError(f"{path} is not a video file: flicker needs frames that follow each other in time")
        for _ in range(limit):
            frame = source.read()
            if frame is None:
                return
            yield frame.image
    finally:
        source.close()


def _luma(picture: NDArray[np.float32]) -> Floats:
    values = picture.astype(np.float64)
    return values[..., 0] if values.shape[2] == 1 else values @ REC709


Scale = Callable[[Floats], Floats]
"""What a change is relative to, of a plane, float64 [H,W]."""


def _brightness(plane: Floats) -> Floats:
    return smoothed(plane, LOCAL_SIGMA)


def _spread(plane: Floats) -> Floats:
    mean = smoothed(plane, LOCAL_SIGMA)
    return np.sqrt(np.maximum(smoothed(plane**2, LOCAL_SIGMA) - mean**2, 0.0))


def _changes(
    planes: list[Floats], given: list[Floats], step: tuple[float, float], scale: Scale
) -> list[tuple[float, float]]:
    """Mean change from frame to frame, raw and relative; places are left out by the input's darkness, for both alike."""
    changes = []
    for (a, b), (dark_a, dark_b) in zip(_registered(planes, step), _registered(given, step), strict=True):
        change = np.abs(b - a)
        seen = smoothed((dark_a + dark_b) / 2, LOCAL_SIGMA) >= BLACK
        local = np.maximum(scale((a + b) / 2), 1.0 / 255.0)
        changes.append((float(change.mean()), float((change / local)[seen].mean()) if seen.any() else 0.0))
    return changes


def _registered(planes: list[Floats], step: tuple[float, float]) -> Iterator[tuple[Floats, Floats]]:
    """Every plane but the last, and its successor moved back by one step, both without their borders.

    The step is split between the two, so that both are interpolated alike and neither is smoother than the other.
    """
    inside = slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN)
    half = (step[0] / 2, step[1] / 2)
    for a, b in pairwise(planes):
        yield shifted(a, half)[inside], shifted(b, (-half[0], -half[1]))[inside]
