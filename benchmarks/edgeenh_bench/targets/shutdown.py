"""Target: from every state, SIGTERM and SIGINT end a run in less than 2 s, with code 130, a report, and nothing left behind."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path

from edgeenh.bundle import Bundle
from edgeenh_bench.shutdown_states import STATES, End, end_in
from edgeenh_bench.targets.figures import Figure, Measurement

LIMIT_S = 2.0
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def measure(
    model: Path | None,
    threads: int | None,  # noqa: ARG001 (one form for all targets)
    *,
    states: tuple[str, ...] = tuple(STATES),
    rounds: int = 3,
) -> Measurement:
    """End so many runs in each state with each signal."""
    bundle = Bundle.shipped().path if model is None else model
    ends: list[tuple[str, str, End]] = []
    for _ in range(rounds):
        for name in states:
            for number in SIGNALS:
                with tempfile.TemporaryDirectory() as folder:
                    ends.append((name, number.name, end_in(name, number, Path(folder), bundle)))
    longest = max(ends, key=lambda end: end[2].seconds)
    whole = [end for _, _, end in ends if _is_whole(end)]
    figures = [
        Figure("longest from the signal to the end of the process", longest[2].seconds, "s", at_most=LIMIT_S),
        Figure(
            "runs that did not end with code 130 and a report that holds", float(len(ends) - len(whole)), at_most=0.0
        ),
        Figure("processes left behind", float(sum(len(end.orphans) for _, _, end in ends)), at_most=0.0),
        Figure("runs", float(len(ends))),
    ]
    rows = [[name, number, round(end.seconds, 3), end.code] for name, number, end in ends]
    return Measurement(figures, {"slowest": longest[0], "state_signal_seconds_code": rows})


def _is_whole(end: End) -> bool:
    return end.code == 130 and end.report is not None and end.report["accounting"]["holds"] is True
