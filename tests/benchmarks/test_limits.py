"""Peers, scaling and roofline at small sizes, with the real libraries."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.cli import main
from edgeenh_bench import roofline, scaling
from edgeenh_bench.peers import benchmark_app, sessions
from edgeenh_bench.peers.catalogue import BY_NAME, PEERS


def run(tmp_path: Path, *words: object) -> dict[str, Any]:
    assert main(["bench", *map(str, words), "--json", str(tmp_path / "r.json")]) == 0
    document: dict[str, Any] = json.loads((tmp_path / "r.json").read_text())
    return document


def test_peers_of_the_same_model_give_the_same_picture(
    bundle_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--only", "onnxruntime-bare,openvino-bare,opencv,benchmark_app", "--size", "60x40", "--seconds", 0.2)
    document = run(tmp_path, "peers", "--model", bundle_path, *words)
    rows = {row["backend"]: row for row in document["rows"]}
    assert all(row["available"] for row in rows.values()), [row["reason"] for row in rows.values()]
    assert rows["onnxruntime-bare"]["identical"] is True
    assert rows["openvino-bare"]["gate_passed"] is True
    assert rows["opencv"]["gate_passed"] is None  # it computes something else: no drift is claimed
    assert rows["opencv"]["times_ours"]["value"] > 0
    assert document["benchmark_app"]["available"], document["benchmark_app"]["reason"]
    assert document["benchmark_app"]["agrees"] in (True, False)
    assert "benchmark_app in turn with openvino-fp32" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the peers' own libraries; in use each runs in a process of its own
@pytest.mark.parametrize("name", [peer.name for peer in PEERS])
def test_every_peer_opens_and_gives_a_picture(name: str) -> None:
    import numpy as np

    from edgeenh.bundle import Bundle

    session = sessions.open_peer(sessions.Wanted(name, Bundle.shipped().model("fp32").onnx, (96, 64), 1))
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    out = np.zeros_like(image)
    session.run(image, 1.0, out)
    assert out.std() > 0
    if BY_NAME[name].same_model:
        session.run(image, 0.0, out)
        assert np.array_equal(out, image)


def test_a_peer_that_is_not_installed_is_a_row_with_the_reason(
    bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark_app.shutil, "which", lambda *_, **__: None)
    words = ("--only", "benchmark_app", "--size", "64x48", "--seconds", 0.1)
    document = run(tmp_path, "peers", "--model", bundle_path, *words)
    assert document["benchmark_app"]["available"] is False
    assert "not installed" in document["benchmark_app"]["reason"]


def test_an_unknown_peer_is_refused(bundle_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "peers", "--model", str(bundle_path), "--only", "photoshop"]) == 2
    assert "there is no peer 'photoshop'" in capsys.readouterr().err


def test_scaling_has_every_point_and_an_exponent(bundle_path: Path, tmp_path: Path) -> None:
    request = scaling.Request(bundle_path, "fake", ((64, 48), (96, 64), (160, 96)), 0.1, cameras=(), in_flight=())
    from datetime import UTC, datetime

    document = scaling.measure_scaling(request, lambda *_: None, datetime.now(UTC))
    assert all(point["available"] for point in document["sizes"]), document["sizes"][0]["reason"]
    assert len(document["sizes"]) == 3 * len(document["exponents"])
    for found in document["exponents"].values():
        assert found["low"] <= found["value"] <= found["high"]


def test_cameras_share_one_model(bundle_path: Path) -> None:
    from edgeenh.bundle import Bundle

    found = scaling._cameras(Bundle.shipped(), "onnxruntime", 2, 0.4, lambda *_: None)
    assert (found["cameras"], found["captured"], found["holds"]) == (2, 20, True)
    assert found["enhanced"] + found["dropped"] <= 20


@given(st.floats(0.2, 2.0), st.floats(0.1, 10.0))
def test_a_power_law_is_found_exactly(power: float, factor: float) -> None:
    points = [
        {"available": True, "pixels": n, "latency_ms": {"p50": factor * n**power}} for n in (10_000, 40_000, 90_000)
    ]
    assert scaling.exponent(points)["value"] == pytest.approx(power, abs=1e-6)


@pytest.mark.parametrize(("cores", "counts"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (16, [1, 2, 16])])
def test_one_thread_two_and_all_are_measured(cores: int, counts: list[int]) -> None:
    assert scaling.thread_counts(cores) == counts


@pytest.mark.parametrize(
    ("p50", "said"), [(10.0, ""), (8.4, ""), (12.4, ""), (8.0, "the profiler slows"), (13.0, "outside of the layers")]
)
def test_layers_far_from_p50_are_said(p50: float, said: str) -> None:
    line = roofline.layers_against_p50({"layers": [{"ms": 4.0}, {"ms": 6.0}], "p50_ms": p50})
    assert line.startswith("layers together 10 ms")
    assert ("apart" in line) is bool(said)
    assert said in line


def test_two_points_make_no_exponent() -> None:
    assert scaling.exponent([{"available": False}] * 3)["value"] is None


def test_the_roofline_of_a_real_graph(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    monkeypatch.setattr(roofline, "COPY_BYTES", 8 << 20)
    monkeypatch.setattr(roofline, "REPEATS", 3)
    document = run(tmp_path, "roofline", "--size", "160x96", "--seconds", 0.1, "--threads", 1)
    assert document["peak_gmacs_per_s"] > 0.1
    assert document["bandwidth_gb_per_s"] > 0.1
    from edgeenh.bundle import Bundle

    stated = Bundle.shipped().manifest.generator.macs_per_pixel * 160 * 96
    assert document["macs"] > 0.5 * stated  # the grid has its own size whatever the frame's
    assert 0 < document["share"] <= 1.5
    assert all(layer["bound_ms"] <= layer["ms"] + 1e-9 for layer in document["layers"])
    assert sum(group["macs"] for group in document["groups"]) == document["macs"]
    assert document["layers_ms"] == pytest.approx(sum(group["ms"] for group in document["groups"]))
    out = capsys.readouterr().out
    assert "GMAC/s" in out
    assert "layers together" in out


@pytest.mark.parametrize("command", ["peers", "scaling", "roofline"])
def test_a_missing_bundle_is_exit_2(command: str, tmp_path: Path) -> None:
    assert main(["bench", command, "--model", str(tmp_path / "none.edgeenh")]) == 2


def test_benchmark_app_that_fails_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgeenh.errors import BackendUnavailable

    program = tmp_path / "benchmark_app"
    program.write_text("#!/bin/sh\necho no such model\nexit 3\n")
    program.chmod(0o755)
    which: Callable[..., str] = lambda *_, **__: str(program)  # noqa: E731
    monkeypatch.setattr(benchmark_app.shutil, "which", which)
    with pytest.raises(BackendUnavailable, match="ended with 3: no such model"):
        benchmark_app.median_ms(tmp_path / "m.onnx", (64, 48), 1, 5)
