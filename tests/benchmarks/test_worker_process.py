from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from edgeenh_bench.worker_process import WorkerError, WorkerProcess


def start(tmp_path: Path, program: str) -> WorkerProcess:
    return WorkerProcess("test", tmp_path / "log", [sys.executable, "-c", program])


def request(bundle: Path, frames: Path, **changes: Any) -> dict[str, Any]:
    size = {"width": 60, "height": 40, "frames": str(frames), "distinct": 2, "slots": 2}
    row = {"backend": "onnxruntime", "precision": "fp32", "device": "cpu", "threads": 1}
    return {"do": "open", "bundle": str(bundle), **size, **row, **changes}


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    path = tmp_path / "frames.raw"
    path.write_bytes(bytes(range(240)) * (2 * 60 * 40 * 3 // 240))
    return path


def test_a_worker_opens_measures_and_accounts_for_its_memory(bundle_path: Path, frames: Path, tmp_path: Path) -> None:
    with WorkerProcess("row", tmp_path / "log") as worker:
        opened = worker.ask(request(bundle_path, frames))
        assert opened["info"]["provider"] == "CPUExecutionProvider"
        assert opened["load_ms"] > 0 < opened["first_frame_ms"]
        limits = {"window": 2, "tolerance": 9.0, "max_frames": 8, "max_ms": 1000.0}
        assert worker.ask({"do": "warm_up", "limits": limits})["steady"] is True
        block = worker.ask({"do": "block", "first": 1, "count": 2, "rewarm": 1})
        assert len(block["latencies_ms"]) == 2
        worker.ask({"do": "outputs", "indices": [0, 1], "path": str(tmp_path / "out.raw")})
        assert (tmp_path / "out.raw").stat().st_size == 2 * 60 * 40 * 3  # padded to 64×48, cropped back
        assert worker.ask({"do": "memory"})["rss_mb"] > 0


def test_a_refusal_carries_the_reason(bundle_path: Path, frames: Path, tmp_path: Path) -> None:
    with WorkerProcess("row", tmp_path / "log") as worker, pytest.raises(WorkerError, match="bf16"):
        worker.ask(request(bundle_path, frames, precision="bf16"))


def test_a_bundle_exchanged_since_it_was_checked_is_refused(bundle_path: Path, frames: Path, tmp_path: Path) -> None:
    with WorkerProcess("row", tmp_path / "log") as worker, pytest.raises(WorkerError, match="another bundle than"):
        worker.ask(request(bundle_path, frames, bundle_sha256="0" * 64))


def test_a_crash_is_told_with_its_last_words(tmp_path: Path) -> None:
    program = "import os, sys; sys.stdin.readline(); print('out of memory', file=sys.stderr, flush=True); os.abort()"
    with start(tmp_path, program) as worker, pytest.raises(WorkerError, match="SIGABRT: out of memory"):
        worker.ask({"do": "open"})


def test_a_worker_that_left_is_told_from_one_that_hangs(tmp_path: Path) -> None:
    with start(tmp_path, "raise SystemExit(3)") as worker, pytest.raises(WorkerError, match="exit code 3"):
        worker.ask({"do": "open"})
    with (
        start(tmp_path, "import sys; sys.stdin.read()") as worker,
        pytest.raises(WorkerError, match="no answer within"),
    ):
        worker.ask({"do": "open"}, timeout_s=0.05)


def test_what_a_library_prints_is_not_taken_for_an_answer(bundle_path: Path, frames: Path, tmp_path: Path) -> None:
    program = (
        "import edgeenh.backends.onnxruntime as b; real = b.open_session\n"
        "def chatty(*a): print('hello from a library'); return real(*a)\n"
        "b.open_session = chatty\n"
        "from edgeenh_bench.worker import main; main()"
    )
    with start(tmp_path, program) as worker:
        assert worker.ask(request(bundle_path, frames))["load_ms"] > 0
