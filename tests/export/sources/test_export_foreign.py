"""The whole export of models from elsewhere, through the command and the API, and their bundles in the runtime."""

from __future__ import annotations

import json
import re

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import edgeenh
from edgeenh.cli import main
from edgeenh.errors import GateFailed, InputError, UsageError
from edgeenh.stream import Stream
from edgeenh_export.gate import arithmetic_of
from edgeenh_export.pipeline import export
from edgeenh_export.sources import foreign
from edgeenh_export.sources.overrides import Overrides


@pytest.fixture(scope="module")
def doubled(make_toy, tmp_path_factory):
    """A bundle whose pictures are twice as large as its frames."""
    folder = tmp_path_factory.mktemp("doubled")
    onnx.save(make_toy(scale=2, stride=4, size=None), folder / "Twice as large!.onnx")
    said: list[str] = []
    report = export(
        folder / "Twice as large!.onnx",
        folder / "twice.edgeenh",
        sizes=((160, 96), (96, 160)),
        tensorrt="off",
        remark=said.append,
    )
    return report, said


def test_a_model_that_enlarges_makes_a_bundle_that_enlarges(doubled):
    report, _ = doubled
    generator = report.bundle.manifest.generator
    assert (generator.scale, generator.size_multiple, generator.variant) == (2, 4, "foreign-onnx")
    assert report.bundle.manifest.id == "twice-as-large-"
    assert [judged.precision for judged in report.gate] == ["fp32", "fp16", "fp16"]
    with edgeenh.load(report.bundle.path, backend="onnxruntime", precision="fp32") as enhancer:
        frame = np.random.default_rng(0).integers(0, 256, (98, 131, 3), np.uint8)
        assert enhancer(frame).shape == (196, 262, 3)
        enlarged = np.abs(cv2.resize(frame, None, fx=2, fy=2).astype(int) - enhancer(frame, 0.0))
        assert enlarged[:-1, :-1].max() <= 1  # the last row and column lie between the frame and its mirrored border
        with pytest.raises(InputError, match=r"expected uint8 \[196, 262, 3\], as this bundle gives 2 times"):
            enhancer.enhance_into(frame, np.empty_like(frame))
        with pytest.raises(UsageError, match="2 times the width and height, and a stream shows the original"):
            Stream([frame], enhancer)


def test_a_bundle_that_enlarges_goes_through_enhance_and_is_refused_by_run(doubled, tmp_path, capsys):
    report, _ = doubled
    cv2.imwrite(str(tmp_path / "a.png"), np.full((96, 160, 3), 90, np.uint8))
    words = ["--model", str(report.bundle.path), "--backend", "onnxruntime"]
    assert main(["enhance", str(tmp_path / "a.png"), "--out", str(tmp_path / "out"), *words]) == 0
    assert cv2.imread(str(tmp_path / "out" / "a.png")).shape == (192, 320, 3)
    assert main(["run", "synthetic:160x96@30", "--frames", "2", *words]) == 2
    assert "use `edgeenh enhance` for pictures" in capsys.readouterr().err


def test_the_report_says_what_was_found_and_how_it_is_known(doubled):
    report, said = doubled
    contract = report.to_json()["contract"]
    assert (contract["range"], contract["scale"], contract["known_by"]["colour"]) == ("unit", 2, "assumed")
    assert any("RGB is assumed" in line and "--colour BGR" in line for line in said)
    assert any("may change a value by the full range" in line for line in said)
    assert b"nobody has written a card" in report.bundle.read("MODEL_CARD.md")


def test_grey_goes_all_the_way(make_toy, written, tmp_path):
    report = export(written(make_toy(channels=1, size=(96, 64))), tmp_path / "g.edgeenh", tensorrt="off")
    with edgeenh.load(report.bundle.path, backend="onnxruntime", precision="fp32") as enhancer:
        frame = np.random.default_rng(0).integers(0, 4096, (64, 96), np.uint16)
        assert np.array_equal(enhancer(frame, 0.0, bits=12), frame)


