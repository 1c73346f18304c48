"""What every backend that runs on a CPU must do, run on the real libraries."""

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest

from edgeenh.backends import Model, SessionOptions, get_backend
from edgeenh.errors import BackendUnavailable, InferenceFailed, InputError, IntegrityError
from edgeenh.pixels import GREY, RGB

SIZE = {"height": 48, "width": 64}
LIBRARIES = ["onnxruntime", "openvino"]


@pytest.fixture(params=LIBRARIES)
def backend(request):
    found = get_backend(request.param)
    if not found.availability().usable:
        pytest.skip(found.availability().reason)
    return found


def test_fp32_session_computes_the_graph_and_reads_back_what_it_uses(backend, make_model, picture, brightened):
    model = make_model()
    session = backend.open_session(model, SessionOptions(**SIZE, precision="fp32", threads=1))
    out = np.empty_like(picture)
    session.run(picture, 0.5, out)
    assert np.array_equal(out, brightened(picture, 0.5))
    assert session.info.backend == backend.NAME
    assert session.info.precision == "fp32"
    assert session.info.device == "CPU (1 threads)"
    assert session.info.version == backend.availability().version
    assert session.info.engine_sha256 == model.sha256
    session.close()


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_strength_zero_is_the_input_bit_for_bit_in_every_precision(backend, precision, make_model, make_picture):
    if precision not in backend.PRECISIONS:
        pytest.skip(f"{backend.NAME} has no {precision}")
    picture = make_picture(48, 64, seed=3)
    picture[0, :, 0] = np.arange(64) * 4  # every level matters, not only those of the picture
    model = make_model("fp32" if precision == "bf16" else precision)
    try:
        session = backend.open_session(model, SessionOptions(**SIZE, precision=precision))
    except BackendUnavailable as exc:
        pytest.skip(str(exc))
    out = np.empty_like(picture)
    session.run(picture, 0.0, out)
    assert np.array_equal(out, picture)
    assert session.info.precision == precision


def test_the_parts_of_a_run_are_told_in_their_order(backend, make_model, picture):
    session = backend.open_session(make_model(), SessionOptions(**SIZE, precision="fp32"))
    told = []
    session.lap = told.append
    session.run(picture, 1.0, np.empty_like(picture))
    assert told == ["enqueue", "compute"]


def test_every_frame_has_its_own_strength(backend, make_model, picture, brightened):
    session = backend.open_session(make_model(), SessionOptions(**SIZE, precision="fp32"))
    out = np.empty_like(picture)
    for strength in (0.0, 1.0, 0.3, 0.3, 0.0):
        session.run(picture, strength, out)
        assert np.array_equal(out, brightened(picture, strength))


def test_session_keeps_nothing_of_the_arrays_it_was_given(backend, make_model, make_picture, brightened):
    session = backend.open_session(make_model(), SessionOptions(**SIZE, precision="fp32"))
    first, second = make_picture(48, 64, seed=1), make_picture(48, 64, seed=2)
    outs = [np.empty_like(first), np.empty_like(first)]
    session.run(first, 1.0, outs[0])
    kept = outs[0].copy()
    session.run(second, 1.0, outs[1])
    assert np.array_equal(outs[0], kept)
    assert np.array_equal(outs[1], brightened(second))
    assert np.array_equal(first, make_picture(48, 64, seed=1))


def test_arrays_that_cannot_be_used_by_pointer_are_refused(backend, make_model, picture):
    session = backend.open_session(make_model(), SessionOptions(**SIZE, precision="fp32"))
    out = np.empty_like(picture)
    read_only = np.empty_like(picture)
    read_only.flags.writeable = False
    wrong = [
        (picture[:32], out),
        (picture.astype(np.float32), out),
        (picture[..., ::-1], out),
        (picture, out[:, :32]),
        (picture, read_only),
        (picture, picture),
    ]
    for image, target in wrong:
        with pytest.raises(InputError):
            session.run(image, 1.0, target)


def test_closed_session_refuses_and_closes_twice(backend, make_model, picture):
    session = backend.open_session(make_model(), SessionOptions(**SIZE, precision="fp32"))
    session.close()
    session.close()
    with pytest.raises(InferenceFailed, match="closed"):
        session.run(picture, 1.0, np.empty_like(picture))


