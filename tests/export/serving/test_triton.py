"""Triton model repositories, read with Triton's own schema."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.bundle import Bundle, Engine, Profile
from edgeenh.bundle.writer import write_bundle
from edgeenh.errors import UsageError
from edgeenh_export.serving import triton
from edgeenh_export.serving.folders import write_models
from edgeenh_export.serving.pbtxt import Word, to_text


@pytest.fixture(scope="module")
def repository(bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("triton") / "models"
    write_models(folder, triton.onnx_models(bundle))
    return folder


def test_triton_accepts_every_configuration(repository, parse, bundle):
    names = sorted(path.name for path in repository.iterdir())
    assert names == [f"dental-n-{precision}" for precision in sorted(bundle.precisions)]
    for name in names:
        config = parse(repository / name / "config.pbtxt")
        assert (config.name, config.backend, config.max_batch_size) == (name, "onnxruntime", 0)
        assert [(one.name, one.data_type, list(one.dims)) for one in config.input] == [
            ("image", 2, [1, -1, -1, 3]),  # 2 is TYPE_UINT8
            ("strength", 11, [1]),  # 11 is TYPE_FP32
        ]
        assert [(one.name, one.data_type, list(one.dims)) for one in config.output] == [("enhanced", 2, [1, -1, -1, 3])]
        assert config.version_policy.latest.num_versions == 1
        assert [(one.count, one.kind) for one in config.instance_group] == [(1, 1)]  # 1 is KIND_GPU
        assert config.parameters["edgeenh.size_multiple"].string_value == "8"


def test_the_configuration_is_that_of_the_graph_beside_it(repository, parse, bundle):
    """What the configuration says of tensors is what ONNX Runtime says of the file, and the warm-up runs through it."""
    types = {2: "tensor(uint8)", 11: "tensor(float)"}
    for folder in repository.iterdir():
        config = parse(folder / "config.pbtxt")
        file = folder / "1" / config.default_model_filename
        assert file.read_bytes() == bundle.model(folder.name.rsplit("-", 1)[1]).onnx
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        for told, real in zip(config.input, session.get_inputs(), strict=True):
            assert (told.name, types[told.data_type]) == (real.name, real.type)
            assert [side if isinstance(side, int) else -1 for side in real.shape] == list(told.dims)
        (warm_up,) = config.model_warmup
        assert warm_up.batch_size == 1
        feeds = {}
        for name, given_input in warm_up.inputs.items():
            raw = (folder / "warmup" / given_input.input_data_file).read_bytes()
            dtype = {2: np.uint8, 11: np.float32}[given_input.data_type]
            feeds[name] = np.frombuffer(raw, dtype).reshape(given_input.dims)
        (enhanced,) = session.run(["enhanced"], feeds)
        assert enhanced.shape == feeds["image"].shape == (1, 720, 1280, 3)
        assert (enhanced != feeds["image"]).any()


def test_int8_stays_on_the_cpu_and_the_device_is_always_named(bundle, parse, tmp_path):
    (model, *_) = triton.onnx_models(bundle, "cpu", 3)
    (written, *_) = write_models(tmp_path / "models", [model])
    (group,) = parse(written.path.parent / "config.pbtxt").instance_group
    assert (group.count, group.kind) == (3, 2)  # 2 is KIND_CPU
    for kind, instances, words in (("auto", 1, "expected one of gpu, cpu"), ("gpu", 0, "give 1 to 64")):
        with pytest.raises(UsageError, match=words):
            triton.check_kind(kind, instances)


def _engine(bundle, flavour="tensorrt"):
    profile = Profile((16, 16), (640, 480), (1280, 720))
    digest = bundle.manifest.files[bundle.manifest.precisions["fp16"]].sha256
    return Engine("engines/x.plan", flavour, "10.13.3.9", "fp16", digest, "edgeenh/x", profile)


def test_a_plan_of_full_tensorrt_is_a_model_of_its_own(bundle, parse, tmp_path):
    model = triton.plan_model(bundle, _engine(bundle), b"a plan")
    (written,) = write_models(tmp_path / "models", [model])
    assert written.path == tmp_path / "models" / "dental-n-fp16-tensorrt" / "1"
    assert (written.path / "model.plan").read_bytes() == b"a plan"
    config = parse(written.path.parent / "config.pbtxt")
    assert (config.backend, config.default_model_filename) == ("tensorrt", "model.plan")
    assert list(config.model_warmup[0].inputs["image"].dims) == [1, 480, 640, 3]
    about = json.loads((written.path / "edgeenh.json").read_text())
    assert about["plan"]["library"] == "tensorrt 10.13.3.9"
    assert about["bundle"]["sha256"] == bundle.sha256


def test_a_plan_of_rtx_is_refused(bundle):
    with pytest.raises(UsageError, match="this one is of tensorrt_rtx"):
        triton.plan_model(bundle, _engine(bundle, "tensorrt_rtx"), b"a plan")


@pytest.mark.parametrize(("fixed", "scale"), [((640, 480), 1), (None, 2)])
def test_fixed_sizes_and_scales_are_in_the_shapes(bundle, parse, tmp_path, fixed, scale):
    generator = replace(bundle.manifest.generator, fixed_size=fixed, scale=scale)
    model = triton._model(
        _Changed(bundle, generator), "m", "fp32", "onnxruntime", {"model.onnx": b""}, (640, 480), "gpu", 1
    )
    (written,) = write_models(tmp_path / "models", [model])
    config = parse(written.path.parent / "config.pbtxt")
    sides = [480, 640] if fixed else [-1, -1]
    assert list(config.input[0].dims) == [1, *sides, 3]
    assert list(config.output[0].dims) == [1, *sides, 3]
    assert config.parameters["edgeenh.scale"].string_value == str(scale)


class _Changed:
    """A bundle with another generator in its manifest, for layouts alone."""

    def __init__(self, bundle, generator):
        self.manifest, self.sha256, self.golden = (
            replace(bundle.manifest, generator=generator),
            bundle.sha256,
            bundle.golden,
        )


def test_grey_pictures_are_floats(grey_exported, parse, tmp_path):
    (model, *_) = triton.onnx_models(grey_exported.bundle)
    (written, *_) = write_models(tmp_path / "models", [model])
    config = parse(written.path.parent / "config.pbtxt")
    assert (config.input[0].data_type, list(config.input[0].dims)) == (11, [1, -1, -1, 1])
    frame = np.frombuffer((written.path.parent / "warmup" / "image").read_bytes(), np.float32)
    assert (frame.size, frame.min() >= 0, frame.max() <= 1) == (1280 * 720, True, True)


@given(name=st.text(max_size=40), number=st.integers(-(2**31), 2**31 - 1))
def test_any_text_comes_back_as_it_was(triton_schema, name, number):
    from google.protobuf import text_format

    message = {"name": name, "max_batch_size": number, "instance_group": [{"kind": Word("KIND_CPU")}]}
    read = text_format.Parse(to_text(message), triton_schema.ModelConfig())
    assert (read.name, read.max_batch_size, read.instance_group[0].kind) == (name, number, 2)


def test_bundle_written_with_a_plan_is_served_only_where_its_signature_was_demanded(bundle, tmp_path):
    from edgeenh_export.serving.command import _plans_for

    members = {name: bundle.read(name) for name in bundle.members} | {"engines/x.plan": b"a plan"}
    manifest = replace(bundle.manifest, engines=(_engine(bundle),))
    written = write_bundle(tmp_path / "m.edgeenh", manifest, members)
    plans, reason = _plans_for(written, None)
    assert (plans, "--public-key" in reason) == ([], True)
    ((engine, data),), reason = _plans_for(replace(written, trusted=True), None)
    assert (engine.flavour, data, reason) == ("tensorrt", b"a plan", "")
    assert isinstance(written, Bundle)
