"""IR for real: written by OpenVINO, read back, judged."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import onnx
import pytest

from edgeenh.backends.libraries import import_openvino
from edgeenh.errors import GateFailed, JobFailed, MissingExtra, OutputFailed
from edgeenh_export.serving import openvino_ir
from edgeenh_export.serving.folders import write_models

if find_spec("openvino") is None:
    pytest.skip("openvino is not installed", allow_module_level=True)
openvino = import_openvino()  # as the runtime does: without its telemetry


@pytest.fixture(scope="module")
def models(bundle):
    return openvino_ir.ir_models(bundle)


def test_the_ir_of_each_precision_reads_back_and_gives_the_golden_references(bundle, models, tmp_path):
    written = write_models(tmp_path / "ir", models)
    assert [one.name for one in written] == [f"dental-n-{precision}" for precision in bundle.precisions]
    about = json.loads((written[0].path / "edgeenh.json").read_text())
    assert (about["compress_to_fp16"], about["inference_precision_hint"]) == (False, "f32")
    assert about["judged"]["ssim"] > 0.999
    graph = openvino.Core().read_model(written[0].path / "model.xml")
    compiled = openvino.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    _, image, reference = bundle.golden()[0]
    given = compiled({"image": image[None], "strength": np.ones(1, np.float32)})["enhanced"][0]
    assert np.abs(given.astype(int) - reference.astype(int)).max() <= 1


def test_weights_of_fp32_are_not_halved(bundle, models):
    halved = sum(len(model.files["model.bin"]) for model in models if model.name.endswith("fp16"))
    whole = next(len(model.files["model.bin"]) for model in models if model.name.endswith("fp32"))
    assert whole > 4 * 0.9 * bundle.manifest.generator.parameters
    assert halved < whole


def test_an_ir_that_gives_something_else_fails_the_gate_and_nothing_is_written(bundle, monkeypatch, tmp_path):
    right = openvino_ir._convert

    def darker(model):
        graph = onnx.load_from_string(model.onnx)
        largest = max(graph.graph.initializer, key=lambda tensor: len(tensor.raw_data))
        largest.raw_data = bytes(len(largest.raw_data))
        return right(replace(model, onnx=graph.SerializeToString()))

    monkeypatch.setattr(openvino_ir, "_convert", darker)
    with pytest.raises(GateFailed, match=r"the IR of dental-n .* fails the gate in fp32"):
        openvino_ir.ir_models(bundle, tmp_path / "report")
    assert [path.suffix for path in (tmp_path / "report").iterdir()] == [".png"]


def test_what_openvino_cannot_write_or_where_it_is_missing(bundle, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("no\nspace")

    monkeypatch.setattr(openvino, "save_model", fail)
    with pytest.raises(
        OutputFailed, match=r"could not write the IR of dental-n .* into .*\(no space\): free some space there"
    ):
        openvino_ir.ir_models(bundle)
    broken = replace(bundle.model("fp32"), onnx=b"no graph")
    with pytest.raises(JobFailed, match=r"cannot write the IR of dental-n"):
        openvino_ir._convert(broken)
    missing = openvino_ir.Availability(usable=False, reason="it is not installed")
    monkeypatch.setattr(openvino_ir.openvino, "availability", lambda: missing)
    with pytest.raises(MissingExtra, match=r"edgeenh\[openvino\]"):
        openvino_ir.require_openvino()
