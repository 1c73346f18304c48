"""Soaks, kills and shutdowns: the line through memory's readings, and each target at a small count."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.bundle import Bundle
from edgeenh.errors import BackendUnavailable, JobFailed
from edgeenh_bench.soaking import growth
from edgeenh_bench.targets import camera_kills, shutdown, soak_fast, soak_paced, worker_kills
from edgeenh_bench.targets.figures import Measurement


@given(st.floats(-50, 50), st.integers(20, 400))
def test_a_straight_line_is_found_exactly(slope_mb: float, count: int) -> None:
    points = [(float(at), 100 + slope_mb * at / (count - 1)) for at in range(count)]
    found = growth(points)
    assert found.mb == pytest.approx(slope_mb, abs=1e-6)
    assert found.low == pytest.approx(slope_mb, abs=1e-6)
    assert found.high == pytest.approx(slope_mb, abs=1e-6)


def test_noise_widens_the_interval_and_a_leak_is_found_in_it() -> None:
    noise = [((at * 7919) % 101 - 50) / 25 for at in range(400)]
    still = growth([(float(at), 100 + noise[at]) for at in range(400)])
    assert still.low < 0 < still.high
    leak = growth([(float(at), 100 + noise[at] + at / 40) for at in range(400)])
    assert leak.low > 5


def test_too_few_readings_are_no_line() -> None:
    with pytest.raises(JobFailed, match="19 readings, expected 20 or more: soak for longer"):
        growth([(float(at), float("nan" if at == 3 else 1.0)) for at in range(20)])


def _check(measured: Measurement) -> None:
    figures = {figure.name: figure for figure in measured.figures}
    assert figures["frames after which the accounting did not hold"].passed
    assert figures["frames in flight at the end"].passed
    assert figures["frames"].value > 20
    assert measured.details["accounting"]["holds"] is True
    assert len(measured.details["readings"]) >= 20
    low, high = (
        figures[f"99th percentile of the age, growth over the run, {end} of 95 %"].value for end in ("low", "high")
    )
    assert low <= high


def test_a_soak_looks_at_every_frame() -> None:
    _check(soak_fast.measure(None, None, frames=200, every_s=0.0))


@pytest.mark.slow
def test_a_soak_at_camera_pace_ends_after_its_time() -> None:
    _check(
        soak_paced.measure(
            None, None, source="synthetic:64x48@100", seconds=5, every_s=0.0, first="slow-model=20ms@50ms"
        )
    )


def test_kills_of_the_worker_are_counted() -> None:
    figures = {figure.name: figure for figure in worker_kills.measure(None, None, kills=2).figures}
    assert figures["kills recovered"].value == 2
    assert figures["the accounting holds"].passed


@pytest.mark.slow
def test_a_run_is_ended_and_timed() -> None:
    measured = shutdown.measure(Bundle.shipped().path, None, states=("starting",), rounds=1)
    figures = {figure.name: figure for figure in measured.figures}
    assert figures["runs"].value == 2
    assert figures["processes left behind"].value == 0
    assert figures["runs that did not end with code 130 and a report that holds"].value == 0


def test_without_a_fake_camera_nothing_is_called_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(BackendUnavailable, match="apt install aravis-tools"):
        camera_kills.measure(None, None, kills=1)
