from __future__ import annotations

import builtins
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgeenh.cli import main
from edgeenh_bench.worker_process import worker_environment


def bench(*words: object) -> int:
    return main(["bench", *map(str, words)])


@pytest.fixture(scope="module")
def document(bundle_path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One real comparison, which several tests look at."""
    target = tmp_path_factory.mktemp("bench") / "bench.json"
    words = ("--backends", "onnxruntime,openvino,fake", "--size", "60x40", "--frames", 65, "--threads", 1)
    assert bench("--model", bundle_path, *words, "--json", target) == 0
    loaded: dict[str, Any] = json.loads(target.read_text())
    return loaded


def test_every_row_is_there_measured_or_with_its_reason(document: dict[str, Any]) -> None:
    ran = {(row["backend"], row["precision"]) for row in document["rows"] if row["available"]}
    assert {("onnxruntime", "fp32"), ("onnxruntime", "fp16"), ("fake", "fp32")} <= ran
    for row in document["rows"]:
        assert row["available"] == (not row["reason"]) == (row["latency_ms"] is not None)


def test_a_row_carries_what_the_design_promises(document: dict[str, Any]) -> None:
    row = next(row for row in document["rows"] if row["backend"] == "onnxruntime" and row["precision"] == "fp16")
    latency = row["latency_ms"]
    assert (latency["n"], len(row["raw_ms"]), latency["p99"]) == (65, 65, None)
    assert latency["p50"] <= latency["p90"] <= latency["max"]
    assert latency["frames_missing"] == {"p90": 0, "p95": 130 - 65, "p99": 662 - 65, "p99.9": 6636 - 65}
    assert row["max_abs"] == 1  # fp16 rounds 1.137 otherwise than fp32
    assert 40 < row["psnr_db"] < 80
    assert min(row["first_frame_ms"], row["load_ms"], row["throughput_fps"], row["rss_mb"]) > 0


def test_the_reference_repeats_itself_and_another_backend_is_measured_against_it(document: dict[str, Any]) -> None:
    rows = {(row["backend"], row["precision"]): row for row in document["rows"] if row["available"]}
    assert rows["onnxruntime", "fp32"]["identical"] is True
    assert rows["fake", "fp32"]["gate_passed"] is False  # it adds 40 instead of multiplying
    assert rows["fake", "fp32"]["mean_shift"][0] > 5


def test_the_result_says_where_and_on_what_it_was_measured(document: dict[str, Any], bundle_path: Path) -> None:
    assert document["schema"] == "edgeenh.bench/2"
    assert document["environment"]["cpu"]["cores"] >= 1
    assert document["model"]["id"] == "tiny"
    assert (document["frames"]["size"], document["frames"]["count"]) == ([60, 40], 2)
    assert any("2 distinct frames" in remark for remark in document["remarks"])


def test_every_row_is_related_to_the_fastest_and_that_one_to_itself(document: dict[str, Any]) -> None:
    ran = {row["label"]: row for row in document["rows"] if row["available"]}
    ratios, noise = document["ratios"], document["noise"]
    assert {ratios["to"], *ratios["of"]} == set(ran)
    for ratio in [*ratios["of"].values(), noise]:
        assert ratio["blocks"] == 10
        assert ratio["low"] <= ratio["value"] <= ratio["high"]
    assert noise["row"] in ran
    assert all(sum(row["blocks"]) == len(row["raw_ms"]) for row in ran.values())
    assert {"mhz", "governor", "boost", "throttled"} <= set(document["clocks"]["before"])


def test_the_time_of_every_row_is_split_and_its_threads_are_named(document: dict[str, Any]) -> None:
    for row in (row for row in document["rows"] if row["available"]):
        mean = row["split_ms"]["mean"]
        assert mean["convert"] is not None  # 60×40 is padded and cropped
        assert (mean["enqueue"] is not None) == (row["backend"] != "fake")
        assert row["threads"] == 1
        assert row["deterministic"] is True
        assert row["first_and_last_block"]["first_ms"] > 0
    assert document["method"]["variables"].items() <= os.environ.items()


def test_a_pace_counts_what_is_late(bundle_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--backends", "fake", "--size", "64x48", "--frames", 70, "--paced", 400)
    assert bench("--model", bundle_path, *words, "--json", tmp_path / "b.json") == 0
    document = json.loads((tmp_path / "b.json").read_text())
    assert document["method"]["mode"] | {"meaning": ""} == {
        "name": "paced", "meaning": "", "fps": 400.0, "deadline_ms": 2.5, "in_flight": 1,
    }  # fmt: skip
    for row in document["rows"]:
        assert row["paced"]["frames"] == 70
        assert len(row["paced"]["raw_age_ms"]) + row["paced"]["skipped"] == 70
    printed = capsys.readouterr().out
    assert "| missed |" in printed
    assert "at 400 a second" in printed


def test_frames_in_flight(bundle_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--backends", "onnxruntime", "--size", "64x48", "--frames", 30, "--in-flight", 2, "--threads", 2)
    assert bench("--model", bundle_path, *words) == 0
    assert "2 in flight" in capsys.readouterr().out


def test_a_soak_too_short_for_a_slope_and_an_unknown_fault_are_refused(
    bundle_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("--model", bundle_path, "--soak", "5s") == 2
    assert bench("--model", bundle_path, "--fault", "earthquake@1s") == 2
    assert bench("--model", bundle_path, "--soak", "60s", "--paced", 30) == 2
    said = capsys.readouterr().err
    assert "expected a time from 30s on" in said
    assert "there is no fault 'earthquake'" in said
    assert "--paced and --soak exclude each other" in said


def test_faults_are_played_and_judged(
    bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from edgeenh_bench.other_load import OtherLoad

    monkeypatch.setattr(OtherLoad, "share", lambda _: 0.42)
    words = ("--backends", "fake", "--size", "64x48", "--fault", "model-nan@500ms,clock-step@1s", "--seconds", 3)
    assert bench("--model", bundle_path, *words, "--json", tmp_path / "f.json") == 0
    document = json.loads((tmp_path / "f.json").read_text())
    assert document["passed"] is True
    assert [fault["answered"] for fault in document["faults"]] == [True, True]
    assert document["accounting"]["holds"] is True
    assert set(document["clocks"]) == {"before", "after"}
    assert "other programs used 42% of the CPU" in capsys.readouterr().out


@pytest.mark.parametrize("words", [("--soak", "30s"), ("--fault", "model-nan@20s")])
def test_ctrl_c_in_a_soak_keeps_what_was_seen_and_judges_nothing(
    words: tuple[str, ...],
    bundle_path: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from edgeenh_bench import soaking

    real, looks = soaking.read_state, 0

    def interrupted(*given: Any) -> Any:
        nonlocal looks
        looks += 1
        if looks == 4:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(soaking, "read_state", interrupted)
    target, page = tmp_path / "s.json", tmp_path / "s.html"
    own = ("--backends", "fake", "--size", "64x48", *words, "--json", target, "--html", page)
    assert bench("--model", bundle_path, *own) == 130
    document = json.loads(target.read_text())
    assert (document["interrupted"], document["passed"], len(document["readings"])) == (True, None, 3)
    assert document["accounting"]["holds"] is True
    assert "interrupted, and not judged" in page.read_text()
    captured = capsys.readouterr()
    assert "interrupted: nothing was judged" in captured.out
    assert "limit was missed" not in captured.err


def test_stdout_is_json_alone_when_asked(bundle_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--source", pictures, "--backends", "fake", "--seconds", 0.1, "--json", "-")
    assert bench("--model", bundle_path, *words) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["frames"]["size"] == [90, 60]
    assert any("6 distinct frames (the source holds no more)" in remark for remark in document["remarks"])
    assert "| fake" in captured.err
    assert f"next: edgeenh run {pictures} --model {bundle_path} --backend fake" in captured.err


def test_a_result_that_cannot_be_written_is_still_printed(
    bundle_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--backends", "fake", "--size", "64x48", "--frames", 5, "--json", "/dev/full")
    assert bench("--model", bundle_path, *words) == 1
    captured = capsys.readouterr()
    assert "| fake" in captured.out
    assert "Where the mean of the time goes" in captured.out
    for needed in (59, 125, 657, 6631):  # five frames earn no percentile
        assert f"needs {needed} more" in captured.out
    assert "1 blocks, 6 are needed" in captured.out
    assert len([line for line in captured.err.splitlines() if "/dev/full" in line]) == 1


def test_the_drift_is_measured_on_as_many_frames_as_wanted(
    pictures: Path, bundle_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--model", bundle_path, "--backends", "fake", "--size", "64x48", "--source", pictures, "--frames", 2)
    for asked, found in ((5, 5), (40, 6)):
        assert bench(*words, "--drift-frames", asked, "--json", tmp_path / "r.json") == 0
        document = json.loads((tmp_path / "r.json").read_text())
        ran = next(row for row in document["rows"] if row["available"])
        assert (ran["drift_frames"], len(ran["drift_of_each"])) == (found, found)
        assert ran["latency_ms"]["n"] == 2
        assert document["method"]["drift_frames"] == asked
    assert "the drift is that of 6 distinct frames, not of 40" in capsys.readouterr().out


def test_one_file_that_cannot_be_written_costs_no_other(
    bundle_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--model", bundle_path, "--backends", "fake", "--size", "64x48", "--frames", 5)
    (tmp_path / "r.frames").write_text("this is no folder")
    assert bench(*words, "--json", tmp_path / "r.json", "--html", tmp_path / "r.html") == 2
    assert json.loads((tmp_path / "r.json").read_text())["rows"]
    assert "fake-fp32 fails the gate" in (tmp_path / "r.html").read_text()
    assert len([line for line in capsys.readouterr().err.splitlines() if "r.frames cannot be written" in line]) == 1
    assert bench(*words, "--json", "/dev/full", "--html", tmp_path / "full.html") == 1
    assert (tmp_path / "full.html").exists()


def test_a_row_that_fails_in_the_middle_leaves_the_others(
    bundle_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeenh_bench import rounds
    from edgeenh_bench.worker_process import WorkerError, WorkerProcess

    class Dying(WorkerProcess):
        def ask(self, request: Any, *timeout: float) -> dict[str, Any]:
            if self.label == "fake-fp16" and request.get("first", 0) > 0:
                raise WorkerError("the worker process ended with SIGSEGV")
            return super().ask(request, *timeout)

    monkeypatch.setattr(rounds, "WorkerProcess", Dying)
    words = ("--backends", "fake", "--size", "64x48", "--frames", 20, "--json", tmp_path / "b.json")
    assert bench("--model", bundle_path, *words) == 0
    rows = {row["label"]: row for row in json.loads((tmp_path / "b.json").read_text())["rows"]}
    assert rows["fake-fp16"]["reason"] == "the worker process ended with SIGSEGV (after 5 measured frames)"
    assert (rows["fake-fp16"]["partial"]["n"], rows["fake-fp32"]["latency_ms"]["n"]) == (5, 20)
    assert "Failed in the middle" in capsys.readouterr().out


def test_no_row_that_runs_is_exit_5_and_the_rows_are_still_written(
    bundle_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import edgeenh.backends.fake as fake
    from edgeenh.backends import Availability

    monkeypatch.setattr(fake, "availability", lambda: Availability(usable=False, reason="it is away", fix="call it"))
    assert bench("--model", bundle_path, "--backends", "fake", "--size", "64x48", "--json", tmp_path / "b.json") == 5
    captured = capsys.readouterr()
    assert "fake (fp32, fp16, bf16): it is away → call it" in captured.out
    assert "edgeenh doctor" in captured.err
    assert not any(row["available"] for row in json.loads((tmp_path / "b.json").read_text())["rows"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--size", "wide"), "--size 'wide' is not a size"),
        (("--size", "64x48", "--source", "nowhere.mp4"), "nowhere.mp4"),
        (("--size", "4000x48"), "16x16 to 256x256"),
        (("--backends", "onnx"), "there is no backend 'onnx'"),
        (("--frames", 5, "--seconds", 5), "exclude each other"),
        (("--frames", 0), "--frames"),
    ],
)
def test_bad_input_is_exit_2_and_one_line(
    words: tuple[object, ...], said: str, bundle_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("--model", bundle_path, *words) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if said in line]
    assert len(lines) == 1


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["comparison", "scaling"])
def test_ctrl_c_and_sigterm_in_the_middle_are_exit_130_and_leave_nothing(
    sent: signal.Signals, command: str, bundle_path: Path, tmp_path: Path
) -> None:
    own = {
        "comparison": ["--backends", "fake", "--size", "64x48"],
        "scaling": ["--backend", "fake", "--sizes", "64x48"],
    }
    words = ["scaling"] if command == "scaling" else []
    words += ["--model", str(bundle_path), *own[command], "--seconds", "3600"]
    process = subprocess.Popen(
        [sys.executable, "-m", "edgeenh.cli", "bench", *words],
        stderr=subprocess.PIPE,
        text=True,
        env=worker_environment({**os.environ, "TMPDIR": str(tmp_path)}),
    )
    assert process.stderr is not None
    sign = {"comparison": "measuring", "scaling": "64×48, 1 threads"}[command]
    while sign not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(sent)
    assert "interrupted" in process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("peers", "--size", "64x48", "--only", "opencv"), 5),
        (("scaling", "--sizes", "64x48", "--backend", "fake"), 5),
        (("roofline", "--size", "64x48"), 5),
        (("--frames", 5, "--size", "64x48"), 5),
        (("report", "r.json", "--html", "r.html"), 0),
        (("compare", "r.json", "r.json"), 0),
    ],
)
def test_without_psutil_nothing_is_measured_and_stored_results_are_shown(
    words: tuple[object, ...], code: int, document: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "r.json").write_text(json.dumps(document))
    program = "import sys; sys.modules['psutil'] = None; from edgeenh.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "bench", *map(str, words)]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, env=worker_environment(dict(os.environ))
    )
    assert done.returncode == code, done.stderr
    assert ("needs `pip install 'edgeenh[bench]'`" in done.stderr) == (code == 5)


def test_what_sigterm_did_before_it_does_again_afterwards(bundle_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert bench("compare", "none.json", "none.json") == 2
    assert signal.getsignal(signal.SIGTERM) is before


def test_ctrl_c_keeps_what_was_measured(
    bundle_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeenh_bench import rounds
    from edgeenh_bench.worker_process import WorkerProcess

    monkeypatch.setattr(rounds, "MOST_SLOTS", 2)  # blocks of five are asked for in three parts
    asked = 0

    class Interrupted(WorkerProcess):
        def ask(self, request: Any, *timeout: float) -> dict[str, Any]:
            nonlocal asked
            asked += request["do"] == "block"
            if asked == 5:
                raise KeyboardInterrupt
            return super().ask(request, *timeout)

    monkeypatch.setattr(rounds, "WorkerProcess", Interrupted)
    words = ("--backends", "fake", "--size", "64x48", "--frames", 20, "--json", tmp_path / "b.json")
    assert bench("--model", bundle_path, *words) == 130
    document = json.loads((tmp_path / "b.json").read_text())
    assert document["interrupted"] is True
    rows = {row["label"]: row for row in document["rows"]}
    assert (rows["fake-fp32"]["blocks"], rows["fake-fp16"]["blocks"]) == ([5], [2])
    assert rows["fake-bf16"]["reason"] == "interrupted before its first frame"
    captured = capsys.readouterr()
    assert "Note: interrupted" in captured.out
    assert "interrupted" in captured.err
    assert "next:" not in captured.err


def test_a_damaged_bundle_is_exit_4(bundle_path: Path, tmp_path: Path) -> None:
    data = bytearray(bundle_path.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "bad.edgeenh").write_bytes(data)
    assert bench("--model", tmp_path / "bad.edgeenh", "--size", "64x48") == 4


def test_without_the_extra_the_command_says_what_to_install(
    bundle_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without_psutil(name: str, *rest: Any) -> Any:
        if name == "psutil":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_psutil)
    assert bench("--model", bundle_path) == 5
    assert "pip install 'edgeenh[bench]'" in capsys.readouterr().err


def test_the_commands_module_imports_nothing_heavy() -> None:
    program = (
        "import sys, edgeenh_bench.cli; print(*sorted({'numpy', 'cv2', 'psutil', 'onnxruntime'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=worker_environment({})
    )
    assert result.stdout.strip() == ""


def test_grey_bundles_are_compared_on_16_bits(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    picture = cv2.resize(np.random.default_rng(1).integers(0, 4096, (6, 8), dtype=np.uint16), (170, 100))
    cv2.imwrite(str(tmp_path / "shot.png"), picture)
    (tmp_path / "shots").mkdir()
    (tmp_path / "shot.png").rename(tmp_path / "shots" / "12 bits.png")
    cv2.imwrite(str(tmp_path / "shots" / "8 bits.png"), (picture >> 4).astype(np.uint8))
    words = ("--backends", "onnxruntime,openvino", "--source", tmp_path / "shots", "--frames", 6, "--threads", 1)
    target = tmp_path / "grey.json"
    assert bench("--model", "xray-n", *words, "--json", target, "--html", tmp_path / "grey.html") == 0
    document = json.loads(target.read_text())
    assert (document["frames"]["size"], document["frames"]["pixels"]) == ([170, 100], "grey")
    rows = {(row["backend"], row["precision"]): row for row in document["rows"] if row["available"]}
    assert rows["onnxruntime", "fp32"]["identical"] is True
    assert document["frames"]["count"] == 2
    assert rows["onnxruntime", "fp32"]["split_ms"]["mean"]["convert"] > 0  # to 0…1 and back
    assert rows["onnxruntime", "fp16"]["gate_passed"] is True
    assert rows["openvino", "fp32"]["psnr_db"] is None or rows["openvino", "fp32"]["psnr_db"] > 90
