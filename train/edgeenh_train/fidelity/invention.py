"""Structure that the output has and the input has not: what an enhancer drew.

What an enhancer may do is known by a model: a tone curve for the whole picture and a smooth gain, mixing of channels and gamma for
every neighbourhood. What the output shows beyond that is drawn. The input's own structure masks: an invention must exceed a quarter
of it, since no curve is straight across a strong edge. How much the measure sees is therefore measured with it, on the very pictures, by
the *control*: the share of the painted marks that it would have found, had the enhancer drawn them.

It does not see what is wider than about 30 pixels (that is lighting), nor what lies wholly in clipped white or black.

Everything here is done on logarithms of light (`log_light`) of each channel, so that a value is a Weber contrast, a drawn red
spot of unchanged luminance is seen too, and gains are sums. A structure is a connected region of at least `MIN_AREA` pixels in which
the band between σ = 0.7 and σ = 16 pixels exceeds `THRESHOLD`, half the contrast of the weakest painted mark. The smoothing leaves of a
disc of 2 pixels' radius 85 %, of a line one pixel wide 55 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeenh_train.fidelity.light import VEIL, Floats, log_light, smoothed, to_linear

THRESHOLD = 0.05
"""Weber contrast from which a structure counts."""
MIN_AREA = 4
FINE, COARSE = 0.7, 16.0
"""σ in pixels of the band in which a structure is looked for; what is wider than COARSE is a change of lighting."""
WINDOW = 33
"""Side of the windows in which the output is fitted by the input."""
RIDGE = 1e-4
"""Added to the variances of the fit: input contrasts well below 1 % explain nothing."""
STEP = 4
"""The fit's coefficients are found at every fourth pixel and interpolated (He and Sun, arXiv 1505.00996)."""
TONES = 48
"""Ranges of values of the global tone curve."""
MASKING = 0.25
"""Share of the input's own contrast that is added to the threshold. On six intraoral photographs 0.25 finds 55 % of marks of 10 to
30 % and raises no false alarm for tone curves and moderate uneven gains; 0.1 finds 78 % with dozens (docs/log.md)."""
NEARBY = 5
"""Side of the neighbourhood whose strongest contrast masks."""
BLACK, WHITE = 0.002, 0.995
"""Encoded values outside are clipped."""
JUDGED = 0.1
"""Share of a window that must not be clipped in the output for it to be judged."""


@dataclass(frozen=True, slots=True)
class Invented:
    """One invented structure: the place of its peak, its Weber contrast there with its sign, its area in pixels."""

    x: int
    y: int
    contrast: float
    area: int


def beside_marks(
    clean: NDArray[np.float32], marked: NDArray[np.float32], away: NDArray[np.bool_], threshold: float = THRESHOLD
) -> tuple[Invented, ...]:
    """What the marks made the enhancer draw elsewhere.

    A change wider than `COARSE` pixels, as when the marks shift a global statistic, is allowed.

    Args:
        clean, marked: The enhanced pictures without and with marks, float32 [H,W,C], 0…1.
        away: Bool [H,W]: the pixels that lie beyond the marks' surroundings.
        threshold: Weber contrast from which a structure counts.
    """
    change = log_light(to_linear(marked)) - log_light(to_linear(clean))
    weight = away.astype(np.float64)
    parts = []
    for plane in np.moveaxis(change, 2, 0):
        fine, coarse = (_masked_mean(plane, weight, sigma) for sigma in (FINE, COARSE))
        parts.append(np.where(away, fine - coarse, 0.0))
    return structures(_strongest(np.stack(parts, axis=-1)), threshold)


def in_clean(
    before: NDArray[np.float32], after: NDArray[np.float32], threshold: float = THRESHOLD
) -> tuple[Invented, ...]:
    """What the enhancer drew into a picture: structure of the output that the input does not explain.

    Explained is what a tone curve of the whole picture and, in every window, a linear map of the input's channels (on
    logarithms: gain, gamma, white balance, mixing of channels) make of the input: the guided filter's model (He, Sun and Tang,
    IEEE TPAMI 35(6), 2013, equations 4 to 8) with the input as the guide. A place counts where the output's band and the band of what
    is left have one sign and both exceed the threshold; so a structure that was removed is no invention (the marks tell of those).

    Args:
        before, after: The picture and its enhanced form, float32 [H,W,C], 0…1.
        threshold: Weber contrast from which a structure counts.
    """
    light_in, light_out = log_light(to_linear(before)), log_light(to_linear(after))
    guides = np.concatenate([light_in, log_light(to_linear(toned(before, after)))], axis=2)
    fit = [explained(guides, light_out[..., c], after[..., c]) for c in range(after.shape[2])]
    left, there = _band(light_out - np.stack(fit, axis=-1)), _band(light_out)
    both = np.where(left * there > 0.0, np.sign(left) * np.minimum(np.abs(left), np.abs(there)), 0.0)
    nearby = cv2.dilate(np.abs(_band(light_in)).max(axis=2), np.ones((NEARBY, NEARBY), np.uint8))
    return structures(_strongest(both), threshold + MASKING * np.asarray(nearby, dtype=np.float64))


