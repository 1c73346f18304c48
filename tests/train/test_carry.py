"""Enlarging in the layout of frames gives what the transposed convolution with the bilinear kernel gives."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeenh_train.networks.blocks import BilinearDeconv
from edgeenh_train.networks.carry import FrameCarry


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(1, 7), st.sampled_from([1, 3]), st.sampled_from([2, 4, 8]), st.integers(0, 2**31))
def test_it_equals_the_bilinear_deconvolution(rows, columns, channels, factor, seed):
    cells = torch.rand(1, channels, rows + 2, columns + 2, generator=torch.Generator().manual_seed(seed))
    expected = BilinearDeconv(channels, factor)(cells, margin=1).permute(0, 2, 3, 1)
    found = FrameCarry(channels, factor)(cells)
    assert found.shape == (rows, factor, columns * factor * channels)
    torch.testing.assert_close(found.reshape(expected.shape), expected, atol=1e-6, rtol=0)


def test_a_flat_field_stays_flat_within_one_unit_in_the_last_place():
    cells = torch.full((1, 3, 5, 6), 0.3)

    torch.testing.assert_close(FrameCarry(3, 8)(cells), torch.full((3, 8, 96), 0.3), atol=6e-8, rtol=0)


def test_cells_that_are_not_continued_are_too_few():
    with pytest.raises(RuntimeError):
        FrameCarry(3, 8).columns(torch.rand(1, 3, 3, 2))
