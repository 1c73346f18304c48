"""A straight line through points, and how sure its slope is: least squares with Student's interval (NIST/SEMATECH e-Handbook, 4.1.4.1)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

T_975 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 18: 2.101}
"""Student's t, 97.5th percentile, by degrees of freedom (NIST/SEMATECH e-Handbook, 1.3.6.7.2); between two, the larger holds."""


class Slope(NamedTuple):
    """The slope of a line, and its 95 % interval."""

    value: float
    low: float
    high: float


def slope_of(xs: Sequence[float], ys: Sequence[float]) -> Slope:
    """The slope of the line through three points or more, whose xs are not all the same."""
    fit = statistics.linear_regression(xs, ys)
    middle, freedom = statistics.fmean(xs), len(xs) - 2
    spread = sum((x - middle) ** 2 for x in xs)
    rest = sum((y - fit.intercept - fit.slope * x) ** 2 for x, y in zip(xs, ys, strict=True))
    t = T_975[max(known for known in T_975 if known <= freedom)]
    error = t * math.sqrt(rest / freedom / spread)
    return Slope(fit.slope, fit.slope - error, fit.slope + error)
