import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.padding import crop_into, pad, pad_into, padded_size


@given(height=st.integers(1, 200), width=st.integers(1, 200), multiple=st.sampled_from([1, 2, 16, 32]))
def test_padded_size_is_the_smallest_multiple_that_holds_the_frame(height, width, multiple):
    for side, padded in zip((height, width), padded_size(height, width, multiple), strict=True):
        assert padded % multiple == 0
        assert side <= padded < side + multiple


@given(height=st.integers(16, 60), width=st.integers(16, 60), seed=st.integers(0, 9))
def test_padding_mirrors_without_the_edge_and_crops_back(height, width, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    padded = pad(image, 16)
    bottom, right = padded.shape[0] - height, padded.shape[1] - width
    assert np.array_equal(padded, np.pad(image, ((0, bottom), (0, right), (0, 0)), mode="reflect"))
    out = np.empty_like(image)
    crop_into(padded, out)
    assert np.array_equal(out, image)


def test_a_multiple_is_not_copied(make_picture):
    image = make_picture(48, 64)
    assert pad(image, 16) is image


def test_every_byte_of_the_target_is_written(make_picture):
    image, padded = make_picture(50, 70), np.full((64, 80, 3), 0xA5, np.uint8)
    pad_into(image, padded)
    assert np.array_equal(padded, pad(image, 16))


@pytest.mark.parametrize("shape", [(48, 128, 3), (96, 64, 3), (32, 64, 3)])
def test_a_mirror_larger_than_the_frame_is_refused(make_picture, shape):
    with pytest.raises(ValueError, match="cannot be mirrored"):
        pad_into(make_picture(48, 64), np.empty(shape, np.uint8))


@given(height=st.integers(16, 60), width=st.integers(16, 60), seed=st.integers(0, 9))
def test_one_channel_of_float_is_mirrored_too(height, width, seed):
    image = np.random.default_rng(seed).random((height, width, 1), dtype=np.float32)
    padded = pad(image, 16)
    bottom, right = padded.shape[0] - height, padded.shape[1] - width
    assert padded.dtype == np.float32
    assert np.array_equal(padded, np.pad(image, ((0, bottom), (0, right), (0, 0)), mode="reflect"))
