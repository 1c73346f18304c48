"""`edgeenh export --triton --openvino`, as a user types it."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec

import pytest

from edgeenh.backends import tensorrt_build
from edgeenh.cli import main
from edgeenh_export import engines


@pytest.fixture
def file(bundle, tmp_path):
    return shutil.copy(bundle.path, tmp_path / "m.edgeenh")


def run(capsys, *words):
    code = main(["export", *map(str, words)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_bundle_becomes_a_triton_repository(capsys, file, tmp_path, parse):
    code, out, err = run(capsys, file, "--triton", tmp_path / "models", "--json", "-")
    assert code == 0, err
    report = json.loads(out)
    assert [one["name"] for one in report["served"]["triton"]] == ["dental-n-fp32", "dental-n-fp16"]
    assert "built on the GPU that serves" in report["served"]["triton_plan_reason"]
    assert "no TensorRT model in the Triton repository" in err
    assert "next: tritonserver --model-repository" in err
    assert parse(tmp_path / "models" / "dental-n-fp16" / "config.pbtxt").name == "dental-n-fp16"
    code, out, _ = run(capsys, file, "--triton", tmp_path / "models")
    assert (code, out.count("was there already")) == (0, 2)


def test_a_shipped_bundle_is_taken_by_name(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, "xray-n", "--triton", "models", "--triton-device", "cpu")
    assert code == 0, err
    assert (tmp_path / "models" / "xray-n-fp32" / "1" / "model.onnx").is_file()
    code, _, err = run(capsys, "dental-n", "--fp16")
    assert (code, "dental-n is a bundle already" in err) == (2, True), err


def test_a_checkpoint_becomes_a_bundle_and_both_layouts(capsys, checkpoint, tmp_path):
    if find_spec("openvino") is None:
        pytest.skip("openvino is not installed")
    words = ["--fp32", "--size", "64x48", "--tensorrt", "off", "--out", tmp_path / "m.edgeenh"]
    layouts = ["--triton", tmp_path / "t", "--openvino", tmp_path / "o", "--json", tmp_path / "r.json"]
    code, out, err = run(capsys, checkpoint, *words, *layouts)
    assert code == 0, err
    assert (tmp_path / "t" / "toy-n-fp32" / "1" / "model.onnx").is_file()
    assert (tmp_path / "o" / "toy-n-fp32" / "1" / "model.bin").is_file()
    assert "OpenVINO IR: " in out
    report = json.loads((tmp_path / "r.json").read_text())
    assert [one["version"] for one in report["served"]["openvino"]] == [1]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "is a bundle already: write it for a server with --triton DIR"),
        (["--triton", "t", "--fp32"], 2, "--fp32 means nothing"),
        (["--triton", "t", "--size", "64x48"], 2, "--size means nothing"),
        (["--triton", "t", "--tensorrt", "rtx"], 2, "Triton runs plans of full TensorRT only"),
        (["--triton", "t", "--triton-device", "tpu"], 2, "expected one of gpu, cpu"),
        (["--triton", "t", "--triton-instances", "0"], 2, "give 1 to 64"),
        (["--triton", "t", "--openvino", "t"], 2, "name the same folder"),
        (["--triton", "m.edgeenh"], 2, "is a file: name a folder"),
        (["--triton", "t", "--floor", "99"], 4, "floor"),
        (["--triton", "t", "--public-key", "no.pub"], 2, "no.pub"),
    ],
)
def test_bad_usage_is_one_line_and_writes_nothing(capsys, file, tmp_path, monkeypatch, words, code, message):
    monkeypatch.chdir(tmp_path)
    found, out, err = run(capsys, file, *words)
    (line,) = [line for line in err.splitlines() if line.startswith("edgeenh: ")]
    assert (found, out, message in line) == (code, "", True), line
    assert [path.name for path in tmp_path.iterdir()] == ["m.edgeenh"]


def test_a_damaged_bundle_is_exit_4(capsys, file, tmp_path):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    code, _, err = run(capsys, file, "--triton", tmp_path / "t")
    assert (code, (tmp_path / "t").exists()) == (4, False), err


def test_a_plan_that_cannot_be_built_here_is_exit_5(capsys, file, tmp_path):
    code, _, err = run(capsys, file, "--triton", tmp_path / "t", "--tensorrt", "full")
    assert (code, (tmp_path / "t").exists()) == (5, False), err
    assert len(err.splitlines()) == 1


def test_the_plan_built_here_is_served(capsys, file, tmp_path, monkeypatch, parse):
    """On a GPU; here the builder of TensorRT-RTX stands in for that of full TensorRT, and really builds."""
    pytest.importorskip("tensorrt_rtx")
    rtx = tensorrt_build.load_flavour("rtx")
    monkeypatch.setattr(tensorrt_build, "load_flavour", lambda name: rtx._replace(name="tensorrt"))
    monkeypatch.setattr(engines, "driver_problem", lambda: "")
    monkeypatch.setattr(engines, "device_names", lambda: ("NVIDIA Test",))
    code, out, err = run(capsys, file, "--triton", tmp_path / "t", "--tensorrt", "full")
    assert code == 0, err
    config = parse(tmp_path / "t" / "dental-n-fp16-tensorrt" / "config.pbtxt")
    assert config.backend == "tensorrt"
    assert (tmp_path / "t" / "dental-n-fp16-tensorrt" / "1" / "model.plan").stat().st_size > 100_000
    assert out.count("Triton: ") == 3
