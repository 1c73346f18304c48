"""Calibration, QDQ, the search for layers that stay in FP32, and whether INT8 pays; through the API and the command."""

from __future__ import annotations

import json

import cv2
import numpy as np
import onnx
import pytest

import edgeenh
from edgeenh.backends.onnx_int8 import operators
from edgeenh.cli import main
from edgeenh.drift import Thresholds
from edgeenh.errors import BackendUnavailable, GateFailed, JobFailed, PictureError, UsageError
from edgeenh.pixels import GREY, RGB
from edgeenh_export.execute import OnnxRunner
from edgeenh_export.gate import arithmetic_of
from edgeenh_export.options import bounds
from edgeenh_export.pipeline import INT8_THRESHOLDS, export
from edgeenh_export.precision.calibration import MOST, calibration_frames, picture_files
from edgeenh_export.precision.int8 import Worth, search_int8
from edgeenh_export.precision.quantise import in_fp32, layers_in_int8, layers_of, quantise
from edgeenh_export.precision.timing import Timed, alternate, node_microseconds

LOW = Thresholds(30, 0.9)


def silent(line):
    """Hear nothing."""


def harsh(b, x):
    """One channel of the second layer is a thousand times as large as the others, so that eight bits hold nothing of them."""
    x = b.add("LeakyRelu", b.conv(x, 3, 8, 1), alpha=0.2)
    x = b.add("Mul", x, b.constant(np.array([1000.0] + [1.0] * 7).reshape(1, 8, 1, 1)))
    wide = b.conv(x, 8, 8, 2)
    x = b.add("Mul", x, b.constant(np.array([0.001] + [1.0] * 7).reshape(1, 8, 1, 1)))
    x = b.add("LeakyRelu", b.conv(x, 8, 8, 4), alpha=0.2)
    x = b.add("Add", x, b.add("Mul", wide, b.constant(1e-5)))
    return b.conv(x, 8, 3, 3)


def test_a_folder_gives_frames_of_the_graphs_size(pictures):
    said = []
    frames = calibration_frames(pictures, RGB, bounds(((96, 64), (64, 96))), said.append)
    assert [frame.size for frame in frames[:2]] == [(96, 64), (64, 96)]
    assert said == []
    whole = calibration_frames(pictures, RGB, bounds(()), said.append)
    assert all(side % 16 == 0 and side <= 640 for frame in whole for side in frame.size)


def test_few_pictures_are_said_and_many_are_thinned_out(pictures, tmp_path):
    for path in sorted(pictures.iterdir())[5:]:
        path.unlink()
    said = []
    assert len(calibration_frames(pictures, RGB, bounds(((32, 32),)), said.append)) == 5
    assert "holds 5 pictures: 16 or more" in said[0]
    first = next(pictures.iterdir())
    for index in range(MOST):
        (pictures / f"copy-{index}.png").write_bytes(first.read_bytes())
    assert len(calibration_frames(pictures, RGB, bounds(((32, 32),)), said.append)) == MOST
    assert f"{MOST} of the {MOST + 5} pictures" in said[-1]


def test_grey_of_8_bits_is_widened(tmp_path):
    for index in range(2):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((32, 32), 255 - index, np.uint8))
    frames = calibration_frames(tmp_path, GREY, bounds(((32, 32),)), silent)
    assert (frames[0].image.dtype, int(frames[0].image.max())) == ("uint16", 65535)


@pytest.mark.parametrize(("count", "found"), [(0, "no pictures"), (1, "one picture (p0.png)")])
def test_a_folder_with_none_or_one_picture_is_exit_2(tmp_path, capsys, count, found):
    folder = tmp_path / "few"
    folder.mkdir()
    (folder / "notes.txt").write_text("no picture")
    for index in range(count):
        cv2.imwrite(str(folder / f"p{index}.png"), np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(UsageError):
        picture_files(folder)
    assert main(["export", "--int8", "--calibration", str(folder), "--out", str(tmp_path / "o.edgeenh")]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("edgeenh: ")]
    assert found in line
    assert "expected at least 2" in line


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"")
    with pytest.raises(UsageError, match="is a file, expected a folder"):
        picture_files(path)


@pytest.mark.parametrize("spoil", [b"not a picture", None])
def test_a_picture_that_cannot_be_read_is_named_and_none_is_left_out(pictures, spoil):
    victim = sorted(pictures.iterdir())[3]
    victim.write_bytes(spoil if spoil is not None else victim.read_bytes()[:200])
    with pytest.raises(PictureError, match=rf"--calibration: .*{victim.name}.*take the file away"):
        calibration_frames(pictures, RGB, bounds(()), silent)


