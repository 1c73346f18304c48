"""Ctrl-C in the middle of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from edgeenh_bench.rounds import Job, Measured, Report, measure_rows
from edgeenh_bench.rows import Row


def measure_until_interrupted(job: Job, rows: Sequence[Row], report: Report) -> Measured:
    """As `measure_rows`, but Ctrl-C ends the measuring, not the result: what was counted so far is kept.

    Raises:
        KeyboardInterrupt: Nothing was counted yet.
    """
    try:
        return measure_rows(job, rows, report)
    except KeyboardInterrupt:
        if not any(row.latencies_ms for row in rows):
            raise
    for row in rows:
        if row.available and not row.latencies_ms:
            row.fail("interrupted before its first frame")
    return Measured("", None, interrupted=True)
