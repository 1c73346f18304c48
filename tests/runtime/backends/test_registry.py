import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.backends import AUTO, NAMES, SessionOptions, all_backends, get_backend
from edgeenh.backends.base import PRECISIONS
from edgeenh.backends.contract import check_contract, check_fixed_size, graph_precision, prove_identity
from edgeenh.backends.fake import FakeSession
from edgeenh.errors import InferenceFailed, InputError, IntegrityError, UsageError
from edgeenh.pixels import GREY

GOOD = {"image": ("u8", [1, -1, "width", 3]), "strength": ("f32", [1]), "enhanced": ("u8", [1, 16, 16, 3])}
DTYPES = {"uint8": "u8", "float32": "f32"}


@pytest.mark.parametrize("name", NAMES)
def test_every_backend_offers_the_same_names_and_answers_without_raising(name):
    backend = all_backends()[name]
    found = backend.availability()
    assert name == backend.NAME
    assert set(backend.PRECISIONS) <= set(PRECISIONS)
    assert found.usable == (not found.reason)
    assert found.usable == (not found.fix)
    assert found.usable <= bool(found.version)


def test_fake_is_never_chosen_by_auto():
    assert set(NAMES) - set(AUTO) == {"fake"}


@pytest.mark.parametrize("name", ["", "auto", "ONNXRUNTIME", "../fake", "select"])
def test_unknown_backend_lists_the_known(name):
    with pytest.raises(UsageError, match=f"choose auto or one of {', '.join(NAMES)}"):
        get_backend(name)


def test_bf16_is_made_from_the_fp32_graph():
    assert [graph_precision(name) for name in PRECISIONS] == ["fp32", "fp16", "fp32", "int8"]


def test_contract_is_accepted_dynamic_and_fixed():
    check_contract(GOOD, DTYPES)
    check_fixed_size(GOOD["image"][1], 48, 64)


@given(
    name=st.sampled_from(sorted(GOOD)),
    dtype=st.sampled_from(["u8", "f32", "f16"]),
    shape=st.lists(st.sampled_from([0, 1, 2, 3, 4, -1, None, "n"]), max_size=5),
)
def test_any_other_tensor_breaks_the_contract(name, dtype, shape):
    dynamic = len(shape) == 4 and shape[0] == 1 and shape[3] == 3
    fits = {"image": dtype == "u8" and dynamic, "enhanced": dtype == "u8" and dynamic}
    fits["strength"] = dtype == "f32" and shape == [1]
    tensors = {**GOOD, name: (dtype, shape)}
    if fits[name]:
        check_contract(tensors, DTYPES)
        return
    with pytest.raises(IntegrityError, match="graph contract"):
        check_contract(tensors, DTYPES)


@pytest.mark.parametrize("change", [{"extra": ("u8", [1])}, {"image": None}])
def test_missing_or_extra_tensor_breaks_the_contract(change):
    tensors = {name: tensor for name, tensor in {**GOOD, **change}.items() if tensor}
    with pytest.raises(IntegrityError, match="export it again"):
        check_contract(tensors, DTYPES)


def test_fake_brightens_and_says_that_it_is_no_model(make_model, picture, brightened):
    session = get_backend("fake").open_session(make_model(), SessionOptions(48, 64, "bf16"))
    out = np.empty_like(picture)
    session.run(picture, 0.5, out)
    assert np.array_equal(out, brightened(picture, 0.5))
    assert session.info.provider == "no model"
    with pytest.raises(InputError):
        session.run(picture, 0.5, picture)
    session.close()
    with pytest.raises(InferenceFailed, match="closed"):
        session.run(picture, 0.5, out)


def test_fake_that_raises_plays_a_failing_backend(picture):
    def fail(image, strength, out):
        raise ValueError("played")

    session = FakeSession(SessionOptions(48, 64, "fp32"), fail)
    with pytest.raises(InferenceFailed, match="played"):
        session.run(picture, 1.0, np.empty_like(picture))


def test_the_contract_of_grey_is_one_channel_of_float():
    grey = {"image": ("f32", [1, -1, "width", 1]), "strength": ("f32", [1]), "enhanced": ("f32", [1, -1, -1, 1])}
    check_contract(grey, DTYPES, GREY)
    with pytest.raises(IntegrityError, match=r"expected image uint8 \[1,H,W,3\]"):
        check_contract(grey, DTYPES)
    with pytest.raises(IntegrityError, match=r"expected image float32 \[1,H,W,1\]"):
        check_contract(GOOD, DTYPES, GREY)


def test_the_fake_brightens_grey_too():
    session = FakeSession(SessionOptions(16, 16, "fp32"), pixels=GREY)
    image, out = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16, 1), np.empty((16, 16, 1), np.float32)
    session.run(image, 0.5, out)
    assert np.allclose(out, np.minimum(image + 20 / 255, 1))
    prove_identity(session, GREY, 16, 16)
