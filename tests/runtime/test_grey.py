"""A bundle for grey from the array to the array: depths, the identity at strength 0, and what is refused."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeenh.backends import fake
from edgeenh.backends.fake import FakeSession, brighten
from edgeenh.backends.select import choose
from edgeenh.enhancer import Enhancer, load
from edgeenh.errors import BackendUnavailable, InferenceFailed, InputError, PictureError, UsageError
from edgeenh.pixels import GREY, RGB, top_of

same_fixture = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


class Playing:
    """A backend for grey that does what `enhance` does."""

    NAME, PRECISIONS, EXTRA = "playing", ("fp32",), ""
    availability = staticmethod(fake.availability)

    def __init__(self, enhance):
        self._enhance, self.closed = enhance, 0

    def open_session(self, model, options):
        session = FakeSession(options, self._enhance, pixels=model.pixels)
        close = session.close

        def count():
            self.closed += 1
            close()

        session.close = count
        return session


@pytest.fixture(scope="module")
def enhancer(grey_bundle_path):
    with load(grey_bundle_path, backend="onnxruntime", precision="fp32", threads=1) as made:
        yield made


@given(bits=st.integers(8, 16))
@same_fixture
def test_strength_0_gives_every_value_of_every_depth_back(enhancer, bits):
    values = np.arange(top_of(bits) + 1, dtype=np.uint8 if bits == 8 else np.uint16).reshape(
        -1, min(256, 1 << bits // 2)
    )
    back = enhancer(values, 0.0, bits=bits)
    assert (back.dtype, back.shape) == (values.dtype, values.shape)
    assert np.array_equal(back, values)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_strength_0_gives_every_16_bit_value_back_in_both_precisions(grey_bundle_path, precision):
    values = np.random.default_rng(0).permutation(65536).astype(np.uint16).reshape(256, 256)
    with load(grey_bundle_path, backend="onnxruntime", precision=precision, threads=1) as made:
        assert np.array_equal(made(values, 0.0), values)


@given(height=st.integers(16, 90), width=st.integers(16, 90), bits=st.integers(8, 16))
@same_fixture
def test_any_size_and_depth_is_enhanced_as_its_pixels_ask(enhancer, make_grey, grey_brightened, height, width, bits):
    image = make_grey(height, width, bits)
    before = image.copy()
    enhanced = enhancer(image, bits=bits)
    assert (enhanced.dtype, enhanced.shape) == (image.dtype, image.shape)
    difference = np.abs(enhanced.astype(int) - grey_brightened(image, bits=bits))
    assert difference.max() <= 1  # float32 against double, on the edge between two steps
    assert enhanced.max() <= top_of(bits)
    assert np.array_equal(image, before)


def test_a_third_dimension_of_one_comes_back(enhancer, make_grey):
    image = make_grey(40, 50)
    assert np.array_equal(enhancer(image[..., None])[..., 0], enhancer(image))


def test_a_view_and_memory_of_the_callers_are_taken(enhancer, make_grey):
    view = make_grey(96, 128)[::2, ::2]
    out = np.empty(view.shape, np.uint16)
    enhancer.enhance_into(view, out)
    assert np.array_equal(out, enhancer(view.copy()))
    with pytest.raises(InputError, match=r"out is uint8 \[48, 64\], expected uint16 \[48, 64\]"):
        enhancer.enhance_into(view, np.empty(view.shape, np.uint8))


@pytest.mark.parametrize(
    ("image", "bits", "error", "words"),
    [
        (np.zeros((48, 64, 3), np.uint8), None, PictureError, r"uint8 \[48, 64, 3\], .* grey: .* bundle for colour"),
        (np.zeros((48, 64), np.float32), None, PictureError, r"float32 \[48, 64\], expected a uint8 or uint16 array"),
        (np.zeros((48, 64), np.int16), None, PictureError, "int16"),
        (np.zeros((48, 64, 2), np.uint16), None, PictureError, r"uint16 \[48, 64, 2\]"),
        (np.zeros((8, 64), np.uint16), None, PictureError, "64x8, expected at least 16x16"),
        (np.full((48, 64), 4096, np.uint16), 12, PictureError, "the value 4096, expected at most 4095 with 12 bits"),
        (np.zeros((48, 64), np.uint8), 12, UsageError, "bits is 12 and the frame is uint8"),
        (np.zeros((48, 64), np.uint16), 7, UsageError, "bits is 7 .* expected 8 to 16"),
        (np.zeros((48, 64), np.uint16), 17, UsageError, "bits is 17"),
        (np.zeros((48, 64), np.uint16), 12.0, UsageError, r"bits is 12\.0"),
        (np.zeros((48, 64), np.uint16), True, UsageError, "bits is True"),
    ],
)
def test_a_frame_of_the_wrong_kind_or_depth_is_refused(enhancer, image, bits, error, words):
    with pytest.raises(error, match=words):
        enhancer(image, bits=bits)


def test_a_bundle_for_colour_refuses_grey_and_bits(tiny_bundle, make_grey, picture):
    with Enhancer(tiny_bundle, backend="fake") as colour:
        assert colour.pixels is RGB
        with pytest.raises(PictureError, match=r"uint16 \[48, 64\], expected a uint8 array .* bundle for grey"):
            colour(make_grey(48, 64))
        with pytest.raises(UsageError, match=r"bits is 12 .* expected 8: "):
            colour(picture, bits=12)
        assert np.array_equal(colour(picture, bits=8), colour(picture))


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_auto_chooses_among_backends_that_keep_16_bits(grey_bundle, make_grey, backend, grey_brightened):
    if backend == "openvino":
        pytest.importorskip("openvino")
    with Enhancer(grey_bundle, backend=backend, threads=1) as made:
        assert made.pixels is GREY
        image = make_grey(50, 70)
        assert np.abs(made(image).astype(int) - grey_brightened(image)).max() <= 40
        assert np.array_equal(made(image, 0.0), image)
        assert [one.reason for one in made.choice.report.candidates if one.backend == backend and one.accepted] != []


def test_a_backend_that_rounds_is_refused_by_name_and_closed(grey_bundle, make_grey):
    def in_half(image, strength, out):
        brighten(image.astype(np.float16).astype(np.float32), strength, out)

    backend = Playing(in_half)
    with (
        Enhancer(grey_bundle, backend=backend) as made,
        pytest.raises(BackendUnavailable, match=r"rounds grey pictures .* up to 16 of 65535.*--precision fp32"),
    ):
        made(make_grey(48, 64))
    assert backend.closed == 1


def test_auto_passes_over_a_backend_that_rounds_and_says_why(grey_bundle, monkeypatch):
    def in_half(image, strength, out):
        brighten(image.astype(np.float16).astype(np.float32), strength, out)

    monkeypatch.setattr("edgeenh.backends.select.get_backend", lambda name: Playing(in_half))
    with pytest.raises(BackendUnavailable, match="rounds grey pictures"):
        choose(grey_bundle, 48, 64, backends=("playing",))


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.01, 1.01])
def test_an_output_that_is_no_picture_is_a_failure_and_the_next_may_succeed(grey_bundle, make_grey, value):
    faults = iter([False, True, False])  # the proof, the first frame, the second

    def enhance(image, strength, out):
        brighten(image, strength, out)
        if next(faults):
            out[7, 9] = value

    image = make_grey(48, 64)
    with Enhancer(grey_bundle, backend=Playing(enhance)) as made:
        with pytest.raises(InferenceFailed, match="expected 0 to 1"):
            made(image)
        assert made(image).dtype == np.uint16


def test_an_output_that_was_not_written_is_a_failure(grey_bundle, make_grey):
    calls = []

    def enhance(image, strength, out):
        calls.append(strength)
        if len(calls) != 3:
            brighten(image, strength, out)

    image = make_grey(48, 64)
    with Enhancer(grey_bundle, backend=Playing(enhance)) as made:
        made(image)
        with pytest.raises(InferenceFailed, match="did not write its output"):
            made(image)


def test_prepare_warms_a_grey_session(grey_bundle):
    seen = []

    def enhance(image, strength, out):
        seen.append((image.dtype, image.shape, strength))
        brighten(image, strength, out)

    with Enhancer(grey_bundle, backend=Playing(enhance)) as made:
        made.prepare(47, 60)
        made.prepare(47, 60)
    assert seen == [(np.float32, (48, 64, 1), 0.0), *[(np.float32, (48, 64, 1), 1.0)] * 2]