def test_the_command_takes_every_statement(make_toy, written, tmp_path):
    path = written(make_toy("signed", "NHWC", size=(96, 64)))
    out = tmp_path / "o.edgeenh"
    stated = ["--layout", "NHWC", "--range", "signed:signed", "--colour", "bgr", "--scale", "1", "--cap", "0.25"]
    target = tmp_path / "report.json"
    words = ["--tensorrt", "off", "--out", str(out), "--fp32", "--json", str(target)]
    assert main(["export", str(path), *stated, *words]) == 0
    report = json.loads(target.read_text())
    assert report["contract"]["colour"] == "BGR"
    assert report["stated"] == ["--layout", "--range", "--colour", "--scale", "--cap"]
    assert edgeenh.load(out).bundle.manifest.generator.cap == 0.25


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--layout", "HWC"], "--layout 'HWC' is not known, expected NCHW or NHWC"),
        (["--range", "0-1"], "--range '0-1' is not known, expected unit, signed or byte"),
        (["--range", "unit:unit:unit"], "is not known"),
        (["--colour", "grey"], "expected RGB or BGR"),
        (["--scale", "9"], "expected 1 to 8"),
        (["--cap", "0"], "more than 0 and at most 1"),
        (["--size", "64x65"], "is made for 96x64 only"),
        (["--scale", "2"], "gives 1 times"),
        (["--layout", "NHWC"], "takes [1,3,64,96], expected a picture of 3 channels"),
        (["--range", "signed:byte"], "resembles its input"),
        (["--module", "m:f"], "--module and --weights go together"),
    ],
)
def test_a_wrong_statement_is_one_line_and_exit_2(make_toy, written, tmp_path, capsys, words, message):
    path = written(make_toy(size=(96, 64)))
    assert main(["export", str(path), *words, "--out", str(tmp_path / "o.edgeenh")]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("edgeenh: ")]
    assert len(lines) == 1
    assert message in lines[0]
    assert not (tmp_path / "o.edgeenh").exists()


def test_statements_are_refused_for_a_checkpoint_of_ours(checkpoint, tmp_path):
    with pytest.raises(UsageError, match=r"--cap is for models from elsewhere"):
        export(checkpoint, tmp_path / "o.edgeenh", overrides=Overrides(cap=0.5))


@pytest.mark.parametrize("ending", ["pt", "pth", "ckpt"])
def test_a_pickle_is_never_read_and_the_way_out_is_given(tmp_path, capsys, ending):
    path = tmp_path / f"w.{ending}"
    path.write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
    assert main(["export", str(path)]) == 2
    error = capsys.readouterr().err
    assert "is a pickle, which can run any code" in error
    assert "weights_only=True" in error
    assert "s.save_file" in error


def test_fp16_overflow_is_rescued_and_the_report_says_what_stays_in_fp32(make_toy, written, tmp_path):
    report = export(written(make_toy(overflow=1e6, size=(96, 64))), tmp_path / "o.edgeenh", tensorrt="off")
    (search,) = report.to_json()["searches"]
    assert [name for name in search["required_fp32"] if name.startswith("model_")] == ["model_Mul_3", "model_Mul_4"]
    assert search["passed"]
    assert json.loads(report.bundle.read("drift.json"))["searches"] == [search]
    assert any(line.startswith("FP16: nothing kept FP32 by choice") for line in report.lines())


def test_fp16_that_no_search_can_save_is_one_line_exit_3_and_the_old_bundle_stays(make_toy, written, tmp_path, capsys):
    model = make_toy(size=(96, 64))
    conv = next(node for node in model.graph.node if node.op_type == "Conv")
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == conv.input[1])
    weight.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight) * np.float32(1e6), weight.name))
    for name, value in (("c2", 1e-6),):
        scale = next(tensor for tensor in model.graph.initializer if tensor.name == name)
        scale.CopyFrom(onnx.numpy_helper.from_array(np.float32(value), name))
    path, out = written(model), tmp_path / "o.edgeenh"
    before = export(path, out, precisions=("fp32",), tensorrt="off").bundle.sha256
    capsys.readouterr()
    assert main(["export", str(path), "--tensorrt", "off", "--out", str(out)]) == 3
    lines = [line for line in capsys.readouterr().err.splitlines() if "no FP16 graph" in line]
    assert len(lines) == 1
    assert re.search(r"candidates? (was|were) measured", lines[0])
    assert "because their values do not fit" in lines[0]
    assert edgeenh.load(out).bundle.sha256 == before


def test_a_model_that_gives_nan_never_becomes_a_bundle(make_toy, written, tmp_path):
    model = make_toy(size=(96, 64), bounded=False)
    last = model.graph.node[-1]
    last.output[0] = "before"
    model.graph.node.append(helper.make_node("Log", ["before"], ["logs"]))
    model.graph.node.append(helper.make_node("Sqrt", ["logs"], ["y"]))
    with pytest.raises(InputError, match="on real frames it gives NaN or infinity"):
        export(written(model), tmp_path / "o.edgeenh", tensorrt="off")


