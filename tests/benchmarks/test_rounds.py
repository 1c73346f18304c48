from __future__ import annotations

import sys
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from edgeenh.bundle import Bundle
from edgeenh_bench import rounds
from edgeenh_bench.measure import WarmUpLimits
from edgeenh_bench.modes import PACED, THROUGHPUT, Mode
from edgeenh_bench.rounds import Job, measure_rows
from edgeenh_bench.rows import Row, RowSpec
from edgeenh_bench.source_frames import collect
from edgeenh_bench.worker_process import WorkerProcess

FAIL_IN_THE_MIDDLE = """
import edgeenh_bench.worker as w
from edgeenh.errors import InferenceFailed
real = w.Worker.block
def block(self, request):
    if request["first"] > 0:
        {what}
    return real(self, request)
w.Worker.block = block
w.main()
"""

CRASH_AT_FIRST_BLOCK = """
import edgeenh_bench.worker as w
def crash(self, request):
    raise MemoryError("no memory left on the device")
w.Worker.block = crash
w.main()
"""


@pytest.fixture
def job(bundle_path: Path, tmp_path: Path) -> Job:
    frames = collect(None, Bundle.open(bundle_path), (64, 48), 10, tmp_path / "frames.raw")
    limits = WarmUpLimits(window=2, tolerance=100.0)
    return Job(bundle_path, frames, tmp_path, count=11, threads=1, warm_up=limits)


def silent(step: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""


def test_a_crash_marks_its_own_row_only(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(label: str, log: Path) -> WorkerProcess:
        command = [sys.executable, "-c", CRASH_AT_FIRST_BLOCK] if label == "fake-fp16" else None
        return WorkerProcess(label, log, command)

    monkeypatch.setattr(rounds, "WorkerProcess", start)
    rows = [Row(RowSpec("fake", precision)) for precision in ("fp32", "fp16", "bf16")]
    measured = measure_rows(job, rows, silent)
    assert measured.no_reference == ""
    assert measured.twin is not None
    assert len(measured.twin.latencies_ms) == 11
    assert [row.available for row in rows] == [True, False, True]
    assert "MemoryError: no memory left on the device" in rows[1].reason
    assert [len(row.latencies_ms) for row in rows] == [11, 0, 11]
    assert [row.verdict and row.verdict.pictures for row in rows] == [2, None, 2]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("raise InferenceFailed('the model gave NaN')", "the model gave NaN (after 6 measured frames)"),
        ("import os; os.kill(os.getpid(), 9)", "SIGKILL (after 6 measured frames)"),
    ],
)
def test_what_was_measured_before_a_failure_in_the_middle_is_kept_apart(
    job: Job, monkeypatch: pytest.MonkeyPatch, what: str, said: str
) -> None:
    def start(label: str, log: Path) -> WorkerProcess:
        command = [sys.executable, "-c", FAIL_IN_THE_MIDDLE.format(what=what)] if label == "fake-fp16" else None
        return WorkerProcess(label, log, command)

    monkeypatch.setattr(rounds, "WorkerProcess", start)
    rows = [Row(RowSpec("fake", precision)) for precision in ("fp32", "fp16")]
    measure_rows(job, rows, silent)
    assert [len(row.latencies_ms) for row in rows] == [11, 0]
    assert rows[1].reason.endswith(said)
    document = rows[1].to_json()
    assert (document["available"], document["partial"]["n"], document["latency_ms"]) == (False, 6, None)


