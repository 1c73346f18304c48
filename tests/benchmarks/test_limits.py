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
    bundle_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = benchmark_app.take_turns
    monkeypatch.setattr(benchmark_app, "take_turns", lambda *words: real(*words, rounds=2))
    words = ("--only", "onnxruntime-bare,openvino-bare,opencv,benchmark_app", "--size", "60x40", "--seconds", 0.2)
    document = run(tmp_path, "peers", "--model", bundle_path, *words)
    rows = {row["backend"]: row for row in document["rows"]}
    assert all(row["available"] for row in rows.values()), [row["reason"] for row in rows.values()]
    assert rows["onnxruntime-bare"]["identical"] is True
    assert rows["openvino-bare"]["gate_passed"] is True
    assert rows["opencv"]["gate_passed"] is None  # it computes something else: no drift is claimed
    assert rows["opencv"]["times_ours"]["value"] > 0
    assert document["benchmark_app"]["available"], document["benchmark_app"]["reason"]
    app = document["benchmark_app"]
    assert (len(app["ours_ms"]), len(app["theirs_ms"]), app["ratio"]["blocks"]) == (2, 2, 2)
    assert app["ratio"]["value"] == pytest.approx(  # the times stand there rounded, and are tiny at this size
        sum(a / b for a, b in zip(app["ours_ms"], app["theirs_ms"], strict=True)) / 2, rel=0.02
    )
    assert app["decided"] is False  # two rounds make no interval
    said = capsys.readouterr().out
    assert "benchmark_app in turn with openvino-fp32, 2 rounds" in said
    assert "distinct frames (the source holds no more)" in said


@pytest.mark.parametrize(
    ("ratios", "agrees", "decided"),
    [
        ([1.01] * 8, True, True),
        ([1.2] * 8, False, True),
        ([0.8] * 8, False, True),
        ([1.0, 1.1] * 4, False, False),
        ([1.0, 1.08] * 4, True, False),
        ([1.0] * 5, True, False),
    ],
)
def test_the_verdict_on_benchmark_app_knows_when_it_is_not_decided(
    ratios: list[float], agrees: bool, decided: bool
) -> None:
    found = benchmark_app.verdict([10.0 * ratio for ratio in ratios], [10.0] * len(ratios))
    assert (found["agrees"], found["decided"]) == (agrees, decided)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the peers' own libraries; in use each runs in a process of its own
@pytest.mark.parametrize("name", [peer.name for peer in PEERS])
def test_every_peer_opens_and_gives_a_picture(name: str) -> None:
    import numpy as np

    from edgeenh.bundle import Bundle

    bundle = Bundle.shipped()
    checkpoint = bundle.manifest.training.checkpoint_sha256
    session = sessions.open_peer(sessions.Wanted(name, bundle.model("fp32").onnx, (96, 64), 1, checkpoint))
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


@pytest.mark.parametrize("command", ["peers", "scaling"])
def test_ctrl_c_in_the_middle_keeps_what_was_measured(
    command: str,
    bundle_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from edgeenh_bench import rounds
    from edgeenh_bench.worker_process import WorkerProcess

    asked = 0

    class Interrupted(WorkerProcess):
        def ask(self, request: Any, *timeout: float) -> dict[str, Any]:
            nonlocal asked
            asked += request["do"] == "warm_up" if command == "scaling" else request["do"] == "block"
            if asked == (2 if command == "scaling" else 3):
                raise KeyboardInterrupt
            return super().ask(request, *timeout)

    monkeypatch.setattr(rounds, "WorkerProcess", Interrupted)
    own = {
        "peers": ["--only", "onnxruntime-bare", "--size", "64x48"],
        "scaling": ["--backend", "fake", "--sizes", "64x48,96x64"],
    }
    words = [
        command,
        "--model",
        str(bundle_path),
        *own[command],
        "--seconds",
        "0.1",
        "--json",
        str(tmp_path / "r.json"),
    ]
    assert main(["bench", *words]) == 130
    document = json.loads((tmp_path / "r.json").read_text())
    assert document["interrupted"] is True
    rows = document["rows"] if command == "peers" else document["sizes"]
    assert any(row["latency_ms"] for row in rows)
    captured = capsys.readouterr()
    assert "interrupted: the figures are those" in captured.out
    assert "next:" not in captured.out + captured.err
    assert main(["bench", "report", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html")]) == 0
    assert "Interrupted: the figures are those" in (tmp_path / "r.html").read_text()


def test_cameras_that_crash_are_a_point_with_the_reason(bundle_path: Path) -> None:
    from edgeenh.bundle import Bundle
    from edgeenh_bench.scaling_table import camera_cells

    found = scaling._cameras(Bundle.open(bundle_path), "nothing", 2, 0.1, lambda *_: None)
    assert found["available"] is False
    assert "there is no backend 'nothing'" in camera_cells(found)[-1]


def test_a_piece_that_crashes_is_told_and_ends_nothing_else(tmp_path: Path) -> None:
    from edgeenh_bench.own_process import OwnProcess
    from edgeenh_bench.worker_process import WorkerError

    with OwnProcess("piece", tmp_path) as own:
        assert own.call("json:dumps", 60.0, obj=[1]) == "[1]"
        with pytest.raises(WorkerError, match="SIGABRT"):
            own.call("os:abort", 60.0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("roofline", "--size", "50x40"), "multiples of"),
        (("roofline", "--model", "xray-n"), "is for grey"),
        (("roofline", "--size", "9x9"), "this model takes"),
        (("scaling", "--sizes", "64x48,9x9"), "this model takes"),
        (("scaling", "--sizes", "big"), "'big' is not a size"),
        (("scaling", "--backend", "none"), "there is no backend 'none'"),
        (("peers", "--size", "0x0"), "'0x0' is not a size"),
        (("peers", "--source", "none.mp4"), "none.mp4"),
        (("peers", "--threads", "0"), "--threads"),
        (("peers", "--seconds", "nan"), "--seconds nan: expected 0.1 to 86400"),
        (("peers", "--model", "xray-n"), "is for grey"),
        (("scaling", "--model", "xray-n"), "is for grey"),
    ],
)
def test_bad_input_is_exit_2_and_one_line(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *words]) == 2
    assert len([line for line in capsys.readouterr().err.splitlines() if said in line]) == 1


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


def test_an_exponent_of_two_sizes_says_what_it_lacks() -> None:
    from edgeenh_bench.scaling_table import exponent_text

    assert exponent_text(scaling.exponent([])) == "n/a, it takes three sizes"


@pytest.mark.parametrize("name", ["torch-eager", "torch-compile"])
def test_the_network_of_another_checkpoint_is_not_passed_off_as_the_bundles(name: str) -> None:
    from edgeenh.errors import BackendUnavailable

    with pytest.raises(BackendUnavailable, match="this bundle was made of another"):
        sessions.open_peer(sessions.Wanted(name, b"", (96, 64), 1, "0" * 64))