def test_a_model_from_elsewhere_is_explained_with_its_contract(make_toy, written, tmp_path, capsys):
    path = written(make_toy(values="byte", layout="NHWC", overflow=1e6))
    words = ["export", "--explain", str(path), "--report", str(tmp_path / "r"), "--json", "-"]
    assert main(words) == 3, "values beyond FP16 are an overflow there, before any search keeps them in FP32"
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert (document["verdict"], document["node"]["beyond_fp16"]) == ("overflow", True)
    assert "layout NHWC" in captured.err
    assert main([*words, "--precision", "fp32", "--range", "byte"]) == 0
    assert main([*words, "--precision", "fp32", "--floor", "1"]) == 2
    assert "--floor is for bundles" in capsys.readouterr().err


def test_a_model_without_products_becomes_a_bundle(written, tmp_path):
    sides = [1, 3, "h", "w"]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name in ("x", "y")]
    gamma = numpy_helper.from_array(np.array(0.8, np.float32), "gamma")
    nodes = [
        helper.make_node("Clip", ["x"], ["inside"], min=0.0, max=1.0),
        helper.make_node("Pow", ["inside", "gamma"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "gamma", ends[:1], ends[1:], [gamma])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 10)], ir_version=8)
    report = export(written(model), tmp_path / "gamma.edgeenh", precisions=("fp32",), tensorrt="off")
    assert report.bundle.manifest.generator.macs_per_pixel == 0
    arithmetic = arithmetic_of(report.bundle.model("fp32").onnx)
    assert arithmetic.line("fp32") == "FP32: 100.0% of results"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nosuch.onnx"], "there is nothing at nosuch.onnx: give the .onnx file of a model"),
        (["m.onnx", "--floor", "1"], "--floor is what a station demands of a bundle, and this makes one: leave it out"),
        (["m.onnx", "--triton-device", "cpu"], "--triton-device is for --triton: give both, or neither"),
        (["--module", "a:b", "--weights", "m.onnx"], "--weights m.onnx: expected a .safetensors file"),
    ],
)
def test_what_means_nothing_for_a_model_is_refused_not_ignored(
    make_toy, written, tmp_path, monkeypatch, capsys, words, message
):
    written(make_toy(), "m.onnx")
    monkeypatch.chdir(tmp_path)
    assert main(["export", *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("sci/sci_360x640.onnx", {"range": "unit", "layout": "NCHW", "fixed_size": [640, 360], "colour": "RGB"}),
        ("fns_candy/candy.onnx", {"range": "byte", "layout": "NCHW", "fixed_size": [720, 720], "colour": "BGR"}),
    ],
)
@pytest.mark.slow
def test_real_models_become_bundles(real_models, tmp_path, name, found):
    report = export(real_models / name, tmp_path / "o.edgeenh", tensorrt="off")
    contract = report.to_json()["contract"]
    assert {key: contract[key] for key in found} == found
    width, height = found["fixed_size"]
    with edgeenh.load(report.bundle.path, backend="onnxruntime", precision="fp16") as enhancer:
        frame = np.random.default_rng(0).integers(0, 120, (height, width, 3), np.uint8)
        assert np.array_equal(enhancer(frame, 0.0), frame)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("agllnet_10ch/model_float32.onnx", "10 channels of 3"),
        (
            "custom_op/pytorch_superresolution_with_pre_post_processing_op18.onnx",
            "operators that only a custom library has",
        ),
    ],
)
def test_real_models_that_are_no_enhancers_are_refused(real_models, tmp_path, name, message):
    with pytest.raises(InputError, match=message):
        export(real_models / name, tmp_path / "o.edgeenh", tensorrt="off")


def test_what_bringing_a_file_to_its_form_changes_is_found(make_toy, written, tmp_path, monkeypatch):
    """The reference is the file as it came: a fault of the conversion between opsets would be in the form, and in both."""
    right = foreign.bring_to_form

    def spoilt(model, name):
        formed = right(model, name)
        formed.graph.node[-1].input[1] = "spoilt"
        formed.graph.initializer.append(numpy_helper.from_array(np.float32(0.97), "spoilt"))
        return formed

    monkeypatch.setattr(foreign, "bring_to_form", spoilt)
    with pytest.raises(GateFailed, match="ONNX Runtime differs from the ONNX file as it came by"):
        export(written(make_toy(size=(64, 48))), tmp_path / "o.edgeenh", precisions=("fp32",), tensorrt="off")
