"""Pictures → checkpoint → bundle → enhanced clip → comparison, with the commands of the README."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import pytest

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "benchmarks" / "clips" / "endoscope_720p25_3s.mp4"
Run = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def bundle(edgeenh: Run, domains: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("path")
    config = out / "tiny.toml"
    config.write_text('name = "tiny"\nbatch = 2\nview_height = 64\nview_width = 64\ndiscriminator_width = 2\n')
    trained = edgeenh(
        "train", "--low", domains[0], "--high", domains[1], "--config", config, "--images", 8, "--out", out / "run"
    )
    assert trained.returncode == 0, trained.stderr
    exported = edgeenh(
        "export", out / "run" / "generator.safetensors", "--fp16", "--out", out / "tiny.edgeenh", "--json", "-"
    )
    assert exported.returncode == 0, exported.stderr
    assert json.loads(exported.stdout)["bundle"]["id"] == "tiny"
    return out / "tiny.edgeenh"


def test_bundle_verifies_and_tells_what_is_in_it(edgeenh: Run, bundle: Path) -> None:
    assert edgeenh("verify", bundle).returncode == 0
    said = edgeenh("inspect", bundle).stdout
    assert "generator.fp16.onnx" in said
    assert "variant n" in said


def test_clip_is_enhanced_frame_by_frame(edgeenh: Run, bundle: Path, tmp_path: Path) -> None:
    done = edgeenh(
        "run",
        CLIP,
        "--model",
        bundle,
        "--mode",
        "offline",
        "--frames",
        10,
        "--out",
        tmp_path / "clip.mp4",
        "--json",
        "-",
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    accounting = report["accounting"]
    assert (accounting["captured"], accounting["enhanced"], accounting["in_flight"], accounting["holds"]) == (
        10,
        10,
        0,
        True,
    )
    assert report["backend"]["precision"] in ("fp32", "fp16", "bf16")
    video = cv2.VideoCapture(str(tmp_path / "clip.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 10


def test_bench_shows_every_backend(edgeenh: Run, bundle: Path) -> None:
    frames = ROOT / "export" / "edgeenh_export" / "frames"
    done = edgeenh("bench", "--model", bundle, "--source", frames, "--size", "320x240", "--frames", 5, "--json", "-")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    running = {(row["backend"], row["precision"]): row for row in rows if row["available"]}
    assert running["onnxruntime", "fp32"]["psnr_db"] is None  # identical with the reference, which it is
    assert running["openvino", "fp32"]["ssim"] > 0.999
    for row in rows:
        assert row["available"] or row["reason"]


def test_flipped_byte_is_refused_everywhere(edgeenh: Run, bundle: Path, tmp_path: Path) -> None:
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    broken = tmp_path / "broken.edgeenh"
    broken.write_bytes(data)
    for words in (
        ("verify", broken),
        ("run", CLIP, "--model", broken),
        ("bench", "--model", broken),
        ("inspect", broken),
    ):
        done = edgeenh(*words)
        assert done.returncode == 4, (words, done.stderr)
        assert "Traceback" not in done.stderr


def test_gate_that_cannot_be_met_leaves_nothing(edgeenh: Run, tmp_path: Path) -> None:
    done = edgeenh("export", "--fp16", "--tensorrt", "off", "--min-psnr", 200, "--out", tmp_path / "x.edgeenh")
    assert done.returncode == 3, done.stderr
    assert list(tmp_path.iterdir()) == []
