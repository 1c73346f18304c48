"""`edgeenh run --fault`: played, judged, and in the exit code."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
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


def test_a_full_disk_fails_what_writes_to_it_and_not_what_shows(
    edgeenh: Run, fake: list[object], tmp_path: Path
) -> None:
    folder, shown = tmp_path / "frames", f"shm:edgeenh-{os.getpid()}"
    words = ["--mode", "live", "--max-age", 60_000, "--frames", 40, "--in-process", "--out", folder, "--out", shown]
    done = edgeenh("run", "synthetic:96x64@50", *fake, *words, "--fault", "disk-full=40ms@100ms", "--json", "-")
    assert done.code == 0, done.err
    on_disk, in_memory = done.document["sinks"]
    assert done.document["faults"][0]["answered"]
    assert on_disk["missed"] >= 1
    assert (in_memory["missed"], in_memory["written"]) == (0, on_disk["written"] + on_disk["missed"])
    assert len(list(folder.glob("*.png"))) == on_disk["written"]
    assert {"sink_failed", "sink_back"} <= {event["kind"] for event in done.document["events"]}
    assert f"written: {folder}" in done.err
    assert "nothing was written" not in done.err


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
