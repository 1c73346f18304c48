"""The promises of both policies, under every order of events that hypothesis can think of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.frames import DropReason, EnhancedFrame, Frame, PassthroughReason, Status
from edgeenh.stream.accounting import Accounting, AccountingError
from edgeenh.stream.policy import LivePolicy, OfflinePolicy, Policy

MAX_AGE = 100
IMAGE = np.zeros((1, 1, 3), np.uint8)

ACTIONS = st.lists(
    st.one_of(
        st.just(("capture", 0)),
        st.tuples(st.sampled_from(["pass", "take", "finish", "hand_over"]), st.integers(0, 150)),
        st.tuples(st.sampled_from(["stop", "abandon"]), st.just(0)),
    ),
    max_size=60,
)


class Run:
    """A policy, driven by hand; after every step the identity is checked."""

    def __init__(self, make: Callable[[Accounting], Policy]) -> None:
        self.accounting = Accounting()
        self.policy = make(self.accounting)
        self.now, self.sequence = 0, 0
        self.busy: Frame | None = None
        self.shown: list[tuple[int, EnhancedFrame]] = []
        self.ended = False

    def do(self, action: str, value: int) -> None:
        if action == "capture" and self.policy.has_room() and not self.ended:
            self.policy.offer(Frame(IMAGE, "s", self.sequence, self.now))
            self.sequence += 1
        elif action == "pass":
            self.now += value
        elif action == "take" and (job := self.policy.take(self.now)) is not None:
            assert self.busy is None
            self.busy = job.frame
        elif action == "finish" and self.busy is not None:
            self.finish(value)
        elif action == "hand_over" and (result := self.policy.hand_over(self.now)) is not None:
            self.shown.append((self.now, result))
        elif action in ("stop", "abandon"):
            self.ended = True
            getattr(self.policy, action)()
        self.check()

    def finish(self, value: int) -> None:
        assert self.busy is not None
        started, self.now = self.now, self.now + value
        reason = PassthroughReason.BACKEND_ERROR if value % 7 == 3 else None
        status = Status.PASSTHROUGH if reason else Status.ENHANCED
        self.policy.finish(EnhancedFrame(IMAGE, self.busy, status, reason, "", started, self.now, None))
        self.busy = None

    def check(self) -> None:
        counts = self.accounting.counts()
        assert counts.holds
        assert counts.captured == self.sequence
        shown = [result for _, result in self.shown]
        assert counts.enhanced == sum(result.enhanced for result in shown)
        assert sum(counts.passthrough.values()) == sum(not result.enhanced for result in shown)
        assert self.policy.empty == (counts.in_flight == 0)

    def drain(self) -> None:
        for _ in range(10):
            self.do("take", 0)
            self.do("finish", 1)
            self.do("hand_over", 0)


def _live(accounting: Accounting) -> Policy:
    return LivePolicy(accounting, MAX_AGE)


@given(ACTIONS)
def test_live_holds_its_promises(actions: list[tuple[str, int]]) -> None:
    run = Run(_live)
    for action, value in actions:
        run.do(action, value)
        assert run.accounting.in_flight <= 2  # one in flight, one waiting
        assert run.policy.has_room()
    run.drain()
    assert run.policy.empty
    assert all(now - result.original.captured_ns <= MAX_AGE for now, result in run.shown)
    sequences = [result.original.sequence for _, result in run.shown]
    assert sequences == sorted(set(sequences))


@given(ACTIONS)
def test_offline_holds_its_promises(actions: list[tuple[str, int]]) -> None:
    run = Run(OfflinePolicy)
    for action, value in actions:
        run.do(action, value)
        assert run.accounting.in_flight <= 2 * 2 + 2
    run.drain()
    assert run.policy.empty
    sequences = [result.original.sequence for _, result in run.shown]
    if run.ended:
        assert set(run.accounting.dropped) <= {"stopped"}
        assert sequences == sorted(set(sequences))
    else:
        assert sequences == list(range(run.sequence))  # every frame, in order


@pytest.mark.parametrize("make", [_live, OfflinePolicy])
def test_after_abandon_everything_is_dropped(make: Callable[[Accounting], Policy]) -> None:
    run = Run(make)
    for action in ("capture", "take", "capture", "abandon", "finish"):
        run.do(action, 0)
    assert run.policy.empty
    assert run.accounting.dropped == {DropReason.STOPPED: 2}


def test_live_tells_superseded_from_stale() -> None:
    run = Run(_live)
    for action, value in (("capture", 0), ("capture", 0), ("pass", 101), ("take", 0)):
        run.do(action, value)
    assert run.accounting.dropped == {"superseded": 1, "stale": 1}


def test_live_gives_up_on_a_slow_enhancer_and_tries_it_again() -> None:
    run, tried = Run(_live), []
    for index in range(100):
        run.do("capture", 0)
        run.do("take", 0)
        assert run.busy is not None
        misses = run.policy.would_miss(run.busy, run.now)
        tried += [] if misses else [index]
        run.finish(3 if misses else 140)  # 3: passes through
        run.do("hand_over", 0)
    assert tried == [0, 1, 2, 3, 4, 36, 68]
    assert run.accounting.dropped == {"stale": 7}


def test_live_forgives_one_slow_frame() -> None:
    run = Run(_live)
    for index in range(50):
        run.do("capture", 0)
        run.do("take", 0)
        assert run.busy is not None
        assert not run.policy.would_miss(run.busy, run.now)
        run.finish(140 if index == 20 else 5)
        run.do("hand_over", 0)
    assert run.accounting.dropped == {"stale": 1}


def test_a_ticket_is_handed_in_once() -> None:
    accounting = Accounting()
    ticket = accounting.capture()
    accounting.enhance(ticket)
    for count in (accounting.enhance, lambda ticket: accounting.drop(ticket, DropReason.STALE)):
        with pytest.raises(AccountingError, match="counted twice or never captured"):
            count(ticket)
    with pytest.raises(AccountingError, match="never captured"):
        accounting.pass_through(7, PassthroughReason.DEADLINE)
    assert accounting.holds
    assert (accounting.captured, accounting.enhanced, accounting.in_flight) == (1, 1, 0)
    assert str(accounting) == "1 captured = 1 enhanced + 0 passthrough + 0 dropped + 0 in flight"


def test_the_identity_does_not_hold_by_construction() -> None:
    accounting = Accounting()
    accounting.capture()
    accounting._enhanced += 1
    assert not accounting.holds
    assert accounting.to_json()["holds"] is False
