import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import edgeenh
from edgeenh import slots
from edgeenh.backends import fake
from edgeenh.backends.fake import FakeSession, brighten
from edgeenh.enhancer import Enhancer, load
from edgeenh.errors import BackendUnavailable, InferenceFailed, InputError, IntegrityError, PictureError, UsageError


class Watched:
    """A backend that brightens and notes what it is asked."""

    NAME, PRECISIONS, EXTRA = "watched", ("fp32", "fp16"), ""
    availability = staticmethod(fake.availability)

    def __init__(self, enhance=brighten):
        self.opened, self.closed, self.seen, self._enhance = [], [], [], enhance

    def open_session(self, model, options):
        size = (options.height, options.width)
        self.opened.append(size)

        def enhance(image, strength, out):
            self.seen.append((image, out))
            self._enhance(image, strength, out)

        session = FakeSession(options, enhance)
        close = session.close
        session.close = lambda: (self.closed.append(size), close())
        return session


@pytest.fixture
def backend():
    return Watched()


@pytest.fixture
def enhancer(tiny_bundle, backend):
    with Enhancer(tiny_bundle, backend=backend) as made:
        yield made


def test_the_real_thing_from_a_file(tiny_bundle_path, make_picture, brightened):
    image = make_picture(50, 75)
    with edgeenh.load(tiny_bundle_path, backend="onnxruntime", precision="fp32", threads=1) as enhancer:
        assert np.array_equal(enhancer(image), brightened(image))
        assert np.array_equal(enhancer(image, 0.0), image)
        provenance = enhancer.provenance(0.5)
    assert (provenance.backend, provenance.precision, provenance.strength) == ("onnxruntime", "fp32", 0.5)
    assert provenance.bundle_sha256 == enhancer.bundle.sha256
    assert provenance.engine_sha256 == enhancer.bundle.model("fp32").sha256


def test_auto_chooses_once_and_says_how(tiny_bundle, make_picture, brightened, tmp_path):
    image = make_picture(48, 64)
    with Enhancer(tiny_bundle, threads=1, cache_dir=tmp_path) as enhancer:
        assert enhancer.choice is None
        assert np.array_equal(enhancer(image), brightened(image))
        choice = enhancer.choice
        enhancer(make_picture(96, 64))
        assert enhancer.choice is choice
        assert (enhancer.info.backend, enhancer.info.precision) == choice[:2]
    with Enhancer(tiny_bundle, threads=1, cache_dir=tmp_path) as enhancer:
        enhancer.prepare(48, 64)
        assert enhancer.choice.report.remembered


def test_a_named_backend_chooses_only_its_precision(tiny_bundle, picture):
    with Enhancer(tiny_bundle, backend="onnxruntime", threads=1) as enhancer:
        enhancer(picture)
        assert {c.backend for c in enhancer.choice.report.candidates} == {"onnxruntime"}
    with Enhancer(tiny_bundle, backend="fake") as enhancer:
        enhancer(picture)
        assert enhancer.choice is None
        assert enhancer.info.provider == "no model"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(height=st.integers(16, 100), width=st.integers(16, 100))
def test_any_size_is_enhanced_as_its_pixels_ask(enhancer, make_picture, brightened, height, width):
    image = make_picture(height, width)
    before = image.copy()
    assert np.array_equal(enhancer(image), brightened(image))
    assert np.array_equal(image, before)


def test_a_multiple_goes_to_the_backend_without_a_copy(enhancer, backend, picture):
    out = np.empty_like(picture)
    enhancer.enhance_into(picture, out)
    seen_image, seen_out = backend.seen[-1]
    assert np.shares_memory(seen_image, picture)
    assert np.shares_memory(seen_out, out)


def test_a_view_that_is_not_contiguous_is_enhanced_too(enhancer, make_picture, brightened):
    for view in (make_picture(48, 64)[..., ::-1], make_picture(96, 128)[::2, ::2], make_picture(64, 100)[3:, 5:]):
        assert np.array_equal(enhancer(view), brightened(view))


def test_results_are_new_arrays_owned_by_the_caller(enhancer, make_picture):
    first = enhancer(make_picture(50, 70, seed=1))
    kept = first.copy()
    enhancer(make_picture(50, 70, seed=2))
    assert np.array_equal(first, kept)


def test_two_sizes_stay_open_and_the_one_used_longest_ago_goes(enhancer, backend, make_picture):
    for height in (48, 64, 48, 50, 80):  # 50 is padded to 64
        enhancer(make_picture(height, 64))
    assert backend.opened == [(48, 64), (64, 64), (80, 64)]
    assert backend.closed == [(48, 64)]


def test_prepare_opens_and_warms_so_that_a_frame_opens_nothing(enhancer, backend, picture):
    info = enhancer.prepare(47, 60)
    assert info is enhancer.info
    assert len(backend.seen) == slots.WARM_UP
    enhancer.prepare(47, 60)
    assert len(backend.seen) == slots.WARM_UP  # ready already
    enhancer(picture)
    assert backend.opened == [(48, 64)]


def test_strength_is_the_calls_or_the_enhancers(tiny_bundle, backend, picture, brightened):
    with Enhancer(tiny_bundle, backend=backend, strength=0.5) as enhancer:
        assert np.array_equal(enhancer(picture), brightened(picture, 0.5))
        assert np.array_equal(enhancer(picture, 1), brightened(picture))
        assert enhancer.provenance().strength == 0.5


