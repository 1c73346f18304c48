"""SIGTERM and SIGINT in every state: exit code 130, a final report, no process left. How fast is measured by a target."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from edgeenh_bench.shutdown_states import STATES, end_in

ROOT = Path(__file__).parents[3]
PATHS = [str(ROOT / name) for name in ("runtime", "train", "export", "benchmarks")]

QUICK = {("worker dead offline", signal.SIGTERM), ("camera lost", signal.SIGINT), ("starting", signal.SIGTERM)}
QUICK |= {("warming", signal.SIGTERM)}
QUICK |= {("dicom sender silent", signal.SIGTERM), ("dicom archive silent", signal.SIGINT)}
CASES = [(name, number) for name in STATES for number in (signal.SIGTERM, signal.SIGINT)]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        pytest.param(*case, marks=() if case in QUICK else pytest.mark.slow, id=f"{case[0]}-{case[1].name}")
        for case in CASES
    ],
)
def test_a_run_ends_in_every_state(tiny_bundle_path: Path, tmp_path: Path, name: str, number: signal.Signals) -> None:
    if name.startswith("dicom"):
        pytest.importorskip("pynetdicom")
    shared = set(Path("/dev/shm").iterdir())
    end = end_in(name, number, tmp_path, tiny_bundle_path, PATHS)
    assert end.code == 130, end.errors
    assert "Traceback" not in end.errors
    assert end.orphans == []
    assert end.report is not None
    assert end.report["interrupted"] is True
    accounting = end.report["accounting"]
    assert accounting["holds"] is True
    assert accounting["in_flight"] == (name == "in process hung")  # its frame is in a library that nobody can end
    assert set(Path("/dev/shm").iterdir()) <= shared
    if end.report["mode"] == "exposure":
        assert accounting["dropped"] == {}
