"""The streams' table: a percentile that too few frames were measured for is not shown."""

from __future__ import annotations

import pytest

from edgeenh_bench.percentiles import fewest_frames, summarise
from edgeenh_bench.streams.catalogue import PACED
from edgeenh_bench.streams.table import PACED_HEAD, paced_cells


@pytest.mark.parametrize("frames", [100, 700])
def test_a_percentile_says_how_many_more_frames_it_needs(frames: int) -> None:
    ages = [float(number) for number in range(frames)]
    seen = {
        "age_ms": summarise(ages), "age_growth_ms_per_s": None, "passthrough": {}, "dropped": {}, "frames": frames,
        "out": frames, "waiting": 0, "lost_in_silence": 0, "cpu_ms_per_frame": 1.0,
    }  # fmt: skip
    cells = paced_cells({"label": "loop", "paces": {PACED: seen}}, PACED)
    missing = fewest_frames(99) - frames
    p99 = cells[PACED_HEAD.index("p99")]
    assert p99 == f"needs {missing} more" if missing > 0 else float(p99) == pytest.approx(0.99 * frames, abs=2)
