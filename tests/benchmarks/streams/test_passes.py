"""The account of one pass, on a clock that only goes on when somebody waits or works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from edgeenh_bench.streams.catalogue import PACED, SLOW, UNPACED, Pace
from edgeenh_bench.streams.passes import Recorder, run_loop
from edgeenh_bench.streams.rows import age_growth, figures

MS = 1_000_000
FRAMES = 40


class Time:
    now = 0

    def read(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1e9)


def frames(count: int = FRAMES) -> Iterator[Any]:
    for _ in range(count):
        yield np.zeros((2, 2, 3), np.uint8)


def loop(pace: Pace, enhance_ms: float, given: int = FRAMES) -> Any:
    time = Time()
    recorder = Recorder(FRAMES, pace, time.read, time.sleep)
    return run_loop(frames(given), lambda _: time.sleep(enhance_ms / 1e3), recorder)


def test_a_loop_that_keeps_up_has_every_frame_at_the_age_of_its_enhancement() -> None:
    seen = loop(Pace(PACED, 25.0), 10.0)
    assert (seen.read, seen.out, seen.waiting, seen.silent) == (FRAMES, FRAMES, 0, 0)
    assert seen.ages_ms == pytest.approx([10.0] * FRAMES)
    growth = age_growth([vars_of(seen)])
    assert growth is not None
    assert growth["value"] == pytest.approx(0.0, abs=1e-6)


def test_a_slow_sink_makes_frames_old_and_leaves_them_waiting() -> None:
    seen = loop(Pace(SLOW, 25.0, 60.0), 10.0)  # 70 ms for every 40
    assert seen.out == 23  # begun within the camera's 1600 ms
    assert seen.waiting == FRAMES - 23
    assert seen.silent == 0
    assert seen.ages_ms[-1] == pytest.approx(10.0 + 22 * 30.0)
    made = figures([vars_of(seen)], Pace(SLOW, 25.0, 60.0))
    assert made["age_growth_ms_per_s"]["value"] == pytest.approx(30.0 / 0.04, rel=1e-3)
    assert (made["dropped"], made["lost_in_silence"]) == ({}, 0)


def test_frames_that_a_reader_leaves_out_are_lost_in_silence() -> None:
    for pace, enhance_ms in ((Pace(UNPACED), 1.0), (Pace(PACED, 25.0), 1.0), (Pace(PACED, 25.0), 100.0)):
        seen = loop(pace, enhance_ms, given=10)
        assert (seen.out, seen.waiting, seen.silent) == (10, 0, FRAMES - 10)


def test_without_a_pace_nothing_waits_and_nothing_has_an_age() -> None:
    seen = loop(Pace(UNPACED), 10.0)
    assert (seen.out, seen.ages_ms, seen.first_ms) == (FRAMES, [], 10.0)
    assert figures([vars_of(seen)], Pace(UNPACED))["frames_per_second"] == pytest.approx(100.0)


def test_too_few_frames_make_no_line() -> None:
    assert age_growth([{"due_s": [0.0, 0.1], "ages_ms": [1.0, 2.0]}]) is None


def vars_of(seen: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(seen)