@pytest.mark.parametrize("data", [b"", b"no model at all", b"\x08\x0a" + b"\xff" * 64])
def test_bytes_that_are_no_model_are_an_integrity_error(backend, data):
    with pytest.raises(IntegrityError, match="bad 1"):
        backend.open_session(Model("bad 1", data, "fp32", "0" * 64), SessionOptions(**SIZE, precision="fp32"))


def test_model_that_breaks_the_contract_is_an_integrity_error(backend, contract_onnx):
    data = contract_onnx().replace(b"strength", b"strangth")
    with pytest.raises(IntegrityError, match=r"found .*strangth.*expected image uint8 \[1,H,W,3\]"):
        backend.open_session(Model("odd", data, "fp32", "0" * 64), SessionOptions(**SIZE, precision="fp32"))


def test_model_of_another_fixed_size_is_refused_with_both_sizes(backend, make_model, picture, brightened):
    model = make_model(fixed=(64, 48))
    with pytest.raises(InputError, match="64x48 only and the frame is 96x80"):
        backend.open_session(model, SessionOptions(height=80, width=96, precision="fp32"))
    session = backend.open_session(model, SessionOptions(**SIZE, precision="fp32"))
    out = np.empty_like(picture)
    session.run(picture, 1.0, out)
    assert np.array_equal(out, brightened(picture))


def test_precision_of_another_graph_is_refused_not_replaced(backend, make_model):
    with pytest.raises(BackendUnavailable, match=r"fp16.*choose --precision fp32"):
        backend.open_session(make_model("fp32"), SessionOptions(**SIZE, precision="fp16"))


def test_cuda_is_refused_where_there_is_none(backend, make_model):
    if "CUDA" in backend.availability().devices:
        pytest.skip("this machine has CUDA")
    with pytest.raises(BackendUnavailable, match="choose --device cpu"):
        backend.open_session(make_model(), SessionOptions(**SIZE, precision="fp32", device="cuda"))


@pytest.mark.parametrize("name", LIBRARIES)
def test_nothing_is_reported_over_the_network_or_left_in_the_home(name, tmp_path, make_model):
    """Both libraries report their use when they are imported, and keep an identifier in the home."""
    if not get_backend(name).availability().usable:
        pytest.skip(f"{name} is not installed")
    (tmp_path / "model.onnx").write_bytes(make_model().onnx)
    code = (
        "import sys, pathlib; from edgeenh.backends import *; "
        "data = pathlib.Path(sys.argv[1]).read_bytes(); "
        f"session = get_backend({name!r}).open_session(Model('m', data, 'fp32', '0' * 64), SessionOptions(48, 64, 'fp32')); "
        "assert not [m for m in sys.modules if m.startswith('openvino_telemetry')]"
    )
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    for variable in ("CI", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"):
        environment.pop(variable, None)
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path / "model.onnx")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.rglob("*")) == []


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_grey_goes_in_and_out_as_float(backend, precision, make_model):
    try:
        session = backend.open_session(make_model(precision, grey=True), SessionOptions(**SIZE, precision=precision))
    except BackendUnavailable as exc:
        pytest.skip(str(exc))
    image = np.linspace(0, 1, 48 * 64, dtype=np.float32).reshape(48, 64, 1)
    out = np.empty_like(image)
    session.run(image, 1.0, out)
    assert np.abs(out - np.clip(image + 40 / 255, 0, 1)).max() < (2e-5 if precision == "fp32" else 1e-3)
    with pytest.raises(InputError, match="this session takes float32"):
        session.run(np.zeros((48, 64, 1), np.uint8), 1.0, out)
    with pytest.raises(InputError, match=r"takes float32 \[48,64,1\]"):
        session.run(np.zeros((48, 64, 3), np.float32), 1.0, out)


@pytest.mark.parametrize("grey", [True, False])
def test_a_graph_of_the_other_kind_breaks_the_contract(backend, make_model, grey):
    model = dataclasses.replace(make_model(grey=grey), pixels=RGB if grey else GREY)
    with pytest.raises(IntegrityError, match="graph contract"):
        backend.open_session(model, SessionOptions(**SIZE, precision="fp32"))
