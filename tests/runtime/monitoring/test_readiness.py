"""Readiness and the watchdog, judged from state and an injected time."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.monitoring.readiness import STALL_MS, judge, within_contract
from edgeenh.monitoring.systemd import Notifier, SystemdWatch
from edgeenh.stream.latency import Shown
from edgeenh.stream.vitals import Vitals

MS = 1_000_000
NOW = 10**12
GOOD = Vitals(
    "camera:0", "live", True, False, 0, 250.0, True, 30.0, "", 1,
    Shown(100, NOW - 10 * MS, 40.0, None, NOW - 10 * MS, 33.3),
)  # fmt: skip


def shown(**changes: object) -> Vitals:
    return replace(GOOD, shown=replace(GOOD.shown, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("vitals", "live", "ready", "state"),
    [
        (GOOD, True, True, "enhancing"),
        (replace(GOOD, started=False), True, False, "starting"),
        (replace(GOOD, shown=Shown(), started_ns=NOW - 5 * MS), True, False, "starting"),
        (shown(reason="worker_died"), True, False, "passthrough"),
        (shown(age_ms=251.0), True, False, "late"),
        (shown(at_ns=NOW - 1001 * MS), True, False, "silent"),
        (replace(shown(at_ns=NOW - 9000 * MS), periodic=False, in_flight=0), True, True, "waiting"),
        (replace(shown(at_ns=NOW - 9000 * MS), fps=0.5, in_flight=0), True, True, "enhancing"),
        (replace(GOOD, lost="no frame for 100 ms"), True, False, "lost"),
        (shown(at_ns=NOW - round((STALL_MS + 1) * MS)), False, False, "stalled"),
        (replace(GOOD, ended=True), False, False, "ended"),
        (replace(GOOD, mode="offline", max_age_ms=None, periodic=False), True, True, "enhancing"),
        (replace(GOOD, mode="exposure", max_age_ms=None, unspooled=True), True, False, "unspooled"),
    ],
)
def test_the_verdict_follows_from_the_state(vitals: Vitals, live: bool, ready: bool, state: str) -> None:
    verdict = judge(vitals, NOW)
    assert (verdict.live, verdict.ready, verdict.state) == (live, ready, state)
    assert verdict.why


ages = st.floats(0, 1e6)
vitals_of_all_kinds = st.builds(
    Vitals,
    st.just("s"), st.sampled_from(["live", "exposure", "offline"]), st.booleans(), st.booleans(), st.integers(0, NOW),
    st.none() | st.floats(1, 1e5), st.booleans(), st.none() | st.floats(0.1, 500), st.sampled_from(["", "gone"]),
    st.integers(0, 5),
    st.builds(Shown, st.integers(0, 9), st.none() | st.integers(0, NOW), ages, st.none() | st.just("drift"),
              st.none() | st.integers(0, NOW), st.none() | ages),
    st.booleans(),
)  # fmt: skip


@given(vitals_of_all_kinds)
def test_ready_is_never_said_without_an_enhanced_frame_within_the_contract(vitals: Vitals) -> None:
    verdict = judge(vitals, NOW)
    if verdict.ready:
        assert verdict.live
        assert within_contract(vitals)
        assert vitals.started
        assert not vitals.ended
        assert not vitals.lost
        assert not vitals.unspooled
        assert vitals.shown.at_ns is not None
        if vitals.periodic:
            period_ms = 1000 / vitals.fps if vitals.fps else vitals.shown.interval_ms or 0
            assert (NOW - vitals.shown.at_ns) / MS <= max(1000, 5 * period_ms)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd holds: a datagram socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.setblocking(False)
        yield receiver


def heard(receiver: socket.socket) -> list[dict[str, str]]:
    found = []
    while True:
        try:
            datagram = receiver.recv(4096).decode()
        except BlockingIOError:
            return found
        found.append(dict(line.split("=", 1) for line in datagram.splitlines()))


def environment(receiver: socket.socket, seconds: float = 10) -> dict[str, str]:
    return {"NOTIFY_SOCKET": receiver.getsockname(), "WATCHDOG_USEC": str(round(seconds * 1e6))}


def test_ready_comes_with_the_first_enhanced_frame_and_life_with_every_good_one(supervisor: socket.socket) -> None:
    watch = SystemdWatch(Notifier(environment(supervisor)), watched=True)
    assert heard(supervisor) == []
    for second in range(30):  # all frames fail: no word of life, whatever time passes
        watch.frame(within_contract=False, now_ns=NOW + second * 1000 * MS, status="originals")
    assert not any("WATCHDOG" in datagram or "READY" in datagram for datagram in heard(supervisor))
    watch.frame(within_contract=True, now_ns=NOW + 31_000 * MS, status="enhancing")
    first = heard(supervisor)
    assert first[0] == {"READY": "1", "STATUS": "enhancing"}
    assert {"WATCHDOG": "1"} in first
    for step in range(100):
        watch.frame(within_contract=True, now_ns=NOW + (31_000 + 100 * step) * MS, status="enhancing")
    pings = [datagram for datagram in heard(supervisor) if "WATCHDOG" in datagram]
    assert len(pings) == 3  # every 2.5 s of 10
    watch.close()
    assert heard(supervisor) == [{"STOPPING": "1", "STATUS": "stopping"}]


def test_a_lost_camera_stops_the_watchdog_until_it_is_back(supervisor: socket.socket) -> None:
    watch = SystemdWatch(Notifier(environment(supervisor)), watched=True)
    watch.event("camera:0", "lost", "no frame for 100 ms")
    watch.event("camera:1", "lost", "nor here")
    watch.event("camera:0", "back", "back after 3 s")
    watch.event("camera:1", "passthrough_began", "whatever")
    watch.event("camera:1", "back", "all are back")
    assert heard(supervisor) == [
        {"STATUS": "no frame for 100 ms", "WATCHDOG_USEC": "0"},
        {"STATUS": "nor here", "WATCHDOG_USEC": "0"},
        {"STATUS": "all are back", "WATCHDOG_USEC": "10000000", "WATCHDOG": "1"},
    ]
    watch.close()


def test_a_source_without_a_rate_is_not_watched(supervisor: socket.socket) -> None:
    watch = SystemdWatch(Notifier(environment(supervisor)), watched=False)
    assert heard(supervisor) == [{"WATCHDOG_USEC": "0"}]
    watch.frame(within_contract=True, now_ns=NOW, status="an exposure")
    assert heard(supervisor) == [{"READY": "1", "STATUS": "an exposure"}, {"STATUS": "an exposure"}]
    watch.close()


def test_who_gives_frames_when_asked_is_ready_at_once(supervisor: socket.socket) -> None:
    watch = SystemdWatch(Notifier(environment(supervisor)), watched=False, awaited=False)
    first, second = heard(supervisor)
    assert (first, second["READY"]) == ({"WATCHDOG_USEC": "0"}, "1")
    watch.frame(within_contract=True, now_ns=NOW, status="an exposure")
    assert heard(supervisor) == [{"STATUS": "an exposure"}]
    watch.close()


def test_without_systemd_nothing_is_sent_and_a_full_socket_holds_nothing_up(supervisor: socket.socket) -> None:
    for words in ({}, {"NOTIFY_SOCKET": "/nowhere/at/all"}, {"WATCHDOG_USEC": "10"}, environment(supervisor)):
        notifier = Notifier(words)
        for _ in range(2000):  # more than a socket holds
            notifier.send(STATUS="a\nb")
        notifier.close()
    assert heard(supervisor)[0] == {"STATUS": "a b"}
