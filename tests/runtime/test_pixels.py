import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.pixels import GREY, KINDS, MAX_BITS, MIN_BITS, RGB, from_unit, photometric_of, to_unit, top_of

BITS = st.integers(MIN_BITS, MAX_BITS)


@given(BITS)
def test_every_value_of_every_depth_comes_back(bits):
    values = np.arange(top_of(bits) + 1, dtype=np.uint8 if bits == 8 else np.uint16).reshape(16, -1)
    unit = to_unit(values, bits)
    assert (unit.dtype, unit.shape) == (np.float32, (*values.shape, 1))
    assert (float(unit.min()), float(unit.max())) == (0.0, 1.0)
    back = np.empty_like(values)
    from_unit(unit, bits, back)
    assert np.array_equal(back, values)


@given(BITS, st.floats(-0.49, 0.49))
def test_what_lies_within_half_a_step_becomes_the_nearest_value(bits, off):
    values = np.arange(1, top_of(bits), dtype=np.uint16).reshape(1, -1)
    unit = ((values + off) / top_of(bits)).astype(np.float32)[..., None]
    back = np.empty_like(values)
    from_unit(unit, bits, back)
    assert np.array_equal(back, values)


@given(BITS)
def test_brighter_stays_brighter(bits):
    unit = to_unit(np.arange(top_of(bits) + 1, dtype=np.uint16)[None], bits)
    assert (np.diff(unit.reshape(-1)) > 0).all()


def test_a_dimension_of_one_and_a_view_are_taken_as_they_are():
    wide = np.arange(48 * 128, dtype=np.uint16).reshape(48, 128)
    view, back = wide[::2, ::2, None], np.empty((24, 64, 1), np.uint16)
    from_unit(to_unit(view, 16), 16, back)
    assert np.array_equal(back, view)


@pytest.mark.parametrize(
    ("shape", "dtype", "kind"),
    [
        ((4, 4, 3), np.uint8, "RGB"),
        ((4, 4), np.uint8, "grey"),
        ((4, 4, 1), np.uint16, "grey"),
        ((4, 4, 3), np.uint16, ""),
        ((4, 4), np.float32, ""),
        ((4, 4), np.int16, ""),
        ((4, 4, 2), np.uint8, ""),
        ((4,), np.uint8, ""),
    ],
)
def test_arrays_are_told_apart(shape, dtype, kind):
    assert photometric_of(np.zeros(shape, dtype)) == kind


def test_the_two_kinds_say_what_they_are():
    assert (RGB.top, GREY.top) == (255, 65535)
    assert (RGB.describe(), GREY.describe()) == ("uint8 [1,H,W,3]", "float32 [1,H,W,1]")
    assert "bits" not in RGB.to_json()  # as every bundle for colour says it
    assert GREY.to_json()["bits"] == [8, 16]
    assert len({kind.photometric for kind in KINDS}) == 2
