"""Parts of a run: added up by the clock that times the whole, and never more than it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.backends import SessionOptions
from edgeenh.backends.fake import FakeSession
from edgeenh.backends.laps import COMPUTE, CONVERT, CONVERT_BACK, COPY_IN, ENQUEUE, PARTS, Lap, no_lap
from edgeenh.pixels import GREY, MAX_BITS, RGB
from edgeenh.slots import GreySlot, Slot
from edgeenh_bench.measure import time_parts
from edgeenh_bench.stopwatch import REST, Stopwatch, in_milliseconds, split_json


class Clock:
    """Moves by hand."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


LAPS = st.lists(st.tuples(st.sampled_from(sorted(PARTS)), st.integers(0, 10**9)), max_size=12)


@given(st.lists(LAPS, min_size=1, max_size=4), st.integers(0, 10**6))
def test_every_run_is_split_whole(runs: list[list[tuple[str, int]]], after: int) -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    for laps in runs:

        def run(_: int, laps: list[tuple[str, int]] = laps) -> dict[str, int]:
            watch.start()
            for part, spent in laps:
                clock.now += spent
                watch.lap(part)
            clock.now += after
            return dict(watch.laps)

        latency, parts = time_parts(run, 0, clock)
        assert parts.keys() == {part for part, _ in laps}
        assert math.fsum(parts.values()) + after / 1e6 == pytest.approx(latency, abs=1e-6)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(sorted(PARTS)), st.floats(0, 1e3), max_size=5),
        min_size=1,
        max_size=20,
    ),
    st.floats(0, 10),
)
def test_means_of_the_parts_and_the_rest_add_up(parts: list[dict[str, float]], rest: float) -> None:
    latencies = [math.fsum(one.values()) + rest for one in parts]
    split = split_json(latencies, parts)
    if not any(parts):
        assert split is None
        return
    assert split is not None
    mean = dict(split["mean"])
    whole = mean.pop("end_to_end")
    assert math.fsum(value for value in mean.values() if value is not None) == pytest.approx(whole, abs=1e-3)
    told = set[str]().union(*parts)
    assert {name for name, raw in split["raw"].items() if raw is not None} == told | {REST}
    assert all(len(raw) == len(parts) for raw in split["raw"].values() if raw is not None)


def test_parts_of_other_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        split_json([1.0, 2.0], [{COMPUTE: 1.0}])
    assert split_json([1.0], [{}]) is None
    assert in_milliseconds(None) == {}


class Told(FakeSession):
    """A session that tells its parts."""

    lap: Lap = staticmethod(no_lap)

    def run(self, image: np.ndarray, strength: float, out: np.ndarray) -> None:
        self.lap(COPY_IN)
        self.lap(ENQUEUE)
        super().run(image, strength, out)


def names(slot: Slot, image: np.ndarray) -> list[str]:
    found: list[str] = []
    slot.tell(found.append)
    slot.run(image, 1.0, np.empty_like(image), MAX_BITS)
    return found


def test_a_slot_tells_what_it_does_around_its_session() -> None:
    options = SessionOptions(48, 64, "fp32")
    fits, smaller = np.zeros((48, 64, 3), np.uint8), np.zeros((40, 60, 3), np.uint8)
    assert names(Slot(FakeSession(options), (48, 64), RGB), fits) == [CONVERT, COMPUTE]
    assert names(Slot(FakeSession(options), (48, 64), RGB), smaller) == [CONVERT, COMPUTE, CONVERT_BACK]
    assert names(Slot(Told(options), (48, 64), RGB), fits) == [CONVERT, COPY_IN, ENQUEUE, COMPUTE]
    grey = GreySlot(FakeSession(options, pixels=GREY), (48, 64), GREY)
    assert names(grey, np.zeros((40, 60, 1), np.uint16)) == [CONVERT, COMPUTE, CONVERT_BACK]