def test_every_layer_is_quantised_and_the_rest_is_as_it_was(plain_graph, frames, references):
    model = onnx.load_model_from_string(plain_graph)
    layers = layers_of(model)
    int8 = quantise(plain_graph, layers, frames)
    assert layers_in_int8(onnx.load_model_from_string(int8)) == layers
    assert arithmetic_of(int8).shares == {"int8": 1.0}
    with OnnxRunner(int8, "int8", "int8") as run:
        assert np.array_equal(run(frames[0].image, 0.0), frames[0].image)
    assert quantise(plain_graph, layers, frames) == int8  # the same pictures, the same bytes


def test_a_layer_that_is_kept_is_the_fp32_one_to_the_bit(plain_graph, frames, references):
    layers = layers_of(onnx.load_model_from_string(plain_graph))
    int8 = quantise(plain_graph, layers, frames)
    for kept in layers:
        some = onnx.load_model_from_string(in_fp32(plain_graph, int8, {kept}))
        assert layers_in_int8(some) == [name for name in layers if name != kept]
    everything = in_fp32(plain_graph, int8, set(layers))
    operators_left = {node.op_type for node in onnx.load_model_from_string(everything).graph.node}
    assert operators_left.isdisjoint({"QuantizeLinear", "DequantizeLinear"})
    wanted = references(plain_graph)
    with OnnxRunner(everything, "fp32", "all kept") as run:
        assert all(np.array_equal(run(frame.image), one) for frame, one in zip(frames, wanted, strict=True))


def test_a_sensitive_layer_is_found_and_kept(build, frames, references):
    fp32 = build(harsh)
    layers = layers_of(onnx.load_model_from_string(fp32))
    limits = Thresholds(42, 0.9)
    found = search_int8(fp32, frames, frames, references(fp32), limits, RGB, silent)
    assert found.outcome.passed
    assert found.outcome.before_db < 42 <= found.outcome.after_db
    assert 0 < len(found.outcome.kept) < len(layers)
    assert layers_in_int8(onnx.load_model_from_string(found.onnx)) == [
        name for name in layers if name not in found.outcome.kept
    ]
    assert f"{len(found.outcome.kept)} of {len(layers)} layers kept FP32 ({found.outcome.kept[0]}" in found.line()
    assert found.to_json()["cost_by"].startswith("microseconds")


def test_a_gate_that_int8_cannot_reach_names_what_was_tried(plain_graph, frames, references):
    with pytest.raises(GateFailed, match=r"no INT8 graph .* candidates were measured .* export with --fp16"):
        search_int8(plain_graph, frames, frames, references(plain_graph), Thresholds(120, 0.999), RGB, silent)


def test_a_model_without_layers_has_nothing_for_int8(build, frames, references):
    fp32 = build(lambda b, x: b.add("Mul", x, b.constant(0.1)))
    with pytest.raises(JobFailed, match="INT8 has nothing to do"):
        search_int8(fp32, frames, frames, references(fp32), LOW, RGB, silent)


def test_times_are_of_the_nodes_that_there_are(plain_graph, frames):
    model = onnx.load_model_from_string(plain_graph)
    times = node_microseconds(model, frames[:1])
    assert {node.name for node in model.graph.node if node.op_type == "Conv"} <= set(times)
    assert all(value >= 0 for value in times.values())


def test_graphs_are_timed_in_turn_and_what_cannot_run_is_a_reason(plain_graph, frames):
    ticks = iter(range(0, 10**9, 1_000_000))
    timed = alternate(
        {"a": ("fp32", plain_graph), "b": ("fp32", plain_graph)},
        "onnxruntime",
        frames[0],
        rounds=3,
        clock=lambda: next(ticks),
    )
    assert timed.milliseconds == {"a": 1.0, "b": 1.0}
    refused = alternate({"int8": ("int8", plain_graph)}, "onnxruntime", frames[0])
    assert refused.milliseconds == {}
    assert "int8 in name only" in refused.reason


@pytest.mark.parametrize(
    ("int8_ms", "said"), [(20.0, "INT8 is worth it"), (38.5, "INT8 is NOT worth it"), (60.0, "NOT")]
)
def test_whether_it_pays_is_said_with_both_times(int8_ms, said):
    times = (
        Timed("onnxruntime", (1280, 720), {"fp32": 50.0, "int8": int8_ms}, {}),
        Timed("openvino", (1280, 720), {"fp32": 40.0}, {}, ""),
    )
    worth = Worth(times)
    assert worth.ratio == pytest.approx(40 / int8_ms)
    assert said in worth.line()
    assert "40.0 ms in FP32 on openvino" in worth.line()
    assert worth.to_json()["worth_it"] is (int8_ms < 38)