def toned(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float32]:
    """`before` under the rising tone curve of each channel that comes nearest to `after`: medians of `TONES` ranges of values."""
    result = np.empty_like(before)
    edges = np.linspace(0.0, 1.0, TONES + 1)[1:-1]
    for channel in range(before.shape[2]):
        given, made = before[..., channel].ravel(), after[..., channel].ravel()
        range_of = np.searchsorted(edges, given)
        members = [np.flatnonzero(range_of == index) for index in range(TONES)]
        at = np.array([np.mean(given[m]) for m in members if m.size])
        to = np.maximum.accumulate([np.median(made[m]) for m in members if m.size])
        result[..., channel] = np.interp(before[..., channel], at, to)
    return result


def explained(guides: Floats, light: Floats, picture: NDArray[np.float32]) -> Floats:
    """What the guides make of one channel of the output, locally linear; clipped values neither steer the fit nor stand out of it.

    Args:
        guides: Float64 [H,W,G], logarithms.
        light: The output channel's logarithm, float64 [H,W].
        picture: The same channel as encoded, float32 [H,W].

    Returns:
        Float64 [H,W], within the logarithms of black and white; where a window has too few values that are not clipped, `light`.
    """
    inside = ((picture > BLACK) & (picture < WHITE)).astype(np.float64)
    count = guides.shape[2]
    columns = np.concatenate([guides, light[..., None]], axis=2)
    rows, across = np.triu_indices(count + 1)
    share = _box(inside[..., None])
    means = _box(columns * inside[..., None]) / np.maximum(share, 1e-6)
    moments = _box(columns[..., rows] * columns[..., across] * inside[..., None]) / np.maximum(share, 1e-6)
    full = np.empty((*means.shape[:2], count + 1, count + 1))
    full[..., rows, across] = full[..., across, rows] = moments - means[..., rows] * means[..., across]
    slope = np.linalg.solve(full[..., :count, :count] + RIDGE * np.eye(count), full[..., :count, count:])[..., 0]
    offset = means[..., count] - (slope * means[..., :count]).sum(axis=-1)
    spread = _spread(np.concatenate([slope, offset[..., None], share], axis=2), light.shape)
    fit = np.clip((spread[..., :count] * guides).sum(axis=2) + spread[..., count], np.log(VEIL), np.log1p(VEIL))
    return np.where(spread[..., count + 1] < JUDGED, light, fit)


def structures(contrast: Floats, threshold: float | Floats) -> tuple[Invented, ...]:
    """Connected regions in which |contrast| (float64 [H,W]) exceeds the threshold, strongest first."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        (np.abs(contrast) > threshold).astype(np.uint8), connectivity=8
    )
    found = []
    for label in range(1, len(stats)):
        left, top, width, height, area = (int(value) for value in stats[label])
        if area < MIN_AREA:
            continue
        window = slice(top, top + height), slice(left, left + width)
        inside = np.where(labels[window] == label, contrast[window], 0.0)
        y, x = divmod(int(np.abs(inside).argmax()), width)
        found.append(Invented(left + x, top + y, float(inside[y, x]), area))
    return tuple(sorted(found, key=lambda s: -abs(s.contrast)))


def _band(planes: Floats) -> Floats:
    return smoothed(planes, FINE) - smoothed(planes, COARSE)


def _strongest(planes: Floats) -> Floats:
    """Of every pixel the channel with the largest magnitude, with its sign: [H,W,C] to [H,W]."""
    index = np.abs(planes).argmax(axis=2)[..., None]
    return np.asarray(np.take_along_axis(planes, index, axis=2)[..., 0], dtype=np.float64)


def _masked_mean(plane: Floats, weight: Floats, sigma: float) -> Floats:
    """Gaussian mean of the pixels with weight alone; 0 where there is none within reach."""
    total = smoothed(weight, sigma)
    return np.where(total > 1e-6, smoothed(plane * weight, sigma) / np.maximum(total, 1e-6), 0.0)


def _box(planes: Floats) -> Floats:
    """Mean over `WINDOW`×`WINDOW` of every channel, mirrored at the borders, at every `STEP`th pixel: [H,W,C] to [h,w,C]."""
    parts = [
        cv2.blur(np.ascontiguousarray(plane), (WINDOW, WINDOW), borderType=cv2.BORDER_REFLECT)[::STEP, ::STEP]
        for plane in np.moveaxis(planes, 2, 0)
    ]
    return np.stack(parts, axis=-1)


def _spread(coarse: Floats, size: tuple[int, ...]) -> Floats:
    """Values at every `STEP`th pixel, interpolated linearly to all pixels: [h,w,C] to [H,W,C]."""
    rows, columns = (np.arange(n, dtype=np.float64) / STEP for n in size)
    upper, left = (np.minimum(p.astype(int), n - 1) for p, n in zip((rows, columns), coarse.shape, strict=False))
    lower, right = (np.minimum(p + 1, n - 1) for p, n in zip((upper, left), coarse.shape, strict=False))
    down, across = (rows - upper)[:, None, None], (columns - left)[None, :, None]
    vertical = coarse[upper] * (1.0 - down) + coarse[lower] * down
    spread = vertical[:, left] * (1.0 - across) + vertical[:, right] * across
    return np.asarray(spread, dtype=np.float64)
