from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from edgeenh.cli import main
from edgeenh_export import cli


@pytest.fixture
def command(tmp_path) -> list[str]:
    return [sys.executable, "-m", "edgeenh.cli", "export"]


@pytest.fixture
def environment() -> dict[str, str]:
    """A child's: it finds the packages where this process finds them."""
    paths = [path for path in sys.path if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def fails(words, capsys, remarks=0) -> tuple[int, str]:
    code = main(["export", *map(str, words)])
    captured = capsys.readouterr()
    assert captured.out == ""
    *before, line = [line for line in captured.err.splitlines() if line.startswith("edgeenh: ")]
    assert len(before) == remarks, before
    return code, line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--int8"], "--int8 needs --calibration DIR"),
        (["--calibration", "frames"], "--calibration is for --int8"),
        (["--int8", "--fp32"], "--int8 and --fp32 exclude each other"),
        (["--int8", "--calibration", "no/such"], "no/such does not exist"),
        (["--fp16", "--fp32"], "exclude each other"),
        (["--size", "1280x700"], "nearest that work: 1280x696 or 1280x704"),
        (["--size", "big"], "WIDTHxHEIGHT"),
        (["--tensorrt", "yes"], "expected one of auto, off, rtx, full"),
        (["--min-psnr", "nan"], "is not a threshold"),
        (["--min-ssim", "2"], "is not a threshold"),
        (["nowhere.safetensors"], "there is nothing at nowhere.safetensors"),
        (["."], "is a folder"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(capsys, words, message):
    code, line = fails(words, capsys)
    assert (code, message in line) == (2, True), line


def test_a_corrupt_checkpoint_is_exit_2(capsys, checkpoint, tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(checkpoint.read_bytes()[:-1000])
    code, line = fails([broken, "--out", tmp_path / "m.edgeenh"], capsys)
    assert code == 2
    assert "broken.safetensors" in line


def test_an_output_that_cannot_be_written_is_said_before_the_work(capsys, checkpoint):
    code, line = fails([checkpoint, "--out", "/dev/null/m.edgeenh"], capsys)
    assert code == 2
    assert "/dev/null" in line


@pytest.mark.parametrize("content", [b"", b"not a model", bytes(range(256)) * 8])
def test_a_file_that_only_calls_itself_onnx_is_said_so(capsys, tmp_path, content):
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    code, line = fails([path], capsys)
    assert (code, "is not an ONNX model" in line) == (2, True), line


def test_an_onnx_that_takes_no_picture_is_refused_with_its_shape(capsys, tmp_path):
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Tanh", ["x"], ["y"])], "g", [value], [out])
    onnx.save(helper.make_model(graph, producer_name="elsewhere"), tmp_path / "x.onnx")
    code, line = fails([tmp_path / "x.onnx"], capsys)
    assert code == 2
    assert "x.onnx takes x float [1], expected a picture" in line


def test_a_missing_library_names_the_extra(capsys, monkeypatch):
    monkeypatch.setattr(cli, "_NEEDS", ("torch", "no_such_library"))
    code, line = fails([], capsys)
    assert code == 5
    assert "`edgeenh export` needs `pip install 'edgeenh[export]'`" in line


def test_rtx_that_is_not_installed_is_exit_5_and_writes_nothing(capsys, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx_bindings", None)
    out = tmp_path / "m.edgeenh"
    code, line = fails([checkpoint, "--fp32", "--size", "64x48", "--tensorrt", "rtx", "--out", out], capsys)
    assert code == 5
    assert "tensorrt" in line.lower()
    assert list(tmp_path.iterdir()) == []


def test_full_tensorrt_without_a_gpu_is_exit_5(capsys, checkpoint, monkeypatch):
    from edgeenh.backends import tensorrt_build
    from edgeenh_export import engines

    monkeypatch.setattr(tensorrt_build, "load_flavour", lambda name: None)
    monkeypatch.setattr(engines, "driver_problem", lambda: "there is no driver")
    code, line = fails([checkpoint, "--tensorrt", "full"], capsys)
    assert code == 5
    assert "builds for the GPU of this machine, but there is no driver" in line


def test_a_failed_gate_is_exit_3_and_leaves_the_older_bundle_untouched(
    capsys, make_generator, make_checkpoint, tmp_path
):
    generator = make_generator()
    generator.stem.norm.weight.mul_(1e6)  # features beyond 65 504, which the head brings back
    generator.head.weight.mul_(1e-6)
    checkpoint = make_checkpoint(generator)
    out = tmp_path / "m.edgeenh"
    out.write_bytes(b"PK\x03\x04 older")
    words = [checkpoint, "--fp16", "--size", "64x48", "--tensorrt", "off", "--out", out]
    code, line = fails(words, capsys, remarks=1)  # that the network as it stands is not it, and candidates are tried
    assert code == 3
    assert re.search(
        r"no FP16 graph of this model passes the gate: .*candidates? (was|were) measured.*: export with --fp32", line
    )
    assert out.read_bytes() == b"PK\x03\x04 older"
    assert [path.name for path in tmp_path.iterdir()] == ["m.edgeenh"]


def test_help_imports_nothing_heavy(command, environment):
    script = "import sys, edgeenh_export.cli; print([m for m in ('numpy', 'torch', 'onnx', 'cv2') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    shown = subprocess.run([*command, "--help"], env=environment, capture_output=True, text=True, check=True).stdout
    assert "Example: edgeenh export --fp16" in " ".join(shown.split())


def test_the_whole_command_gives_the_same_onnx_in_another_process(command, environment, checkpoint, exported, tmp_path):
    from edgeenh.bundle import Bundle

    out = tmp_path / "out" / "m.edgeenh"
    words = [*command, str(checkpoint), "--fp16", "--out", str(out), "--json", "-"]
    result = subprocess.run(
        words, env={**environment, "PYTHONHASHSEED": "7"}, capture_output=True, text=True, check=True
    )
    report = json.loads(result.stdout)
    assert report["bundle"]["path"] == str(out)
    lines = result.stderr.splitlines()
    steps = [line for line in lines if line.startswith("[")]  # a slow build tells its time left in between
    assert [line.split("]")[0] for line in steps] == [f"[{step}/8" for step in range(1, 9)]
    assert lines[-1] == f"next: edgeenh run synthetic:1280x720@30 --frames 300 --model {out}"
    bundle = Bundle.open(out)
    assert bundle.sha256 == report["bundle"]["sha256"]
    for precision in ("fp32", "fp16"):
        assert bundle.model(precision).onnx == exported.bundle.model(precision).onnx


def test_ctrl_c_leaves_the_older_bundle_untouched(command, environment, checkpoint, tmp_path):
    out = tmp_path / "m.edgeenh"
    out.write_bytes(b"PK\x03\x04 older")
    words = [*command, str(checkpoint), "--out", str(out)]
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "[3/8]" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait() == 130
    assert rest == "edgeenh: interrupted\n"
    assert [path.name for path in Path(tmp_path).iterdir()] == ["m.edgeenh"]
    assert out.read_bytes() == b"PK\x03\x04 older"


def test_explain_holds_a_bundle_to_the_stations_demands(capsys):
    assert main(["export", "--explain", "dental-n", "--floor", "99"]) == 4
    assert main(["export", "--explain", "--floor", "99"]) == 4
    assert "the station's floor" in capsys.readouterr().err