def test_what_could_not_be_timed_is_not_called_worth_it():
    worth = Worth((Timed("onnxruntime", (64, 48), {}, {}, "it broke"),))
    assert worth.ratio is None
    assert not worth.to_json()["worth_it"]
    assert "could not be timed here (onnxruntime: it broke)" in worth.line()


@pytest.fixture(scope="module")
def bundle8(checkpoint, tmp_path_factory):
    """The whole export of variant n in INT8 for one small size, through the API."""
    from edgeenh_export.golden import shipped_frames

    folder = tmp_path_factory.mktemp("int8")
    for index, frame in enumerate(shipped_frames()):
        cv2.imwrite(str(folder / f"{index}.png"), np.ascontiguousarray(frame.image[..., ::-1]))
    return export(
        checkpoint,
        folder / "m.edgeenh",
        precisions=("fp32", "int8"),
        calibration=folder,
        sizes=((128, 96),),
        tensorrt="off",
        int8_thresholds=Thresholds(35, 0.95),
    )


def test_the_bundle_holds_int8_with_thresholds_of_its_own(bundle8):
    manifest = edgeenh.load(bundle8.bundle.path, backend="onnxruntime", precision="fp32").bundle.manifest
    assert dict(manifest.precisions) == {"fp32": "generator.fp32.onnx", "int8": "generator.int8.onnx"}
    assert manifest.gate.thresholds()["min_psnr_db"] == 50
    assert manifest.gate.thresholds("int8")["min_psnr_db"] == 35
    results = {(result["precision"], result["backend"]): result for result in manifest.gate.results}
    assert results["int8", "onnxruntime"]["arithmetic"]["int8"] >= 0.5
    (search,) = bundle8.to_json()["searches"]
    assert search["calibration_pictures"] == 4
    times = bundle8.to_json()["int8_against_fp32"]
    assert {timed["backend"] for timed in times["timed"]} >= {"onnxruntime"}
    assert any("worth it on this CPU" in line for line in bundle8.lines())


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_backend_runs_int8_and_proves_it(bundle8, backend):
    pytest.importorskip(backend)
    frame = bundle8.bundle.golden()[0][1]
    with edgeenh.load(bundle8.bundle.path, backend=backend, precision="int8") as enhancer:
        out = enhancer(frame)
        assert np.array_equal(enhancer(frame, 0.0), frame)
        info = enhancer.info
    assert info.precision == "int8"
    assert "heavy layers in int8" in info.provider
    assert np.abs(out.astype(int) - bundle8.bundle.golden()[0][2]).mean() < 3


def test_the_command_runs_it_and_refuses_it_where_there_is_none(bundle8, exported, capsys):
    words = [
        "run",
        "synthetic:128x96@30",
        "--frames",
        "3",
        "--precision",
        "int8",
        "--backend",
        "onnxruntime",
        "--in-process",
    ]
    assert main([*words, "--model", str(bundle8.bundle.path), "--json", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["backend"]["precision"] == "int8"
    assert report["accounting"]["enhanced"] == 3
    assert main([*words, "--model", str(exported.bundle.path)]) == 2
    assert "has no int8 graph" in capsys.readouterr().err


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_an_fp32_graph_called_int8_is_refused(plain_graph, frames, backend):
    pytest.importorskip(backend)
    timed = alternate({"int8": ("int8", plain_graph)}, backend, frames[0])
    assert "int8 in name only" in timed.reason


def test_int8_on_cuda_is_refused_not_replaced(plain_graph, frames, monkeypatch):
    from edgeenh.backends import Model, SessionOptions
    from edgeenh.backends import onnxruntime as backend

    model = Model("m", plain_graph, "int8", "0" * 64)
    options = SessionOptions(64, 96, "int8", device="cuda")
    monkeypatch.setattr(backend, "_provider", lambda device, found: "CUDAExecutionProvider")
    with pytest.raises(BackendUnavailable, match="int8 on the CPU only"):
        backend.open_session(model, options)


def test_operators_are_counted_from_the_bytes(plain_graph):
    model = onnx.load_model_from_string(plain_graph)
    assert operators(plain_graph)["Conv"] == sum(node.op_type == "Conv" for node in model.graph.node)
    with pytest.raises(ValueError, match="field number"):
        operators(b"\x00\x01\x02")


def test_integer_kernels_are_not_on_the_list_and_pairs_are():
    from edgeenh.backends.onnx_operators import OPERATORS

    assert {"QuantizeLinear", "DequantizeLinear"} <= OPERATORS
    assert OPERATORS.isdisjoint(
        {"QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "DynamicQuantizeLinear"}
    )


def test_default_thresholds_of_int8_are_those_of_the_issue():
    assert INT8_THRESHOLDS.min_psnr_db == 42