def test_a_second_process_that_fails_leaves_the_rows_and_is_not_silent(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(label: str, log: Path) -> WorkerProcess:
        command = [sys.executable, "-c", "raise SystemExit(7)"] if label.endswith("-again") else None
        return WorkerProcess(label, log, command)

    monkeypatch.setattr(rounds, "WorkerProcess", start)
    row = Row(RowSpec("fake", "fp32"))
    twin = measure_rows(job, [row], silent).twin
    assert len(row.latencies_ms) == 11
    assert twin is not None
    assert "exit code 7" in twin.reason


@pytest.mark.parametrize("mode", [Mode(), Mode(PACED, fps=500.0), Mode(THROUGHPUT, in_flight=2)])
@pytest.mark.parametrize(("backend", "tells"), [("onnxruntime", True), ("openvino", True), ("fake", False)])
def test_every_frame_is_split_into_its_parts(job: Job, mode: Mode, backend: str, tells: bool) -> None:
    row = Row(RowSpec(backend, "fp32"))
    measure_rows(replace(job, mode=mode, compare=False), [row], silent)
    assert row.available, row.reason
    split = row.to_json(2.0)["split_ms"]
    assert (split["raw"]["enqueue"] is not None) == tells
    assert split["raw"]["copy_in"] is split["raw"]["copy_out"] is None  # the CPU's libraries work in our memory
    assert all(len(raw) == len(row.latencies_ms) for raw in split["raw"].values() if raw is not None)
    assert min(split["raw"]["rest"]) >= 0.0
    assert min(split["raw"]["compute"]) > 0.0
    assert sum(mean or 0.0 for mean in split["mean"].values()) == pytest.approx(
        2 * split["mean"]["end_to_end"], abs=1e-3
    )


def test_frames_that_the_model_enlarges(enlarging_path: Path, tmp_path: Path) -> None:
    frames = collect(None, Bundle.open(enlarging_path), (60, 40), 10, tmp_path / "frames.raw")
    limits = WarmUpLimits(window=2, tolerance=100.0)
    job = Job(enlarging_path, frames, tmp_path, count=11, threads=1, warm_up=limits, pictures=True)
    rows = [Row(RowSpec(backend, "fp32")) for backend in ("onnxruntime", "openvino", "fake")]
    assert measure_rows(job, rows, silent).no_reference == ""
    assert [(row.reason, len(row.latencies_ms)) for row in rows] == [("", 11)] * 3
    verdicts = [row.to_json() for row in rows]
    assert verdicts[0]["identical"] is True
    assert verdicts[1]["psnr_db"] is None or verdicts[1]["psnr_db"] > 50
    assert verdicts[2]["gate_passed"] is False  # it repeats pixels and adds instead of multiplying
    assert [row["deterministic"] for row in verdicts] == [True] * 3
    assert rows[2].pictures


def test_rows_take_turns_and_each_begins_a_round(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    class Recording(WorkerProcess):
        def ask(self, request: Any, *timeout: float) -> dict[str, Any]:
            asked.append((self.label, dict(request)))
            return super().ask(request, *timeout)

    monkeypatch.setattr(rounds, "WorkerProcess", Recording)
    measure_rows(job, [Row(RowSpec("fake", "fp32")), Row(RowSpec("fake", "fp16"))], silent)
    turns = [label for label, _ in groupby(label for label, request in asked if request["do"] == "block")]
    again = next(label for label in turns if label.endswith("-again"))
    assert turns == [
        "fake-fp32",
        "fake-fp16",
        again,
        "fake-fp16",
        again,
        "fake-fp32",
    ]  # the next round begins with the second
    firsts = [request["first"] for label, request in asked if request["do"] == "block" and label == "fake-fp16"]
    assert firsts == [0, 6]  # the same frames in the same order


def test_a_block_that_does_not_fit_into_memory_is_measured_in_parts(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "MOST_SLOTS", 2)
    row = Row(RowSpec("fake", "fp32"))
    measure_rows(job, [row], silent)
    assert (job.slots, len(row.latencies_ms)) == (2, 11)


def test_without_a_reference_the_speed_is_still_measured(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "REFERENCE", RowSpec("tensorrt", "fp32", "cpu"))
    row = Row(RowSpec("fake", "fp32"))
    assert "tensorrt" in measure_rows(job, [row], silent).no_reference
    assert (len(row.latencies_ms), row.verdict, row.available) == (11, None, True)


def test_frames_at_a_pace_are_not_interrupted_for_reading(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "MOST_SLOTS", 2)
    row = Row(RowSpec("fake", "fp32"))
    measured = measure_rows(replace(job, mode=Mode(PACED, fps=500.0)), [row], silent)
    assert measured.twin is None
    assert row.frames_given == 11
    assert len(row.ages_ms) == len(row.latencies_ms) == sum(row.blocks) == 11 - row.skipped
    paced = row.to_json(2.0)["paced"]
    assert paced["frames"] == 11
    assert paced["missed_share"] == pytest.approx((paced["late"] + paced["skipped"]) / 11, abs=1e-5)


def test_several_sessions_share_the_frames(job: Job) -> None:
    row = Row(RowSpec("onnxruntime", "fp32", "cpu"))
    measure_rows(replace(job, threads=2, mode=Mode(THROUGHPUT, in_flight=2)), [row], silent)
    assert row.available, row.reason
    assert len(row.latencies_ms) == 11
    assert row.throughput_fps is not None
