"""Several streams that share one enhancer: fair by time, exposures first, each with its own contract."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.errors import JobFailed, UsageError, WorkerFailed
from edgeenh.stream import ManualClock, SharedEnhancer, StreamGroup
from edgeenh.stream.turns import Turn, Turns

Scripted = Callable[..., Any]

COSTS = st.lists(st.integers(1, 50), min_size=2, max_size=5)


@given(COSTS, st.integers(50, 300))
def test_seats_that_always_want_a_turn_get_the_same_time(costs: list[int], rounds: int) -> None:
    turns, seats = Turns(), [Turn() for _ in costs]
    cost = dict(zip(seats, costs, strict=True))
    for seat in seats:
        turns.ask(seat)
    for _ in range(rounds):
        seat = turns.next()
        assert seat is not None
        assert turns.take(seat)
        turns.done(seat, cost[seat])
        turns.ask(seat)
    assert max(seat.used for seat in seats) - min(seat.used for seat in seats) <= 2 * max(costs)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 30)), max_size=150), st.booleans())
def test_nobody_waits_behind_more_than_his_share(asks: list[tuple[int, int]], exposure: bool) -> None:
    """However the others ask: while a seat waits, each other one is served at most for as long as it is behind, and once more."""
    turns, seats = Turns(), [Turn(first=exposure and number == 3) for number in range(4)]
    waiting: set[int] = set()
    waited_for = [0] * 4
    for number, cost in asks:
        if number not in waiting:
            turns.ask(seats[number])
            waiting.add(number)
            waited_for[number] = 0
        chosen = turns.next()
        assert chosen is not None
        index = seats.index(chosen)
        if exposure and 3 in waiting:
            assert index == 3
        if len(waiting) > 2:  # let some queue up
            assert turns.take(chosen)
            turns.done(chosen, cost)
            waiting.discard(index)
            if not chosen.first:
                for other in waiting:
                    waited_for[other] += cost
                    assert waited_for[other] <= 4 * 30 + 30 or exposure


def test_a_pause_earns_nothing() -> None:
    turns, always, now_and_then = Turns(), Turn(), Turn()
    for _ in range(100):
        turns.ask(always)
        assert turns.take(always)
        turns.done(always, 10)
    turns.ask(now_and_then)
    turns.ask(always)
    assert turns.take(now_and_then)
    turns.done(now_and_then, 10)
    turns.ask(now_and_then)
    assert turns.take(always)  # and not a hundred turns for who was away


def test_a_seat_that_cannot_wait_goes_without(scripted: Scripted) -> None:
    _, enhancer, _ = scripted([])
    shared = SharedEnhancer(enhancer)
    slow, quick = shared.seat(), shared.seat()
    image = np.zeros((24, 32, 3), np.uint8)
    enhancer.go_on.clear()
    thread = threading.Thread(target=slow.enhance_into, args=(image, image.copy()))
    thread.start()
    enhancer.entered.acquire()
    with pytest.raises(WorkerFailed, match="busy with other sources") as caught:
        quick.enhance_into(image, image.copy(), budget_s=0.01)
    assert caught.value.reason == "deadline"
    enhancer.go_on.set()
    thread.join()
    quick.enhance_into(image, image.copy(), budget_s=5)
    assert enhancer.calls == 2


def _arrays(count: int, seed: int) -> list[Any]:
    return [np.random.default_rng(seed + k).integers(0, 200, (24, 32, 3), np.uint8) for k in range(count)]


def test_every_stream_gets_its_frames_in_order_under_its_own_contract(scripted: Scripted, tmp_path: Path) -> None:
    _, enhancer, clock = scripted([], ["ok", "raise", "ok", "constant"])
    group = StreamGroup(enhancer)
    files = group.add(_arrays(30, 0), clock=clock)
    xray = group.add(_arrays(10, 100), mode="exposure", spool=tmp_path, clock=clock)
    got: dict[int, list[int]] = {id(files): [], id(xray): []}
    for stream, frame in group:
        got[id(stream)].append(frame.original.sequence)
        assert files.accounting.holds
        assert xray.accounting.holds
        assert np.array_equal(frame.image, frame.original.image + 10) == frame.enhanced
    assert got == {id(files): list(range(30)), id(xray): list(range(10))}
    reports = group.report()
    assert [report["mode"] for report in reports] == ["offline", "exposure"]
    assert reports[1]["spool"]["waiting"] == 0
    assert sum(sum(report["accounting"]["passthrough"].values()) for report in reports) == 2


def test_an_exposure_goes_before_frames_that_wait(scripted: Scripted, tmp_path: Path) -> None:
    """While the enhancer is busy, both streams wait for it; the exposure, which came later, is next."""
    _, enhancer, clock = scripted([])
    enhancer.go_on.clear()
    order: list[int] = []
    enhance = enhancer.enhance_into

    def note(image: Any, out: Any, strength: Any = None) -> None:
        enhance(image, out, strength)
        order.append(int(image[0, 0, 0]))

    enhancer.enhance_into = note
    group = StreamGroup(enhancer)
    frames = [np.full((24, 32, 3), 1, np.uint8) for _ in range(3)]
    for frame in frames:
        frame[5:, 5:] = np.random.default_rng(0).integers(0, 200, (19, 27, 3))
    first = group.add([frames[0], frames[1], frames[2]], clock=clock)
    second = group.add([frame + 1 for frame in frames], clock=clock)
    xray = group.add([frame + 2 for frame in frames], mode="exposure", spool=tmp_path, clock=clock)
    shared = group._shared
    first.start()
    enhancer.entered.acquire()  # the first frame is in the enhancer
    second.start()
    with shared.free:
        assert shared.free.wait_for(lambda: len(shared.turns._waiting) == 1, 10)
    xray.start()
    deadline = threading.Event()
    while len(shared.turns._waiting) < 2:
        deadline.wait(0.005)
    enhancer.go_on.set()
    assert sum(1 for _ in group) == 9
    assert order[:2] == [1, 3]


def test_a_source_that_fails_ends_alone(scripted: Scripted) -> None:
    source, enhancer, clock = scripted(["ok", "fail"])
    group = StreamGroup(enhancer)
    failing = group.add(source, clock=clock)
    going = group.add(_arrays(20, 0), clock=clock)
    shown: list[Any] = []
    with pytest.raises(JobFailed, match="the cable is gone"):
        shown.extend(stream for stream, _ in group)
    assert shown.count(going) == 20
    assert shown.count(failing) == 1
    assert all(stream.accounting.holds and not stream.accounting.in_flight for stream in group.streams)


def test_leaving_the_loop_closes_all(scripted: Scripted) -> None:
    before = set(threading.enumerate())
    _, enhancer, clock = scripted([])
    group = StreamGroup(enhancer)
    for seed in (0, 50):
        group.add(_arrays(20, seed), clock=clock)
    for _stream, _frame in group:
        break
    assert all(stream.accounting.holds and not stream.accounting.in_flight for stream in group.streams)
    assert set(threading.enumerate()) == before


def test_more_sizes_than_the_enhancer_keeps_are_refused(scripted: Scripted) -> None:
    _, enhancer, _ = scripted([])
    clock = ManualClock(jump=True)
    group = StreamGroup(enhancer)
    for size in ("32x24", "64x48"):
        group.add(f"synthetic:{size}@50", clock=clock, frames=1)
    with pytest.raises(UsageError, match=r"frames of 3 sizes .*, and one enhancer keeps 2 ready"):
        group.add("synthetic:96x64@50", clock=clock, frames=1)
    assert sum(1 for _ in group) == 2


def test_two_sources_without_a_pace_both_get_every_frame_through(scripted: Scripted) -> None:
    """Who waits how long is a matter of `Turns`, tested above; which of two real threads has a frame first is not ours."""
    _, enhancer, clock = scripted([])
    group = StreamGroup(enhancer)
    group.add(_arrays(40, 0), clock=clock)
    group.add(_arrays(40, 100), clock=clock)
    order = [group.streams.index(stream) for stream, _ in group]
    assert order.count(0) == order.count(1) == 40
    assert all(stream.accounting.to_json()["enhanced"] == 40 for stream in group.streams)
