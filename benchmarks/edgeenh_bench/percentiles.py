"""Percentiles that are printed only when enough frames support them.

The rule is the early stopping of MLPerf Inference (mlcommons/inference_policies, inference_rules, "early stopping").

Derivation. Let q be the true p-percentile of the latency. Each of n independent frames is slower than q with
probability 1 − p, so the number K of frames slower than q is Binomial(n, 1 − p). When P(K ≤ t) ≤ 0.01, at least t + 1
of our frames are slower than q with a confidence of 99 %, so the t-th slowest frame is an upper bound of q. The
smallest n for which that holds with t = 1 is the fewest frames that can say anything about the percentile: 64 for p90,
130 for p95, 662 for p99, 6,636 for p99.9. More frames allow a larger t, that is a tighter bound: t − 1 frames are
passed over and the slowest of the rest is the bound. (The t + 1-th slowest would do as well; MLPerf keeps one frame in
hand and so do we, so that figures compare.) Frames of one run are not quite independent (throttling, scheduler); the
rule is a floor, not a proof.

Nothing is ever removed from the sample: the bound passes frames over, it does not delete them, and the maximum is
given.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

CONFIDENCE = 0.99
"""Probability that a bound is not below the true percentile."""

REPORTED = (90.0, 95.0, 99.0, 99.9)
"""The percentiles that a row reports besides the median, which needs no minimum."""


def over_limit_probability(frames: int, allowed: int, percentile: float) -> float:
    """P(Binomial(frames, 1 − percentile/100) ≤ allowed), exact to rounding: summed from the terms' logarithms."""
    over = 1.0 - percentile / 100.0
    if allowed >= frames:
        return 1.0
    log_over, log_under = math.log(over), math.log1p(-over)
    log_choices = math.lgamma(frames + 1)
    return math.fsum(
        math.exp(
            log_choices - math.lgamma(k + 1) - math.lgamma(frames - k + 1) + k * log_over + (frames - k) * log_under
        )
        for k in range(allowed + 1)
    )


@functools.cache
def fewest_frames(percentile: float, allowed: int = 1) -> int:
    """The smallest count of frames at which `allowed` frames over the limit still bound the percentile.

    Args:
        percentile: Above 0 and below 100.
        allowed: t in the derivation above, at least 1.

    Raises:
        ValueError: An argument is outside its range.
    """
    if not (0 < percentile < 100 and allowed >= 1):
        raise ValueError(f"percentile {percentile} and {allowed} frames: expected 0 < percentile < 100 and at least 1")
    high = allowed + 1
    while over_limit_probability(high, allowed, percentile) > 1 - CONFIDENCE:
        high *= 2
    low = high // 2
    while low < high:  # the probability falls as the frames grow, so the first n that fits can be bisected
        middle = (low + high) // 2
        if over_limit_probability(middle, allowed, percentile) > 1 - CONFIDENCE:
            low = middle + 1
        else:
            high = middle
    return high


def frames_missing(percentile: float, frames: int) -> int:
    """How many more frames the percentile needs; 0 when the count earns it."""
    return max(0, fewest_frames(percentile) - frames)


def nearest_rank(latencies: Sequence[float], percentile: float) -> float:
    """The percentile of the sample itself: the smallest value that at least `percentile` % of the values do not exceed.

    Raises:
        ValueError: There is no value.
    """
    if not latencies:
        raise ValueError("a percentile of no values: measure at least one frame")
    rank = math.ceil(
        percentile / 100.0 * len(latencies) - 1e-9
    )  # 0.9 · 10 must be rank 9, whatever its last binary digit
    return sorted(latencies)[max(rank, 1) - 1]


def upper_bound(latencies: Sequence[float], percentile: float) -> float | None:
    """A value that the true percentile does not exceed with 99 % confidence; None while there are too few frames."""
    frames = len(latencies)
    if frames_missing(percentile, frames):
        return None
    allowed = 1
    while over_limit_probability(frames, allowed + 1, percentile) <= 1 - CONFIDENCE:
        allowed += 1
    return sorted(latencies)[-allowed]


def summarise(latencies: Sequence[float]) -> dict[str, object]:
    """Latencies in milliseconds as the JSON of a row.

    `p50`, `p90`, `p95`, `p99` and `p99.9` are percentiles of the sample (nearest rank), null until the count earns them, but for the
    median; `jitter` is p99 − p50;
    `frames_missing` says how many frames each still needs; `at_most` holds the bounds with 99 % confidence.

    Raises:
        ValueError: There is no value.
    """
    missing = {_name(p): frames_missing(p, len(latencies)) for p in REPORTED}
    document: dict[str, object] = {"p50": round(nearest_rank(latencies, 50), 3)}
    for p in REPORTED:
        document[_name(p)] = None if missing[_name(p)] else round(nearest_rank(latencies, p), 3)
    bounds = {_name(p): upper_bound(latencies, p) for p in REPORTED}
    p99 = document["p99"]
    return document | {
        "jitter": None if p99 is None else round(float(str(p99)) - nearest_rank(latencies, 50), 3),
        "max": round(max(latencies), 3),
        "n": len(latencies),
        "frames_missing": missing,
        "at_most": {name: None if bound is None else round(bound, 3) for name, bound in bounds.items()},
    }


def variation(latencies: Sequence[float]) -> float:
    """Coefficient of variation: standard deviation (divided by N) over the mean; 0.0 for fewer than two values."""
    if len(latencies) < 2:
        return 0.0
    mean = math.fsum(latencies) / len(latencies)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in latencies) / len(latencies)) / mean


def _name(percentile: float) -> str:
    return f"p{percentile:g}"
