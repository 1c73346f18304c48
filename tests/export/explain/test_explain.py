from __future__ import annotations

import dataclasses
import json

import numpy as np
import onnx
import pytest

from edgeenh.cli import main
from edgeenh.errors import BackendUnavailable, InputError, UsageError
from edgeenh_export.explain import command
from edgeenh_export.explain.engines import OnnxRuntimeEngine, OpenVinoEngine, open_engine
from edgeenh_export.explain.explanation import decibels, relative_error
from edgeenh_export.explain.investigate import is_wrong
from edgeenh_export.explain.surgery import copied
from edgeenh_export.golden import GoldenFrame
from edgeenh_export.precision.quantise import layers_of, quantise


class WrongEngine:
    """A real engine whose compiler spoils one node: what it gives is half as much again.

    Args:
        node: Its name.
        inner: The engine that runs the spoilt graph.
        hides: It spoils only graphs with one output, as a faulty fusion does.
    """

    name = "faulty"

    def __init__(self, node, inner, *, hides=False):
        self._node, self._inner, self._hides = node, inner, hides
        self.lowers_to = inner.lowers_to

    def run(self, model, feeds):
        if self._hides and len(model.graph.output) > 1:
            return self._inner.run(model, feeds)
        spoilt = copied(model)
        known = (*spoilt.graph.value_info, *spoilt.graph.output)
        types = {value.name: value.type.tensor_type.elem_type for value in known}
        for index, node in enumerate(spoilt.graph.node):
            if node.name == self._node:
                result, node.output[0] = node.output[0], "before"
                dtype = onnx.helper.tensor_dtype_to_np_dtype(types[result])
                spoilt.graph.initializer.append(onnx.numpy_helper.from_array(np.array(1.5, dtype), "half_more"))
                spoilt.graph.node.insert(index + 1, onnx.helper.make_node("Mul", ["before", "half_more"], [result]))
                break
        return self._inner.run(spoilt, feeds)


@pytest.fixture
def explain(exported, monkeypatch):
    def run(engine, precision="fp16", report=None):
        monkeypatch.setattr(command, "open_engine", lambda backend, precision: engine)
        return command.explain(exported.bundle.path, "onnxruntime", precision, report)

    return run


def nodes(exported, precision, operator):
    graph = onnx.load_model_from_string(exported.bundle.model(precision).onnx).graph
    return [node.name for node in graph.node if node.op_type == operator]


@pytest.mark.parametrize(("place", "hides"), [(0, False), (3, False), (-1, False), (0, True), (-1, True)])
def test_a_miscompile_is_told_and_its_node_named(exported, explain, tmp_path, place, hides):
    node = nodes(exported, "fp16", "Conv")[place]
    found = explain(WrongEngine(node, OnnxRuntimeEngine(optimised=True), hides=hides), report=tmp_path)
    assert (found.kind, found.node.node, found.part) == ("miscompile", node, (node,))
    assert f"the first wrong node is {node} (Conv), and it shows it alone" in found.verdict()


def test_the_smallest_onnx_shows_the_fault_by_itself(exported, explain, tmp_path):
    node = nodes(exported, "fp16", "ConvTranspose")[0]
    found = explain(WrongEngine(node, OnnxRuntimeEngine(optimised=True)), report=tmp_path / "new")
    assert [path.name for path in found.files] == ["explain.json", "smallest.onnx", "smallest.npz"]
    model = onnx.load(tmp_path / "new" / "smallest.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [one.op_type for one in model.graph.node] == ["ConvTranspose"]
    with np.load(tmp_path / "new" / "smallest.npz") as arrays:
        feeds = {value.name: arrays[value.name] for value in model.graph.input}
        expected, output = arrays["expected"], model.graph.output[0].name
    right = OnnxRuntimeEngine(optimised=True).run(model, feeds)[output]
    wrong = WrongEngine(node, OnnxRuntimeEngine(optimised=True)).run(model, feeds)[output]
    assert decibels(expected, right) > 60
    assert decibels(expected, wrong) < 40
    document = json.loads((tmp_path / "new" / "explain.json").read_text())
    assert (document["verdict"], document["node"]["node"]) == ("miscompile", node)


def test_a_fault_on_openvino_is_found_too(exported, explain, tmp_path):
    pytest.importorskip("openvino")
    node = nodes(exported, "fp32", "Conv")[2]
    found = explain(WrongEngine(node, OpenVinoEngine("fp32")), "fp32", tmp_path)
    assert (found.kind, found.node.node) == ("miscompile", node)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_onnx_runtime_itself_only_rounds(exported, explain, precision):
    found = explain(OnnxRuntimeEngine(optimised=True), precision)
    assert found.kind in ("rounding", "identical")
    assert found.files == ()
    assert found.whole_engine_db > 50


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_openvino_itself_only_rounds(exported, explain, precision):
    pytest.importorskip("openvino")
    try:
        engine = OpenVinoEngine(precision)
    except BackendUnavailable as exc:
        pytest.skip(str(exc))
    found = explain(engine, precision)
    assert found.kind == "rounding"
    assert "is about as exact as" in found.verdict()


def test_every_result_has_a_row(exported, explain):
    found = explain(OnnxRuntimeEngine(optimised=True))
    assert len(list(found.lines())) == len(found.findings) + 1
    assert {"Conv", "Sigmoid", "Tanh", "Cast"} <= {finding.operator for finding in found.findings}
    assert not {"Shape", "Squeeze"} & {finding.operator for finding in found.findings}


def test_a_value_beyond_fp16_is_an_overflow(make_generator, make_checkpoint, monkeypatch, tmp_path, capsys):
    generator = make_generator()
    generator.stem.conv.weight.mul_(3e5)
    path = make_checkpoint(generator)
    assert main(["export", "--explain", str(path), "--report", str(tmp_path)]) == 3
    assert "overflow: in fp16 the result of" in capsys.readouterr().err
    document = json.loads((tmp_path / "explain.json").read_text())
    assert document["node"]["beyond_fp16"] is True
    assert document["node"]["rounded_db"] is None


def test_the_command_says_the_verdict_and_writes_the_table(exported, tmp_path, capsys):
    words = ["export", "--explain", str(exported.bundle.path), "--report", str(tmp_path / "r"), "--json", "-"]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["verdict"] in ("rounding", "identical")
    assert "rel. error" in captured.err
    assert [path.name for path in (tmp_path / "r").iterdir()] == ["explain.json"]


def test_a_miscompile_ends_the_command_with_3(exported, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    node = nodes(exported, "fp16", "Conv")[1]
    engine = WrongEngine(node, OnnxRuntimeEngine(optimised=True))
    monkeypatch.setattr(command, "open_engine", lambda backend, precision: engine)
    assert main(["export", "--explain", str(exported.bundle.path)]) == 3
    assert f"the first wrong node is {node}" in capsys.readouterr().err
    assert (tmp_path / "toy-n-explain" / "smallest.onnx").is_file()


def test_a_bundle_for_grey_is_explained(grey_exported):
    assert command.explain(grey_exported.bundle.path, "onnxruntime", "fp16", None).kind in ("rounding", "identical")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--explain", "--backend", "cuda"], 2, "cannot look into cuda"),
        (["--explain", "--backend", "tensorrt", "--precision", "bf16"], 2, "cannot look into tensorrt bf16"),
        (["--explain", "--fp16"], 2, "--explain exports nothing, so --fp16 means nothing beside it: leave it out"),
        (["--explain", "--scale", "2"], 2, "--scale is for models from elsewhere"),
        (["--explain", "--backend", "onnxruntime", "--precision", "bf16"], 2, "cannot look into onnxruntime bf16"),
        (["--explain", "--precision", "int4"], 2, "expected one of fp32, fp16, bf16"),
        (["--backend", "openvino"], 2, "belong to --explain"),
        (["--explain", "nowhere.edgeenh"], 2, "cannot be read"),
    ],
)
def test_what_cannot_be_explained_is_refused(words, code, message, capsys):
    assert main(["export", *words]) == code
    assert message in capsys.readouterr().err


