"""The machine's noise: the same row in two processes that took turns. What their ratio is off 1 by, no difference of rows may be believed below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgeenh_bench.rows import Row

NOISY = 0.05
"""Difference of a row from itself above which the figures carry a warning."""


def noise_of(rows: Sequence[Row], twin: Row | None) -> dict[str, Any] | None:
    """Ratio of `twin` to its row with the interval, and its raw latencies; None where one of the two did not run."""
    if twin is None or not twin.latencies_ms:
        return None
    first = next(row for row in rows if row.spec == twin.spec)
    if not first.available:
        return None
    return {
        "row": twin.spec.label,
        "raw_ms": [round(value, 4) for value in twin.latencies_ms],
        **twin.times(first).to_json(),
    }


def noise_lines(noise: Mapping[str, Any] | None, twin: Row | None) -> list[str]:
    """What is wrong with the noise, one line or none: it was not measured, or it is large."""
    if noise is None and twin is not None:
        return [f"the machine's noise was not measured: {twin.reason or f'{twin.spec.label} failed'}"]
    if noise is None or not noise["differs"] or abs(noise["value"] - 1.0) <= NOISY:
        return []
    return [
        f"the same row measured twice differs by {abs(noise['value'] - 1.0):.0%}: smaller differences between rows mean nothing here"
    ]


def noise_line(noise: Mapping[str, Any]) -> str:
    """The noise in a sentence."""
    return f"Noise of this machine: {noise['row']} in two processes, {interval_text(noise)}"


def interval_text(ratio: Mapping[str, Any]) -> str:
    """A ratio with its interval, or how many blocks that would need."""
    if ratio["low"] is None:
        return f"{ratio['value']:.3f} (no interval: {ratio['blocks']} blocks, 6 are needed)"
    equal = "" if ratio["differs"] else ", no difference shown"
    return f"{ratio['value']:.3f} ({ratio['low']:.3f} to {ratio['high']:.3f}{equal})"
