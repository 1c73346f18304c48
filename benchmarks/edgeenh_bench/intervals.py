"""How sure a ratio or a difference of latencies is. Nothing here assumes a distribution: latencies have none that is known.

What is counted are blocks of frames, not frames: neighbouring frames share the machine's mood, and an interval from single frames
would be far too narrow.

**Ratio of two rows of one run.** The rows took turns, so block k of one and block k of the other met the same machine. Their median
latencies give one ratio per round; the median of these is the ratio, and order statistics bound it: of n values, the interval from the
r-th smallest to the r-th largest holds the true median with probability `1 − 2 · P(Binomial(n, ½) < r)` (NIST/SEMATECH
e-Handbook, 7.2.6 "percentiles"; Conover, Practical Nonparametric Statistics, 3.2).

**Two runs.** Their blocks did not meet, so they are compared as two samples: the rank-sum test of Wilcoxon, Mann and Whitney (Mann and
Whitney, Annals of Mathematical Statistics 18(1), 1947), exactly, ties included: every way to choose which blocks are the first run's
is counted.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio with its interval.

    Attributes:
        value: Median over the blocks.
        low, high: Bounds of at least `CONFIDENCE`; None where there are too few blocks for any.
        blocks: How many pairs there were.
    """

    value: float
    low: float | None
    high: float | None
    blocks: int

    @property
    def differs(self) -> bool | None:
        """Whether the interval leaves out 1; None where there is no interval."""
        if self.low is None or self.high is None:
            return None
        return not self.low <= 1.0 <= self.high

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self) | {"differs": self.differs}


def block_medians(latencies_ms: Sequence[float], blocks: Sequence[int]) -> list[float]:
    """The median of each of the consecutive blocks whose lengths are given; empty ones are left out.

    Raises:
        ValueError: The lengths do not add up to the number of latencies.
    """
    if sum(blocks) != len(latencies_ms):
        raise ValueError(f"blocks of {sum(blocks)} frames for {len(latencies_ms)} latencies")
    edges = list(itertools.accumulate(blocks, initial=0))
    return [statistics.median(latencies_ms[a:b]) for a, b in itertools.pairwise(edges) if b > a]


def ratio_of_blocks(numerator: Sequence[float], denominator: Sequence[float]) -> Ratio:
    """The ratio of two rows that took turns, from their block medians, above 0, in the order measured.

    Raises:
        ValueError: They are not equally many, or none.
    """
    ratios = sorted(a / b for a, b in zip(numerator, denominator, strict=True))
    if not ratios:
        raise ValueError("a ratio of no blocks: measure at least one frame")
    rank = _rank(len(ratios))
    low, high = (None, None) if rank == 0 else (ratios[rank - 1], ratios[-rank])
    return Ratio(statistics.median(ratios), low, high, len(ratios))


def _rank(count: int) -> int:
    """The largest r whose interval still has the confidence; 0 where none has."""
    below, rank = 0.0, 0
    for r in range(1, count // 2 + 1):
        below += math.comb(count, r - 1) / 2**count
        if 1.0 - 2.0 * below < CONFIDENCE:
            break
        rank = r
    return rank


def rank_sum_p(first: Sequence[float], second: Sequence[float]) -> float:
    """The two-sided probability of ranks at least as uneven as these if both samples came from one distribution.

    Raises:
        ValueError: One of the samples is empty.
    """
    if not first or not second:
        raise ValueError("two samples are needed, and one is empty")
    pooled = sorted([*first, *second])
    doubled = {value: _doubled_midrank(pooled, value) for value in set(pooled)}
    ranks = [doubled[value] for value in pooled]
    found = sum(doubled[value] for value in first)
    expected = len(first) * sum(ranks) / len(ranks)
    ways = _subset_sums(ranks, len(first))
    far = abs(found - expected) - 1e-9
    return sum(count for total, count in ways.items() if abs(total - expected) >= far) / sum(ways.values())


def _doubled_midrank(pooled: Sequence[float], value: float) -> int:
    """Twice the mean rank of the equal values, which is a whole number."""
    first = pooled.index(value) + 1
    return 2 * first + pooled.count(value) - 1


def _subset_sums(values: Sequence[int], size: int) -> dict[int, int]:
    """Sum → how many subsets of so many of the values have it."""
    ways: list[dict[int, int]] = [{0: 1}, *({} for _ in range(size))]
    for value in values:
        for chosen in range(size - 1, -1, -1):
            for total, count in ways[chosen].items():
                ways[chosen + 1][total + value] = ways[chosen + 1].get(total + value, 0) + count
    return ways[size]
