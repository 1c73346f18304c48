"""Augmentation on the device: turned and enlarged, the same for a pair, nothing from outside the picture, reproducible."""

from __future__ import annotations

import pytest
import torch

from edgeenh_train.data.augment import augmented
from edgeenh_train.methods import Batch


def ramp(count: int = 4, height: int = 64, width: int = 96, channels: int = 3) -> torch.Tensor:
    """From 0 on the left to 1 on the right: its slope tells angle and scale."""
    return torch.linspace(0, 1, width).expand(count, channels, height, width).clone()


def slopes(pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Across and down, at the middle, in units of the ramp's own."""
    middle = pictures[:, 0, 24:40, 36:60]
    across = (middle[..., 1:] - middle[..., :-1]).mean(dim=(1, 2))
    down = (middle[:, 1:] - middle[:, :-1]).mean(dim=(1, 2))
    return across * 95, down * 95


def batch(seed: int = 5, **pictures: torch.Tensor) -> Batch:
    fields: dict[str, torch.Tensor | None] = dict.fromkeys(("low", "high", "degraded", "truth"))
    return Batch(**(fields | pictures), seed=seed)  # type: ignore[arg-type]


def test_nothing_asked_is_nothing_done() -> None:
    given = batch(low=ramp())
    assert augmented(given, rotate=0.0, zoom=0.0) is given


def test_the_seed_decides_and_the_input_stays() -> None:
    low = ramp()
    before = low.clone()
    one, again = (augmented(batch(low=low), rotate=10.0, zoom=0.3).low for _ in range(2))
    other = augmented(batch(seed=6, low=low), rotate=10.0, zoom=0.3).low
    assert one is not None
    assert torch.equal(one, again)  # type: ignore[arg-type]
    assert not torch.equal(one, other)  # type: ignore[arg-type]
    assert torch.equal(low, before)
    assert len({round(float(value), 4) for value in slopes(one)[0]}) == 4  # every picture has an angle of its own


def test_fields_that_are_none_stay_none_and_the_seed_goes_on() -> None:
    result = augmented(batch(high=ramp()), rotate=5.0, zoom=0.0)
    assert (result.low, result.degraded, result.truth, result.seed) == (None, None, None, 5)


def test_a_pair_is_turned_as_one_and_the_domains_each_on_their_own() -> None:
    result = augmented(batch(low=ramp(), high=ramp(), degraded=0.4 * ramp(), truth=ramp()), rotate=10.0, zoom=0.3)
    assert result.low is not None
    assert result.high is not None
    assert result.degraded is not None
    assert result.truth is not None
    torch.testing.assert_close(result.degraded, 0.4 * result.truth)
    assert not torch.allclose(result.low, result.high)
    assert not torch.allclose(result.high, result.truth)


def test_low_and_high_follow_one_law() -> None:
    result = augmented(batch(low=ramp(200), high=ramp(200)), rotate=10.0, zoom=0.3)
    assert result.low is not None
    assert result.high is not None
    for one, two in zip(slopes(result.low), slopes(result.high), strict=True):
        assert one.mean().item() == pytest.approx(two.mean().item(), abs=0.02)
        assert one.std().item() == pytest.approx(two.std().item(), rel=0.2)


def test_zoom_enlarges_by_up_to_its_factor_and_never_shrinks() -> None:
    result = augmented(batch(low=ramp(100)), rotate=0.0, zoom=0.5).low
    assert result is not None
    across, down = slopes(result)
    scales = 1 / across
    assert 1.0 - 1e-3 <= scales.min() < 1.05
    assert 1.45 < scales.max() <= 1.5 + 1e-3
    assert down.abs().max() < 1e-4
    middle = result.mean(dim=(1, 2, 3))  # which stays where it was
    torch.testing.assert_close(middle, torch.full((100,), 0.5), atol=1e-4, rtol=0)


@pytest.mark.parametrize("degrees", [10.0, 90.0, 180.0])
def test_angles_are_those_asked_for_and_nothing_from_outside_is_shown(degrees: float) -> None:
    result = augmented(batch(low=ramp(300)), rotate=degrees, zoom=0.0).low
    assert result is not None
    across, down = slopes(result)
    angles = torch.rad2deg(torch.atan2(down, across))
    assert 0.9 * degrees < angles.abs().max() <= degrees + 0.5
    assert angles.min() < -0.8 * degrees
    assert angles.max() > 0.8 * degrees
    # the picture is a plane, before and after: a reflected border would bend it
    flat = torch.stack([torch.ones(64, 96), *torch.meshgrid(torch.arange(64.0), torch.arange(96.0), indexing="ij")])
    basis = flat.reshape(3, -1).T
    values = result[:, 0].reshape(300, -1).T
    fitted = basis @ torch.linalg.lstsq(basis, values).solution
    assert (values - fitted).abs().max() < 0.01
    assert 0.0 <= result.min() <= result.max() <= 1.0


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_and_colour_and_half_precision_keep_shape_and_kind(channels: int) -> None:
    result = augmented(batch(low=ramp(2, channels=channels).double()), rotate=10.0, zoom=0.1).low
    assert result is not None
    assert result.shape == (2, channels, 64, 96)
    assert result.dtype == torch.float64


@pytest.mark.gpu
def test_on_the_device_as_on_the_cpu() -> None:
    here = augmented(batch(low=ramp()), rotate=10.0, zoom=0.3).low
    there = augmented(batch(low=ramp()).to(torch.device("cuda")), rotate=10.0, zoom=0.3).low
    assert here is not None
    assert there is not None
    assert there.device.type == "cuda"
    torch.testing.assert_close(there.cpu(), here, atol=1e-4, rtol=0)
