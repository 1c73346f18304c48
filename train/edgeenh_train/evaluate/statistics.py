"""Means over pictures and their 95 % intervals; differences of two methods on the same pictures.

A mean over N pictures is the sum divided by N. Its interval is Student's: t(N − 1) times the sample standard deviation
divided by √N; it speaks of other pictures of the same kind, if those measured were drawn independently. Pictures of one
person are not: with few subjects the true uncertainty is larger than the interval says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeenh.errors import InputError, MissingExtra

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over pictures.

    Attributes:
        value: Sum divided by `count`.
        half_width: Half the width of the 95 % interval; None for a single picture, which has none.
        count: Pictures.
    """

    value: float
    half_width: float | None
    count: int


def mean_of(values: Sequence[float]) -> Mean:
    """The mean of finite values with its interval.

    Raises:
        InputError: There is no value, or one is NaN or infinite: nothing is dropped or averaged in without a word.
    """
    _refuse_unusable(values)
    count = len(values)
    mean = math.fsum(values) / count
    if count == 1:
        return Mean(mean, None, 1)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    return Mean(mean, _t_quantile(count - 1) * deviation / math.sqrt(count), count)


def paired_difference(ours: Mapping[str, float], theirs: Mapping[str, float]) -> Mean:
    """Mean of `ours − theirs` picture by picture, with the interval of the differences.

    Args:
        ours, theirs: Finite values by picture; both of the same pictures.

    Raises:
        InputError: The pictures differ, there is none, or a value is not finite.
    """
    alone = sorted(ours.keys() ^ theirs.keys())
    if alone:
        raise InputError(f"a paired difference needs the same pictures on both sides; {alone[0]} is on one only")
    return mean_of([ours[name] - theirs[name] for name in sorted(ours)])


def legacy_uegan_mean(values: Sequence[float]) -> float:
    """The sum divided by N − 1, as UEGAN's CalcPSNR.py, CalcSSIM.py and CalcNIMA.py print it.

    Too large by N / (N − 1). Only for comparing with tables printed by those scripts; no table of ours uses it.

    Raises:
        InputError: There are fewer than two values (those scripts divide by zero), or one is not finite.
    """
    _refuse_unusable(values)
    if len(values) < 2:
        raise InputError("UEGAN's mean divides by N − 1 and has no value for one picture; expected at least 2")
    return math.fsum(values) / (len(values) - 1)


def _refuse_unusable(values: Sequence[float]) -> None:
    if not values:
        raise InputError("a mean needs at least one value, found none")
    for place, value in enumerate(values):
        if not math.isfinite(value):
            raise InputError(f"value {place + 1} of {len(values)} is {value}; expected finite values to average")


def _t_quantile(freedom: int) -> float:
    """Two-sided 95 % point of Student's t."""
    try:
        from scipy.special import stdtrit
    except ImportError as exc:
        raise MissingExtra("an interval of a mean", "train") from exc
    return float(stdtrit(freedom, (1.0 + LEVEL) / 2.0))
