from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgeenh.errors import JobFailed, SourceError, UsageError
from edgeenh_bench import source_tree
from edgeenh_bench.targets import (
    TARGETS,
    __main__,
    cold_start,
    containment_ratio,
    fp16_precision,
    int8_speed,
    memory_growth,
    run_memory,
    seed_ratio,
    startup,
    stream_ratio,
    verify_load,
)
from edgeenh_bench.targets.figures import Figure, Measurement, document, machine_name, write
from edgeenh_bench.targets.install_size import folder_sizes

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
CONDITIONS = {"cpu_share_of_other_programs": 0.25}
SMALL = "synthetic:64x48@30"


@pytest.mark.parametrize(
    ("figure", "passed"),
    [
        (Figure("time", 33.0, "ms", at_most=33.0), True),
        (Figure("time", 33.1, "ms", at_most=33.0), False),
        (Figure("ratio", 0.95, at_least=0.95), True),
        (Figure("ratio", 0.94, at_least=0.95), False),
        (Figure("time", math.nan, "ms", at_most=33.0), False),
        (Figure("time", math.nan), None),
    ],
)
def test_a_figure_passes_within_its_limits_only(figure: Figure, passed: bool | None) -> None:
    assert figure.passed is passed
    assert Measurement([figure]).passed is (passed is not False)


def test_a_result_carries_what_it_must_and_is_named_by_day_target_and_machine(tmp_path: Path) -> None:
    details = {"raw": [1, 2], "source": str(source_tree.ROOT / "clip.mp4")}
    measured = Measurement([Figure("growth", math.nan, "MB", at_most=10.0)], details)
    path = write(tmp_path / "results", document("memory-growth", measured, CONDITIONS, NOW))
    assert path.name.startswith("2026-11-22-memory-growth-")
    result = json.loads(path.read_text())
    assert {"source", "environment", "created", "cpu_share_of_other_programs"} <= set(result)
    assert (result["passed"], result["figures"][0]["value"], result["details"]) == (
        False,
        None,
        {"raw": [1, 2], "source": "clip.mp4"},
    )
    asked = document("memory-growth", measured, CONDITIONS, NOW, Path("bundles/xray-n.edgeenh"))
    assert write(tmp_path / "results", asked).name.startswith("2026-11-22-memory-growth-xray-n-")


def test_machines_are_named_shortly() -> None:
    cpu = {"model": "Intel(R) Xeon(R) Processor @ 2.00GHz", "cores_allowed": 2}
    assert machine_name({"cpu": cpu, "gpus": []}) == "intel-xeon-2c"
    named = machine_name({"cpu": {"model": "AMD EPYC 9B45", "cores_allowed": 2}, "gpus": [{"name": "NVIDIA H200"}]})
    assert named == "amd-epyc-9b45-2c-nvidia-h200"


def test_each_target_has_a_module_that_measures() -> None:
    import importlib

    for name in TARGETS:
        assert callable(importlib.import_module(f"edgeenh_bench.targets.{name.replace('-', '_')}").measure)


def test_a_stream_is_compared_with_a_bare_session(bundle_path: Path) -> None:
    measured = stream_ratio.measure(bundle_path, 1, source=SMALL, backend="onnxruntime", frames=8, rounds=2)
    assert [len(rates) for rates in measured.details["frames_per_second"].values()] == [2, 2, 2, 2]
    assert all(figure.value > 0 for figure in measured.figures)
    assert [figure.passed is None for figure in measured.figures] == [False, False, True]


def test_containment_is_measured_frame_by_frame_and_kill_by_kill(
    bundle_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containment_ratio, "WIDTH", 96)
    monkeypatch.setattr(containment_ratio, "HEIGHT", 72)  # not a multiple: the bare session gets padded frames
    measured = containment_ratio.measure(bundle_path, 1, source=SMALL, frames=3, kills=2)
    assert {way: len(times) for way, times in measured.details["ms"].items()} == {
        "bare": 3, "in-process": 3, "contained": 3,
    }  # fmt: skip
    figures = {figure.name: figure for figure in measured.figures}
    assert figures["kills recovered"].value == 2
    assert figures["no enhanced frame after a kill, p99"].value > figures["no frame after a kill, longest"].value > 0


def test_memory_is_read_after_the_stream_settled(bundle_path: Path) -> None:
    measured = memory_growth.measure(
        bundle_path, 1, source=SMALL, backend="onnxruntime", frames=40, settled=20, every=10
    )
    assert [number for number, _ in measured.details["resident_mb"]] == [20, 30, 40]
    assert measured.figures[0].value >= 0


def test_memory_of_a_run_is_that_of_all_its_processes(bundle_path: Path) -> None:
    measured = run_memory.measure(bundle_path, 1, source=SMALL, size=(64, 48), backends=("onnxruntime",), frames=6)
    figures = {figure.name: figure for figure in measured.figures}
    pss, rss = (figures[f"{kind} of edgeenh run on onnxruntime"] for kind in ("PSS", "RSS"))
    assert (pss.at_most, rss.at_most) == (250.0, None)
    assert rss.value > pss.value > 50
    run = measured.details["runs"]["onnxruntime"]
    assert run["accounting"]["captured"] == 6
    assert max(count for _, _, count in run["looks"]) >= 2  # the station and its worker
    json.dumps(measured.details, allow_nan=False)


def test_memory_of_a_run_that_fails_is_an_error(bundle_path: Path) -> None:
    with pytest.raises(JobFailed, match=r"ended with 2: .*there is no backend 'nothing'"):
        run_memory.measure(bundle_path, 1, source=SMALL, size=(64, 48), backends=("nothing",), frames=2)