@pytest.mark.parametrize("strength", [-0.1, 1.01, float("nan"), float("inf"), "1", None])
def test_a_strength_outside_0_to_1_is_refused(tiny_bundle, strength):
    with pytest.raises(UsageError, match="from 0"):
        Enhancer(tiny_bundle, backend="fake", strength=strength)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((1, 1, 3), np.uint8), "1x1, expected at least 16x16"),
        (np.zeros((16, 600, 3), np.uint8), "600x16, expected at most 512x512"),
        (np.zeros((48, 64), np.uint8), r"uint8 \[48, 64\]"),
        (np.zeros((48, 64, 4), np.uint8), r"uint8 \[48, 64, 4\]"),
        (np.zeros((48, 64, 3), np.uint16), "uint16"),
        (np.zeros((0, 64, 3), np.uint8), "64x0, expected at least"),
        ([[1, 2, 3]], "a list"),
        (None, "a NoneType"),
    ],
)
def test_a_frame_of_the_wrong_kind_is_refused_before_anything_is_opened(enhancer, backend, image, words):
    with pytest.raises(PictureError, match=words):
        enhancer(image)
    assert backend.opened == []


def test_prepare_refuses_the_sizes_that_frames_are_refused_for(enhancer):
    with pytest.raises(PictureError, match="at least 16x16"):
        enhancer.prepare(15, 16)


def test_a_fixed_bundle_takes_what_pads_to_its_size_and_nothing_else(make_bundle, make_picture, brightened):
    with Enhancer(make_bundle(fixed=(64, 48)), backend="onnxruntime", precision="fp32") as enhancer:
        image = make_picture(47, 60)
        assert np.array_equal(enhancer(image), brightened(image))
        with pytest.raises(PictureError, match="80x48 and this bundle was exported for 64x48 only"):
            enhancer(make_picture(48, 80))


def test_out_that_cannot_be_written_is_refused(enhancer, picture):
    read_only = np.empty_like(picture)
    read_only.flags.writeable = False
    for out in (picture, picture[::-1], np.empty((48, 64, 3), np.int8), np.empty((2, 2, 3), np.uint8), read_only, None):
        with pytest.raises(InputError, match=r"numpy\.empty_like"):
            enhancer.enhance_into(picture, out)


def test_arguments_are_checked_when_it_is_made(tiny_bundle):
    for wrong in (
        {"backend": "directml"},
        {"precision": "fp8"},
        {"precision": "int8"},
        {"threads": 0},
        {"device": "tpu"},
    ):
        with pytest.raises(UsageError):
            Enhancer(tiny_bundle, **wrong)


def test_a_precision_that_a_backend_lacks_is_unavailable_not_replaced(tiny_bundle, picture):
    with (
        Enhancer(tiny_bundle, backend="onnxruntime", precision="bf16") as enhancer,
        pytest.raises(BackendUnavailable, match="bf16"),
    ):
        enhancer(picture)


def test_a_failing_frame_raises_and_the_next_may_succeed(tiny_bundle, picture, brightened):
    failures = iter([RuntimeError("lost"), None])

    def enhance(image, strength, out):
        if error := next(failures):
            raise error
        brighten(image, strength, out)

    with Enhancer(tiny_bundle, backend=Watched(enhance)) as enhancer:
        with pytest.raises(InferenceFailed, match="lost"):
            enhancer(picture)
        assert np.array_equal(enhancer(picture), brightened(picture))


def test_provenance_before_the_first_frame_is_not_made_up(enhancer):
    assert enhancer.info is None
    with pytest.raises(UsageError, match="prepare"):
        enhancer.provenance()


def test_closing_closes_every_session_and_twice_is_allowed(tiny_bundle, backend, picture, make_picture):
    enhancer = Enhancer(tiny_bundle, backend=backend)
    enhancer(picture)
    enhancer(make_picture(64, 64))
    enhancer.close()
    enhancer.close()
    assert backend.closed == [(48, 64), (64, 64)]
    with pytest.raises(InferenceFailed, match="closed"):
        enhancer(picture)


def test_calls_from_several_threads_wait_for_each_other(tiny_bundle, make_picture, brightened):
    inside, most = [], []

    def enhance(image, strength, out):
        inside.append(1)
        most.append(len(inside))
        brighten(image, strength, out)
        inside.pop()

    image = make_picture(50, 70)
    results = []
    with Enhancer(tiny_bundle, backend=Watched(enhance)) as enhancer:
        threads = [threading.Thread(target=lambda: results.append(enhancer(image))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert max(most) == 1
    assert all(np.array_equal(result, brightened(image)) for result in results)
    assert len(results) == 8


def test_a_missing_or_damaged_bundle_is_told_apart(tmp_path, tiny_bundle_path):
    with pytest.raises(InputError, match="there is no bundle"):
        load(tmp_path / "no.edgeenh")
    data = bytearray(tiny_bundle_path.read_bytes())
    data[len(data) // 2] ^= 1
    damaged = tmp_path / "damaged.edgeenh"
    damaged.write_bytes(data)
    with pytest.raises(IntegrityError, match="damaged"):
        load(damaged)


@pytest.mark.parametrize("backend", [5, None])
def test_a_backend_that_is_none_is_refused_at_once(tiny_bundle, backend):
    with pytest.raises(UsageError, match="give a name such as 'auto'"):
        Enhancer(tiny_bundle, backend=backend)
