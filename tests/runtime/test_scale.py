"""A bundle that enlarges: its manifest, its frames, and what refuses it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from edgeenh.backends.base import Model, SessionOptions
from edgeenh.backends.contract import check_frames, prove_identity
from edgeenh.backends.fake import FakeSession, open_session
from edgeenh.bundle import Bundle, Manifest
from edgeenh.errors import BackendUnavailable, InputError, IntegrityError, UsageError
from edgeenh.gate import self_test
from edgeenh.padding import upscale
from edgeenh.pixels import GREY, RGB
from edgeenh.slots import open_slot
from edgeenh.stream.opening import check_same_size

OPTIONS = SessionOptions(32, 48, "fp32")


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return Bundle.shipped().manifest


def scaled(manifest: Manifest, scale: int) -> Manifest:
    return dataclasses.replace(manifest, generator=dataclasses.replace(manifest.generator, scale=scale))


def test_the_manifest_says_a_scale_and_leaves_out_1(manifest):
    assert Manifest.from_json(scaled(manifest, 2).to_json()).generator.scale == 2
    assert b'"scale"' not in manifest.to_json()
    assert Manifest.from_json(manifest.to_json()).generator.scale == 1


@pytest.mark.parametrize("scale", [0, 9, -2, 1.5])
def test_the_manifest_takes_no_other_scale(manifest, scale):
    with pytest.raises(IntegrityError, match="scale"):
        scaled(manifest, scale).to_json()


def test_a_session_proves_the_size_of_what_it_writes():
    image = np.zeros((32, 48, 3), np.uint8)
    check_frames(image, np.zeros((64, 96, 3), np.uint8), image.shape, scale=2)
    with pytest.raises(InputError, match=r"out is uint8 \[32,48,3\]; this session takes uint8 \[64,96,3\]"):
        check_frames(image, image.copy(), image.shape, scale=2)


def test_a_frame_that_is_no_multiple_is_padded_enlarged_and_cropped():
    model = Model("toy", b"", "fp32", "0" * 64, scale=2)
    slot = open_slot(open_session(model, OPTIONS), (32, 48), RGB, 2)
    image = np.random.default_rng(0).integers(0, 200, (31, 45, 3), np.uint8)
    out = np.zeros((62, 90, 3), np.uint8)
    slot.run(image, 1.0, out, 8)
    assert np.array_equal(out, (image + 40).clip(0, 255).repeat(2, axis=0).repeat(2, axis=1))


def test_grey_that_rounds_is_found_out_when_it_enlarges_too():
    def exact(image, strength, out):
        np.copyto(out, image)

    def rounded(image, strength, out):
        np.copyto(out, image.astype(np.float16))

    class Enlarging(FakeSession):
        def __init__(self, enhance):
            super().__init__(OPTIONS, enhance, pixels=GREY)
            self._scale, self._enhance = 2, lambda image, strength, out: enhance(upscale(image, 2), strength, out)

    prove_identity(Enlarging(exact), GREY, 32, 48, 2)
    with pytest.raises(BackendUnavailable, match="rounds grey pictures"):
        prove_identity(Enlarging(rounded), GREY, 32, 48, 2)


def test_the_gates_self_test_knows_the_enlarged_frame():
    def double(image, strength):
        return upscale(image, 2)

    def shifted(image, strength):
        return np.roll(upscale(image, 2), 1, axis=1)

    assert self_test(double, RGB, (48, 48), 0.5, 2).faults == ()
    assert "expected the input enlarged" in self_test(shifted, RGB, (48, 48), 0.5, 2).faults[0]
    assert "comes back as uint8 [48, 48, 3]" in self_test(lambda image, _: image, RGB, (48, 48), 0.5, 2).faults[0]


def test_a_stream_shows_frames_of_one_size_only():
    class Doubling:
        scale = 2

    with pytest.raises(UsageError, match="use `edgeenh enhance`"):
        check_same_size(Doubling())
    check_same_size(object())


def test_upscaling_by_bilinear_interpolation_is_that_of_opencv():
    import cv2

    image = np.random.default_rng(0).random((13, 17, 3), np.float32)
    np.testing.assert_allclose(upscale(image, 3), cv2.resize(image, None, fx=3, fy=3), atol=1e-6)
