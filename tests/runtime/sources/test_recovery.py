"""Recovery against a fake device, a clock that jumps, and every order of faults that hypothesis thinks of."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.errors import SourceError
from edgeenh.frames import Frame
from edgeenh.sources.device import Capture, Numbers
from edgeenh.sources.recovery import CAMERA, NETWORK, Patience, RecoveringSource, State
from edgeenh.stream import ManualClock

PERIOD_MS = 40.0
IMAGE = np.zeros((4, 6, 3), np.uint8)


@dataclass
class Plan:
    """What the world does, step by step; shared by every device that is opened."""

    clock: ManualClock
    steps: list[str]
    serials: list[str] = field(default_factory=list)  # of the devices that openings find; empty = always A
    refusals: int = 0
    opened: int = 0
    alive: int = 0
    asked: list[str | None] = field(default_factory=list)
    good: int = 0
    lost: int = 0
    faults: int = 0

    def open(self, serial: str | None) -> FakeDevice:
        self.asked.append(serial)
        if self.refusals:
            self.refusals -= 1
            raise SourceError("not there")
        self.opened += 1
        return FakeDevice(self, self.serials.pop(0) if self.serials else "A")


class FakeDevice:
    """Numbers its frames from 7 on after every opening; one device at a time may be open."""

    def __init__(self, plan: Plan, serial: str) -> None:
        assert plan.alive == 0, "opened while another one is open"
        plan.alive += 1
        self.plan, self.serial, self.open = plan, serial, True
        self.size, self.fps, self.numbers = None, 1000 / PERIOD_MS, Numbers(65535)
        self.number = 6
        self.first = True

    def read(self, timeout_s: float) -> Capture | None:
        step = self.plan.steps.pop(0) if self.plan.steps else "good"
        if step == "silent":
            self.plan.clock.advance(timeout_s * 1000)
            return None
        if step == "gone":
            raise SourceError("gone")
        self.plan.clock.advance(PERIOD_MS)
        self.number = self.number % 65535 + 1
        if step == "skip":
            self.number = self.number % 65535 + 1
            self.plan.lost += 0 if self.first else 1
        now_ns, self.first = self.plan.clock.now_ns(), False
        if step == "fault":
            self.plan.faults += 1
            return Capture(now_ns, None, self.number, "incomplete", "a frame is not whole")
        self.plan.good += 1
        return Capture(now_ns, IMAGE, self.number)

    def close(self) -> None:
        if self.open:
            self.open = False
            self.plan.alive -= 1


def _source(plan: Plan, patience: Patience = CAMERA) -> RecoveringSource:
    return RecoveringSource("fake", plan.open, plan.clock, patience=patience, random=lambda: 0.5)


def _read(source: RecoveringSource) -> Frame:
    frame = source.read()
    assert frame is not None
    return frame


def _kinds(source: RecoveringSource) -> list[str]:
    return [notice.kind for notice in source.notices]


@given(st.lists(st.sampled_from(["good", "good", "silent", "gone", "skip", "fault"]), max_size=60), st.integers(0, 3))
def test_no_frame_is_lost_uncounted_whatever_happens(steps: list[str], refusals: int) -> None:
    plan = Plan(ManualClock(jump=True), [*steps, "good"])
    source = _source(plan)
    plan.refusals = refusals
    frames = []
    while plan.steps or not frames:
        frames.append(_read(source))
    gaps = sum(b.sequence - a.sequence - 1 for a, b in itertools.pairwise(frames)) + frames[0].sequence
    assert len(frames) == plan.good
    assert gaps == plan.lost
    assert source.lost_upstream["incomplete"] == plan.faults
    assert all(b.sequence > a.sequence for a, b in itertools.pairwise(frames))
    assert source.state is State.STREAMING
    kinds = _kinds(source)
    assert kinds.count("lost") == kinds.count("back")
    assert plan.alive == 1
    source.close()
    assert plan.alive == 0


def test_three_silent_periods_are_a_loss_and_a_frame_in_time_is_a_return() -> None:
    plan = Plan(ManualClock(), ["good"] + ["silent"] * 3)  # each silence is 50 ms
    source = _source(plan)
    _read(source)
    _read(source)  # the device came back by itself, within its grace
    assert (plan.opened, _kinds(source)) == (1, ["lost", "back"])
    assert "no frame for 150 ms, expected one every 40 ms" in source.notices[0].detail
    assert "back after 0.19 s" in source.notices[1].detail
    plan.steps = ["silent"] * 2
    _read(source)
    assert len(source.notices) == 2  # 100 ms are no loss


def test_a_device_that_stays_silent_is_opened_again_by_its_serial() -> None:
    plan = Plan(ManualClock(jump=True), ["good"] + ["silent"] * 8)
    source = _source(plan)
    first, second = _read(source), _read(source)
    assert (plan.opened, plan.asked) == (2, [None, "A"])
    assert (first.sequence, second.sequence) == (0, 1)  # what it made meanwhile nobody can count
    assert "is not numbered" in source.notices[-1].detail


def test_another_device_is_refused_by_name_and_the_first_is_waited_for() -> None:
    plan = Plan(ManualClock(jump=True), ["good", "gone"], serials=["A", "B", "B", "", "A"])
    source = _source(plan)
    _read(source)
    _read(source)
    kinds = _kinds(source)
    assert kinds.count("another_device") == 2  # B once, and the one without a serial
    assert "another device is there, B, expected A; it is not used" in next(
        n.detail for n in source.notices if n.kind == "another_device"
    )
    assert (plan.opened, plan.alive, kinds[-1]) == (5, 1, "back")


def test_waits_between_attempts_double_up_to_a_bound_and_are_jittered() -> None:
    waits = [CAMERA.back_off_ns(failures, 0.5) / 1e9 for failures in range(1, 8)]
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert CAMERA.back_off_ns(10_000, 1.0) == 2_000_000_000
    assert CAMERA.back_off_ns(1, 0.0) == 75_000_000
    assert CAMERA.back_off_ns(1, 1.0) == 125_000_000


def test_the_clock_of_the_attempts_is_the_one_given() -> None:
    plan = Plan(ManualClock(jump=True), ["good", "gone"])
    source = _source(plan)
    _read(source)
    plan.refusals = 3
    before_ns = plan.clock.now_ns()
    _read(source)
    assert plan.clock.now_ns() - before_ns == round((0.1 + 0.2 + 0.4) * 1e9 + PERIOD_MS * 1e6)
    assert _kinds(source) == ["lost", "reopening", "back"]  # the same refusal is told once


def test_a_device_that_opens_and_fails_at_once_is_not_tried_in_a_rush() -> None:
    plan = Plan(ManualClock(jump=True), ["good"] + ["gone"] * 4)
    source = _source(plan)
    _read(source)
    before_ns = plan.clock.now_ns()
    _read(source)
    assert plan.clock.now_ns() - before_ns >= round((0.1 + 0.2 + 0.4) * 1e9)


def test_a_network_may_pause_for_longer_than_three_periods() -> None:
    plan = Plan(ManualClock(jump=True), ["good"] + ["silent"] * 30)
    source = _source(plan, NETWORK)
    _read(source)
    _read(source)
    assert source.notices == []


def test_a_device_without_a_rate_is_never_lost_by_silence() -> None:
    plan = Plan(ManualClock(jump=True), ["good"] + ["silent"] * 500)
    source = _source(plan)
    assert source._device is not None
    source._device.fps = None  # triggered
    _read(source)
    _read(source)
    assert source.notices == []


@pytest.mark.parametrize("where", ["waiting between attempts", "opening", "reading"])
def test_an_interrupt_ends_every_wait(where: str) -> None:
    """With a clock that stands still: only the interrupt can end the wait."""
    plan = Plan(ManualClock(), ["good", "gone"] if where != "reading" else ["good"])
    source = _source(plan)
    _read(source)
    reached, release = threading.Event(), threading.Event()

    def blocked(serial: str | None) -> FakeDevice:
        reached.set()
        if where == "opening":
            release.wait()
        raise SourceError("not there")

    source._open_device = blocked  # type: ignore[assignment]
    if where == "reading":
        plan.steps = ["silent"] * 100_000
        reached.set()
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(source.read()))
    thread.start()
    assert reached.wait(10)
    source.interrupt()
    thread.join(10)
    assert not thread.is_alive()
    assert results == [None]
    source.close()
    release.set()


def test_a_device_that_opens_after_the_interrupt_is_closed() -> None:
    plan = Plan(ManualClock(), ["good", "gone"])
    source = _source(plan)
    _read(source)
    reached, release, closed = threading.Event(), threading.Event(), threading.Event()

    class Late(FakeDevice):
        def close(self) -> None:
            super().close()
            closed.set()

    def late(serial: str | None) -> FakeDevice:
        reached.set()
        release.wait()
        return Late(plan, "A")

    source._open_device = late
    thread = threading.Thread(target=source.read)
    thread.start()
    assert reached.wait(10)
    source.interrupt()
    thread.join(10)
    source.close()
    release.set()
    assert closed.wait(10)
    assert plan.alive == 0


def test_a_change_of_size_is_told() -> None:
    plan = Plan(ManualClock(), [])
    source = _source(plan)
    _read(source)
    assert source.size == (6, 4)
    source.size = (8, 8)
    _read(source)
    assert source.notices[0].detail == "fake now gives 6x4 pixels, it was 8x8"


def test_faults_in_a_row_are_told_once_and_counted_all() -> None:
    plan = Plan(ManualClock(), ["good", "fault", "fault", "good", "fault"])
    source = _source(plan)
    assert [_read(source).sequence for _ in range(3)] == [0, 1, 2]  # a counted loss takes no number
    assert (_kinds(source), dict(source.lost_upstream)) == (["incomplete", "incomplete"], {"incomplete": 3})


@given(st.integers(2, 40), st.integers(0, 100), st.lists(st.integers(0, 9), max_size=50))
def test_numbers_find_every_gap_across_the_wrap(modulus: int, first: int, gaps: list[int]) -> None:
    numbers, position = Numbers(modulus), first
    assert numbers.missed(first % modulus) == 0
    for gap in gaps:
        position += 1 + gap
        expected = gap % modulus
        found = numbers.missed(position % modulus)
        assert found == (expected if expected <= modulus // 2 else None)
        if found is None:
            position -= 1 + gap


def test_a_number_that_comes_again_is_no_loss() -> None:
    numbers = Numbers(1 << 32)
    assert [numbers.missed(n) for n in (5, 6, 6, 5, 7, 9)] == [0, 0, None, None, 0, 1]
    narrow = Numbers(65535)
    assert [narrow.missed(n) for n in (65534, 65535, 1, 2)] == [0, 0, 0, 0]
    narrow = Numbers(65535)
    assert narrow.missed(65535) == 0
    narrow.widen(1 << 64)
    assert [narrow.missed(n) for n in (65536, 65538)] == [0, 1]
