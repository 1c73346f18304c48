"""Schedules of faults: their grammar, what plays them, and the judgement, which can go either way."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.bundle import Bundle
from edgeenh.containment.enhancer import ContainedEnhancer
from edgeenh.containment.recovery import Budget
from edgeenh.errors import UsageError
from edgeenh.sources import open_source
from edgeenh.stream import Event, FaultSchedule, ManualClock, MonotonicClock, Spool, Stream
from edgeenh.stream.events import EventLog
from edgeenh.stream.fault_camera import CameraFaults, with_camera_faults
from edgeenh.stream.fault_schedule import KINDS, Fault
from edgeenh.stream.rehearsal import ANSWERS, Rehearsal

Scripted = Callable[..., Any]

AMOUNTS = st.integers(1, 10**6).map(lambda number: number / 1000)


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    kind = draw(st.sampled_from(list(KINDS)))
    at_s = draw(st.integers(0, 10**8)) / 1000
    if not KINDS[kind].unit:
        return Fault(kind, at_s)
    return Fault(kind, at_s, draw(AMOUNTS) * (draw(st.sampled_from([1, -1])) if kind == "clock-step" else 1))


@given(st.lists(faults(), min_size=1, max_size=8))
def test_a_schedule_is_read_as_it_is_written(some: list[Fault]) -> None:
    schedule = FaultSchedule(tuple(sorted(some, key=lambda fault: fault.at_s)))
    assert FaultSchedule.parse(str(schedule)) == schedule


@given(st.text(alphabet="camera-lostwk@=,.0123456789msinhMiB \n\x00é", max_size=40))
def test_any_text_is_a_schedule_or_is_refused_in_one_line(text: str) -> None:
    try:
        schedule = FaultSchedule.parse(text)
    except UsageError as exc:
        refused = str(exc)
        assert "fault" in refused
        return
    assert FaultSchedule.parse(str(schedule)) == schedule


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "there is no fault ''"),
        ("camera-lots@1s", "there is no fault 'camera-lots': choose one of camera-lost, "),
        ("worker-kill", "is not understood, expected worker-kill@TIME, e.g. worker-kill@10s"),
        ("camera-lost@5", "expected camera-lost[=2s]@TIME"),
        ("camera-lost=5@1s", "it takes an amount in ms, s, min, h"),
        ("camera-lost=-5s@1s", "its amount is -5s, expected above 0"),
        ("worker-kill=3s@1s", "it takes no amount"),
        ("worker-leak=3s@1s", "it takes an amount in MiB, GiB"),
        ("worker-kill@1000h", "more than 30 days after the start"),
    ],
)
def test_what_is_wrong_is_said(text: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        FaultSchedule.parse(text)
    assert expected in str(caught.value)


def test_units_and_order() -> None:
    schedule = FaultSchedule.parse("clock-step=-1h@1.5min, camera-lost=250ms@500ms,worker-leak=1GiB@2s")
    assert schedule.faults == (
        Fault("camera-lost", 0.5, 0.25),
        Fault("worker-leak", 2.0, 1024.0),
        Fault("clock-step", 90.0, -3600.0),
    )
    assert set(ANSWERS) == set(KINDS)


@pytest.fixture
def contained(tiny_bundle: Bundle) -> Any:
    with ContainedEnhancer(tiny_bundle, backend="fake", budget=Budget(respawns=20)) as enhancer:
        yield enhancer


def _verdicts(stream: Stream) -> dict[str, list[str]]:
    return {fault["fault"].split("@")[0].split("=")[0]: fault["missing"] for fault in stream.report()["faults"]}


@pytest.mark.parametrize("mode", ["live", "exposure"])
def test_every_fault_is_answered(contained: ContainedEnhancer, tmp_path: Path, mode: Any) -> None:
    """The schedule of the documentation, in the time of a test; frames are taken until the last one is answered."""
    text = (
        "frame-corrupt@100ms,resize=200ms@200ms,camera-lost=300ms@500ms,worker-kill@900ms,model-nan@1.1s,"
        "disk-full=200ms@1.2s,clock-step@1.3s,gpu-lost@1.4s,camera-stall=300ms@1.7s,worker-leak=32MiB@1.9s"
    )
    spool = tmp_path / "spool" if mode == "exposure" else None
    stream = Stream("synthetic:96x64@50", contained, mode=mode, max_age_ms=2000, spool=spool, faults=text, frames=3000)
    deadline, answered = time.monotonic() + 120, False
    for frame in stream:
        assert stream.accounting.holds
        if frame.original.sequence % 20 == 0:
            missing = {kind: what for kind, what in _verdicts(stream).items() if what}
            if mode == "live":
                missing.pop("disk-full", None)  # nothing is written here: see the next test
            answered = not missing
            if answered or time.monotonic() > deadline:
                break
    assert answered, (missing, [(event.kind, event.detail) for event in stream.events])
    counts = stream.accounting.counts()
    assert counts.lost_upstream == {"incomplete": 1}
    assert set(counts.dropped) <= ({"superseded", "stale", "stopped"} if mode == "live" else set())
    kinds = {event.kind for event in stream.events}
    assert {"fault_played", "lost", "back", "size_changed", "worker_died", "worker_recovered"} <= kinds
    assert abs(time.time() - datetime.now(UTC).timestamp()) < 60  # the step of the clock is undone


def test_a_fault_that_cannot_be_played_is_not_called_answered(scripted: Scripted) -> None:
    _, enhancer, _ = scripted([])
    arrays = [np.random.default_rng(seed).integers(0, 200, (24, 32, 3), np.uint8) for seed in range(5)]
    stream = Stream(arrays, enhancer, faults="clock-step@30h,disk-full@0s")
    assert len(list(stream)) == 5
    verdicts = _verdicts(stream)
    assert verdicts["clock-step"] == ["not played: the stream ended before its time"]
    assert verdicts["disk-full"][0].startswith("not played: ")


def test_the_judgement_can_go_either_way() -> None:
    clock, log = ManualClock(), EventLog()
    rehearsal = Rehearsal(FaultSchedule.parse("disk-full@1s"), clock, max_age_ns=100)
    rehearsal.attach(object(), None, log)
    rehearsal.played[0].at_ns = 5
    assert rehearsal.to_json(0)[0]["missing"] == [
        "no not_spooled or not_written or sink_failed", "no spooled_again or written_again or sink_back", "no frame came after it",
    ]  # fmt: skip
    for kind in ("not_written", "written_again"):
        log.add(Event(kind, "", 4))
    assert len(rehearsal.to_json(0)[0]["missing"]) == 3  # events from before the fault are no answer
    for kind in ("not_written", "written_again"):
        log.add(Event(kind, "", 6))
    played = rehearsal.played[0]
    played.frames, played.late = 3, 2
    assert rehearsal.to_json(0)[0]["missing"] == [
        "no frame was enhanced after it", "2 frames were handed over older than allowed",
    ]  # fmt: skip
    played.enhanced, played.late = 1, 0
    assert rehearsal.to_json(0)[0]["answered"] is True


@pytest.mark.parametrize(
    ("faults", "options", "expected"),
    [
        ("worker-kill@1s", {}, "needs a worker process: leave out --in-process"),
        ("camera-lost@1s", {"mode": "offline"}, "needs a source with a rate, in the mode live or exposure"),
        ("nothing@1s", {}, "there is no fault 'nothing'"),
    ],
)
def test_a_schedule_that_cannot_be_played_is_refused(
    scripted: Scripted, faults: str, options: dict[str, Any], expected: str
) -> None:
    _, enhancer, clock = scripted([])
    with pytest.raises(UsageError, match=expected):
        Stream("synthetic:32x24@50", enhancer, clock=clock, faults=faults, **options)


def test_a_camera_under_faults_is_recovered_as_a_real_one() -> None:
    clock = ManualClock(jump=True)
    faults = CameraFaults(clock)
    source = with_camera_faults(open_source("synthetic:32x24@50", clock=clock, pace=True), faults)
    assert source.read() is not None
    faults.asked["camera-lost"], before = 400_000_000, clock.now_ns()
    frame = source.read()
    assert frame is not None
    assert clock.now_ns() >= before + 400_000_000
    assert [notice.kind for notice in source.notices] == ["lost", "reopening", "back"]
    source.close()


def test_the_end_of_a_recording_under_faults_is_an_end(tmp_path: Path) -> None:
    clock = ManualClock(jump=True)
    arrays = [np.zeros((24, 32, 3), np.uint8)] * 4
    from edgeenh.sources.frames import FramesSource
    from edgeenh.sources.pace import PacedSource

    source = with_camera_faults(PacedSource(FramesSource(arrays, clock, fps=50.0), clock), CameraFaults(clock))
    assert sum(1 for _ in iter(source.read, None)) == 4
    source.close()


def test_the_step_of_the_clock_reaches_the_labels_and_nothing_else(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    rehearsal = Rehearsal(FaultSchedule.parse("clock-step=-2h@1s"), MonotonicClock())
    rehearsal.attach(object(), spool, EventLog())
    before, monotonic = time.time(), time.monotonic()
    assert rehearsal.play(rehearsal.played[0]) == ""
    assert time.time() < before - 7000
    assert time.monotonic() >= monotonic
    rehearsal.close()
    assert time.time() >= before
    spool.close()
