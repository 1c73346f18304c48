"""`edgeenh run --fault`: played, judged, and in the exit code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]


def test_answered_faults_are_exit_0(edgeenh: Run, fake: list[object]) -> None:
    schedule = "clock-step=-1h@50ms,disk-full=40ms@100ms,frame-corrupt@200ms"
    words = [
        "--mode",
        "live",
        "--max-age",
        60_000,
        "--frames",
        60,
        "--out",
        "null",
        "--in-process",
        "--fault",
        schedule,
    ]
    done = edgeenh("run", "synthetic:96x64@50", *fake, *words, "--json", "-")
    assert done.code == 0, done.err
    faults = done.document["faults"]
    assert [fault["answered"] for fault in faults] == [True] * 3, faults
    assert done.document["accounting"]["lost_upstream"] == {"incomplete": 1}
    assert done.document["unwritten"] >= 1
    kinds = {event["kind"] for event in done.document["events"]}
    assert {"fault_played", "not_written", "written_again", "incomplete"} <= kinds
    assert done.err.count(": answered") == 3


def test_a_fault_that_is_not_answered_is_exit_1(edgeenh: Run, fake: list[object]) -> None:
    words = ["--mode", "live", "--frames", 5, "--in-process", "--fault", "clock-step@1h"]
    done = edgeenh("run", "synthetic:96x64@50", *fake, *words)
    assert done.code == 1
    assert "fault clock-step=3600s@3600s, expected: nothing changes: NOT ANSWERED: not played" in done.out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--fault", "worker-kil@1s"), "there is no fault 'worker-kil': choose one of camera-lost"),
        (
            ("--fault", "worker-kill@1s", "--in-process"),
            "the fault worker-kill needs a worker process: leave out --in-process",
        ),
        (
            ("--fault", "camera-lost@1s", "--mode", "offline"),
            "needs a source with a rate, in the mode live or exposure",
        ),
    ],
)
def test_a_wrong_schedule_is_one_line_and_exit_2(
    edgeenh: Run, fake: list[object], words: tuple[str, ...], expected: str
) -> None:
    done = edgeenh("run", "synthetic:96x64@50", *fake, *words)
    assert (done.code, done.out) == (2, "")
    assert expected in done.err
    assert done.err.count("\n") == 1