def test_a_file_that_is_neither_is_refused(tmp_path, exported):
    (tmp_path / "x.safetensors").write_bytes(b"not a checkpoint")
    with pytest.raises(InputError):
        command.explain(tmp_path / "x.safetensors", "onnxruntime", None, None)
    with pytest.raises(UsageError, match="cannot look into"):
        open_engine("fake", "fp32")


def test_figures_of_tensors():
    exact = np.array([0.0, 1.0, 2.0])
    assert decibels(exact, exact + 0.02) == pytest.approx(40)
    assert relative_error(exact, exact + 0.02) == pytest.approx(0.01)
    assert decibels(exact, exact) == np.inf
    for broken in (np.array([0, np.nan, 2]), np.array([0, np.inf, 2]), np.zeros(2)):
        assert decibels(exact, broken) == -np.inf
        assert is_wrong(80.0, decibels(exact, broken))
        assert relative_error(exact, broken) == np.inf
    assert is_wrong(80.0, np.nan)


def test_an_engine_is_wrong_only_beyond_what_rounding_explains():
    assert not is_wrong(np.inf, 61.0)
    assert is_wrong(np.inf, 59.0)
    assert not is_wrong(50.0, 40.0)
    assert is_wrong(50.0, 30.0)


@pytest.fixture(scope="module")
def quantised(exported):
    """What `--explain` reads of a bundle, with an INT8 graph in it."""
    subject = command.read_subject(exported.bundle.path)
    fp32 = subject.graphs["fp32"]
    frames = [GoldenFrame(name, image[:64, :96]) for name, image in subject.pictures]
    int8 = quantise(fp32, layers_of(onnx.load_model_from_string(fp32)), frames)
    return dataclasses.replace(subject, graphs={**subject.graphs, "int8": int8})


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_int8_is_explained_against_the_fp32_graph(quantised, monkeypatch, backend):
    monkeypatch.setattr(command, "read_subject", lambda *given: quantised)
    found = command.explain(None, backend, "int8", None)
    assert found.kind == "rounding"
    convolutions = [one.rounded_db for one in found.findings if one.operator == "Conv"]
    assert len(convolutions) > 5
    assert all(10 < decibels_ < 90 for decibels_ in convolutions), "quantised, and told against FP32"


def test_a_miscompile_of_int8_is_told_from_quantising(quantised, monkeypatch, tmp_path):
    node = [
        one.name for one in onnx.load_model_from_string(quantised.graphs["int8"]).graph.node if one.op_type == "Conv"
    ][2]
    wrong = WrongEngine(node, OnnxRuntimeEngine(optimised=True))
    monkeypatch.setattr(command, "read_subject", lambda *given: quantised)
    monkeypatch.setattr(command, "open_engine", lambda backend, precision: wrong)
    found = command.explain(None, "onnxruntime", "int8", tmp_path)
    assert (found.kind, found.node.node) == ("miscompile", node)
    onnx.checker.check_model(onnx.load(tmp_path / "smallest.onnx"), full_check=True)
