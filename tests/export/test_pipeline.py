from __future__ import annotations

import json
import math
import resource
from datetime import UTC, datetime

import onnx
import pytest

from edgeenh.bundle import Bundle
from edgeenh.errors import CheckpointError, GateFailed, OutputFailed
from edgeenh.pixels import GREY
from edgeenh_export.golden import shipped_frames
from edgeenh_export.model_card import model_card
from edgeenh_export.pipeline import export
from edgeenh_train.checkpoint import load_generator

SMALL = {"sizes": ((64, 48),), "tensorrt": "off"}


def test_the_bundle_holds_what_the_design_names(exported):
    bundle = Bundle.open(exported.bundle.path)
    members = set(bundle.members)
    assert members >= {
        "generator.fp32.onnx",
        "generator.fp16.onnx",
        "drift.json",
        "MODEL_CARD.md",
        "golden/dim-molars.png",
    }
    manifest = bundle.manifest
    assert (manifest.id, manifest.version, manifest.generator.variant) == ("toy-n", 3, "n")
    assert manifest.generator.fixed_size is None
    assert (manifest.generator.min_size, manifest.generator.max_size) == ((16, 16), (8192, 8192))
    model = onnx.load_model_from_string(bundle.read("generator.fp32.onnx"))
    assert (manifest.onnx.opset, manifest.onnx.ir_version) == (model.opset_import[0].version, model.ir_version)
    assert all(engine.onnx_sha256 == manifest.files["generator.fp16.onnx"].sha256 for engine in manifest.engines)


def test_the_golden_references_are_what_the_fp32_graph_gives(exported):
    from edgeenh_export.execute import OnnxRunner

    with OnnxRunner(exported.bundle.model("fp32").onnx, "fp32", "toy") as run:
        for _, image, reference in exported.bundle.golden():
            assert (run(image) == reference).all()
            assert (image != reference).any()


def test_a_bundle_for_grey_says_so_and_its_golden_frames_have_16_bits(grey_exported):
    bundle = Bundle.open(grey_exported.bundle.path)
    assert bundle.manifest.pixels == GREY
    assert bundle.manifest.document()["image"]["bits"] == [8, 16]
    assert all(result["passed"] and result["psnr_db"] > 80 for result in bundle.manifest.gate.results[1:])
    assert any("of 65535" in line for line in grey_exported.lines())
    from edgeenh_export.execute import OnnxRunner

    with OnnxRunner(bundle.model("fp32").onnx, "fp32", "toy", GREY) as run:
        for _, image, reference in bundle.golden():
            assert (image.dtype, image.shape[2]) == ("uint16", 1)
            assert (run(image) == reference).all()
            assert (image != reference).any()


def test_a_grey_graph_of_one_small_size_is_proven_for_every_value(make_generator, make_checkpoint, tmp_path):
    checkpoint = make_checkpoint(make_generator(channels=1), name="toy-x", channels=1)
    report = export(checkpoint, tmp_path / "m.edgeenh", precisions=("fp32",), **SMALL)
    assert report.bundle.manifest.generator.fixed_size == (64, 48)
    assert all(image.shape == (48, 64, 1) for _, image, _ in report.bundle.golden())


def test_the_report_says_what_was_judged(exported):
    report = json.loads(json.dumps(exported.to_json(), allow_nan=False))
    assert report["schema"] == "edgeenh.export/1"
    assert [(r["precision"], r["backend"], r["passed"]) for r in report["gate"]["results"]] == [
        ("fp32", "onnxruntime", True),
        ("fp16", "torch", True),
        ("fp16", "onnxruntime", True),
    ]
    assert report["parity"]["max_abs"] <= 1
    steps = ["read", "frames", "onnx_fp32", "reference", "onnx_fp16", "gate", "tensorrt", "write"]
    assert report["searches"] == []
    assert list(report["seconds"]) == steps
    drift = json.loads(exported.bundle.read("drift.json"))
    assert drift["results"] == report["gate"]["results"]
    assert [r["determinism"] and r["determinism"]["deterministic"] for r in drift["results"]] == [True, None, True]
    said = [line for line in exported.lines() if line.startswith("deterministic: ")]
    assert said == [
        f"deterministic: {precision} on onnxruntime, byte for byte: the same frame twice, a second session"
        for precision in ("fp32", "fp16")
    ]
    for detailed, told in zip(drift["results"], exported.bundle.manifest.gate.results, strict=True):
        assert told.items() <= detailed.items()
        assert [one["picture"] for one in detailed["each"]] == [frame.name for frame in shipped_frames()]


def test_fp32_alone_time_and_card_are_as_given(make_checkpoint, tmp_path):
    checkpoint = make_checkpoint()
    checkpoint.with_suffix(".md").write_text("# Gebiß-Modell\n", "utf-8")
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    lines = []
    report = export(
        checkpoint, tmp_path / "m.edgeenh", precisions=("fp32",), now=moment, progress=lines.append, **SMALL
    )
    assert report.bundle.precisions == ("fp32",)
    assert report.bundle.manifest.created == "2026-01-02T03:04:05Z"
    assert report.bundle.manifest.generator.fixed_size == (64, 48)
    assert report.bundle.read("MODEL_CARD.md").decode() == "# Gebiß-Modell\n"
    assert [line.split("]")[0] for line in lines] == [f"[{step}/7" for step in range(1, 8)]


def test_weights_too_large_for_fp16_fail_the_gate_and_pass_as_fp32(make_generator, make_checkpoint, tmp_path):
    generator = make_generator()
    generator.stem.norm.weight.mul_(1e6)  # features beyond 65 504, which the head brings back
    generator.head.weight.mul_(1e-6)
    checkpoint = make_checkpoint(generator)
    with pytest.raises(GateFailed, match=r"no FP16 graph of this model passes .* do not fit"):
        export(checkpoint, tmp_path / "m.edgeenh", **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_whose_output_is_not_finite_fails(make_generator, make_checkpoint, tmp_path):
    generator = make_generator()
    generator.stem.norm.running_var.fill_(-1.0)  # finite itself; its root is not
    with pytest.raises(GateFailed, match="gives values that are not finite for a crop of"):
        export(make_checkpoint(generator), tmp_path / "m.edgeenh", **SMALL)


@pytest.mark.parametrize(("field", "value"), [("name", "Bad Name"), ("version", 0), ("cap", math.inf), ("licence", "")])
def test_a_description_that_no_manifest_can_hold_is_refused_at_once(make_checkpoint, tmp_path, field, value):
    with pytest.raises(CheckpointError, match="train it again with a proper description"):
        export(make_checkpoint(**{field: value}), tmp_path / "m.edgeenh", **SMALL)


def test_a_full_disk_leaves_nothing_half_written(checkpoint, tmp_path):
    out = tmp_path / "new" / "m.edgeenh"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        with pytest.raises(OutputFailed, match="could not be written"):
            export(checkpoint, out, precisions=("fp32",), **SMALL)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(out.parent.iterdir()) == []


def test_a_model_card_is_made_where_nobody_wrote_one(checkpoint, tmp_path):
    _, info = load_generator(checkpoint)
    card = model_card(checkpoint, info).decode()
    assert "# toy-n 3" in card
    assert "no diagnosis from enhanced" in card
    beside = tmp_path / "x.md"
    beside.write_bytes(b"\xff\xfe")
    with pytest.raises(CheckpointError, match="model card"):
        model_card(tmp_path / "x.safetensors", info)