def test_a_missing_source_is_an_error(bundle_path: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        memory_growth.measure(bundle_path, 1, source=str(tmp_path / "missing.mp4"))


def test_the_seed_is_exported_and_is_slower(bundle_path: Path) -> None:
    measured = seed_ratio.measure(bundle_path, 1, size=(32, 32), rounds=1, per_round=3, backends=("onnxruntime",))
    assert set(measured.details["raw_ms"]["onnxruntime"]) == {"n", "seed"}
    assert len(measured.details["raw_ms"]["onnxruntime"]["seed"]) == 1


def test_starting_up_is_measured_and_a_command_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = startup.measure(None, None, repeats=1)
    assert (measured.details["heavy"], len(measured.details["raw_s"]["help"])) == ([], 1)
    monkeypatch.setattr(startup, "edgeenh_command", lambda: ["false"])
    with pytest.raises(JobFailed, match="`false --help` ended with 1"):
        startup.measure(None, None, repeats=1)


def test_a_cold_start_is_measured_as_a_whole_process_and_one_that_fails_is_told(bundle_path: Path) -> None:
    measured = cold_start.measure(bundle_path, 1, size=(32, 32), backends=("onnxruntime",), repeats=1)
    assert [figure.at_most for figure in measured.figures] == [1.0, None, 1.0]
    assert {name: len(times) for name, times in measured.details["raw_s"].items()} == {
        "onnxruntime": 1,
        "auto, first of all": 1,
        "auto, remembered": 1,
    }
    for seconds in measured.details["parts_of_the_first_start_s"].values():
        assert set(seconds) == {"import_and_load", "first_frame", "second_frame"}
    with pytest.raises(JobFailed, match="there is no backend"):
        cold_start.measure(bundle_path, 1, size=(32, 32), backends=("nothing",), repeats=1)


def test_verifying_is_measured_on_a_signed_copy(bundle_path: Path) -> None:
    pytest.importorskip("cryptography", reason="needs the extra trust")
    before = bundle_path.read_bytes()
    measured = verify_load.measure(bundle_path, None, repeats=1)
    assert measured.details["bytes"] > len(before)
    assert bundle_path.read_bytes() == before
    assert [figure.passed is None for figure in measured.figures] == [False, True, True, True]


def test_links_do_not_count_as_size(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "data").write_bytes(bytes(1000))
    (tmp_path / "alias").symlink_to(tmp_path / "package")
    assert folder_sizes(tmp_path) == {"package": 1000, "alias": 0}


def test_a_missed_target_is_exit_3_and_still_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missed = Measurement([Figure("edgeenh --help", 9.0, "s", at_most=0.25)])
    monkeypatch.setattr(startup, "measure", lambda model, threads: missed)
    assert __main__.main(["startup", "--out", str(tmp_path)]) == 3
    assert "edgeenh --help: 9 s (at most 0.25): MISSED" in capsys.readouterr().out
    assert len(list(tmp_path.glob("*-startup-*.json"))) == 1


def test_an_unknown_target_is_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["speed", "--out", str(tmp_path)]) == 2
    assert "choose among latency" in capsys.readouterr().err


def test_outside_a_checkout_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_tree, "ROOT", tmp_path)
    assert source_tree.source_state() is None
    (tmp_path / "benchmarks" / "edgeenh_bench").mkdir(parents=True)
    assert source_tree.source_state() is None


def test_int8_of_a_grey_bundle_is_measured_too() -> None:
    measured = int8_speed.measure(Path("xray-n"), None, size=(320, 192), pictures=4)
    assert [figure.name for figure in measured.figures] == [
        "INT8 of bundle: lowest PSNR against FP32",
        "INT8 of bundle: speed against FP32",
    ]
    assert 30 < measured.figures[0].value < 100


def test_fp16_is_judged_at_every_size_in_both_executions() -> None:
    measured = fp16_precision.measure(None, 1, sizes={"small": (320, 192)})
    assert [figure.name for figure in measured.figures] == [
        "small onnxruntime: pixels within 1",
        "small onnxruntime: PSNR",
        "small stored: pixels within 1",
        "small stored: PSNR",
    ]
    assert measured.passed
    stored, widened = measured.details["small stored"], measured.details["small onnxruntime"]
    assert stored["psnr_db"] != widened["psnr_db"], "one of them did not round"
    json.dumps(measured.details, allow_nan=False)


def test_fp16_of_a_bundle_without_it_is_a_usage_error(bundle_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeenh.bundle.Bundle.precisions", ("fp32",))
    with pytest.raises(UsageError, match="no FP16 graph"):
        fp16_precision.measure(bundle_path, None)


def test_a_target_that_cannot_be_measured_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no browser, no camera
    monkeypatch.setattr(startup, "measure", lambda *_: Measurement([Figure("time", 1.0, "s", at_most=2.0)]))
    out = tmp_path / "results"
    assert __main__.main(["camera-kills", "startup", "--out", str(out)]) != 0
    captured = capsys.readouterr()
    assert "camera-kills was not measured: " in captured.err
    assert "not measured: camera-kills; missed: none" in captured.err
    assert "time: 1 s (at most 2): passed" in captured.out
    written = json.loads(next(out.glob("*-startup-*.json")).read_text())
    assert set(written["clocks"]) == {"before", "after"}
    assert isinstance(written["variables"], dict)


def test_results_that_cannot_be_written_are_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = list[object]()
    monkeypatch.setattr(startup, "measure", lambda *words: measured.append(words))
    (tmp_path / "file").write_text("no folder")
    assert __main__.main(["startup", "--out", str(tmp_path / "file")]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert measured == []
