"""The targets of the station, with few frames: what they measure, not how fast this machine is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra station is not installed")

from edgeenh.errors import JobFailed, SourceError
from edgeenh_bench.station_process import Client, serving
from edgeenh_bench.targets import page_latency, ray_ratio, service_overload, service_roundtrip

SMALL = "synthetic:64x48@30"


def test_a_round_trip_is_measured_both_ways(bundle_path: Path) -> None:
    measured = service_roundtrip.measure(bundle_path, 1, source=SMALL, frames=6, backend="onnxruntime")
    assert [figure.passed is None for figure in measured.figures] == [False, True, True, True]
    assert len(measured.details["frames"]) == 6
    assert all(one["round_trip_ms"] > one["station_ms"] > 0 for one in measured.details["frames"])
    json.dumps(measured.details, allow_nan=False)


def test_overload_is_answered(bundle_path: Path) -> None:
    measured = service_overload.measure(bundle_path, 1, source=SMALL, seconds=2, backend="onnxruntime")
    figures = {figure.name: figure for figure in measured.figures}
    assert figures["requests that were answered with neither 200 nor 503"].passed
    assert sum(measured.details["answers"].values()) > 10
    assert figures["most memory"].value > 10
    json.dumps(measured.details, allow_nan=False)


def test_a_station_that_does_not_begin_is_told_in_its_own_words() -> None:
    with pytest.raises(JobFailed, match="names no place"), serving('[service]\nbind = "nonsense"\n'):
        pass


def test_a_source_that_is_missing_is_told_before_a_station_is_started(bundle_path: Path, tmp_path: Path) -> None:
    for target in (service_roundtrip, service_overload):
        with pytest.raises(SourceError):
            target.measure(bundle_path, 1, source=str(tmp_path / "missing.mp4"))


def test_memory_of_a_station_is_that_of_its_workers_too() -> None:
    with serving('[model]\nbackend = "fake"\n[service]\nbind = "127.0.0.1:0"\n') as station:
        client = Client(station.port)
        assert client.ask("GET", "/live").status == 200
        client.close()
        assert station.memory_mb() > 20


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_the_page_is_measured_in_a_browser(bundle_path: Path) -> None:
    pytest.importorskip("playwright", reason="playwright is not installed")
    measured = page_latency.measure(
        bundle_path, 1, source="synthetic:64x48@10", visits=1, frames=10, rounds=1, backend="onnxruntime"
    )
    assert len(measured.details["shown_ms"]) == 10
    assert all(age >= ready > 0 for age, ready in measured.details["shown_ms"])
    assert (len(measured.details["p99_ms"]["none"]), len(measured.details["first_paint_ms"])) == (1, 1)
    json.dumps(measured.details, allow_nan=False)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_one_and_two_workers_take_turns(bundle_path: Path) -> None:
    pytest.importorskip("ray", reason="ray is not installed (extra cluster)")
    measured = ray_ratio.measure(bundle_path, 1, source=SMALL, files=8, rounds=1)
    assert {workers: len(rates) for workers, rates in measured.details["files_per_second"].items()} == {1: 1, 2: 1}
    json.dumps(measured.details, allow_nan=False)
