"""Every loss's gradient against finite differences, in double precision; and finite where a picture is black, white or flat."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from edgeenh_train.losses import (
    colour_loss,
    consistency_loss,
    discriminator_loss,
    generator_loss,
    identity_loss,
    structure_loss,
    truth_loss,
)
from edgeenh_train.losses.consistency import Consistency

Loss = Callable[[Tensor, Tensor], Tensor]

ON_PICTURES: dict[str, Loss] = {
    "truth": truth_loss, "colour": colour_loss, "structure": structure_loss, "consistency": consistency_loss, "identity": identity_loss,
}  # fmt: skip


def judged(loss: Callable[[list[Tensor], list[Tensor]], Tensor]) -> Loss:
    return lambda good, fake: loss([good[:, :1], good[:, 1:, ::2]], [fake[:, :1], fake[:, 1:, ::2]])


ON_JUDGEMENTS: dict[str, Loss] = {"discriminator": judged(discriminator_loss), "generator": judged(generator_loss)}


def pictures(channels: int, seed: int) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(seed)
    one, two = torch.rand(2, 2, channels, 32, 36, generator=draws, dtype=torch.float64)
    return one.requires_grad_(), two


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ON_PICTURES)
def test_losses_on_pictures(name: str, channels: int) -> None:
    for seed in range(3):  # `fast_mode` compares along one random direction
        enhanced, other = pictures(channels, seed)
        assert gradcheck(ON_PICTURES[name], (enhanced, other), fast_mode=True)


@pytest.mark.parametrize("name", ON_JUDGEMENTS)
def test_losses_on_judgements(name: str) -> None:
    draws = torch.Generator().manual_seed(0)
    good, fake = 2.0 * torch.rand(2, 2, 2, 3, 4, generator=draws, dtype=torch.float64) - 1.0
    assert gradcheck(ON_JUDGEMENTS[name], (good.requires_grad_(), fake.requires_grad_()))


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("name", ON_PICTURES)
def test_gradients_of_black_and_white_pictures_are_finite(name: str, value: float) -> None:
    flat = torch.full((1, 3, 32, 32), value, requires_grad=True)
    loss = ON_PICTURES[name](flat, torch.full((1, 3, 32, 32), value))
    assert loss.item() == pytest.approx(0.0, abs=5e-3)
    loss.backward()
    assert flat.grad is not None
    assert bool(flat.grad.isfinite().all())


@pytest.mark.parametrize("name", ON_PICTURES)
def test_a_loss_of_half_precision_pictures_is_computed_in_full(name: str) -> None:
    enhanced, other = (image.detach().to(torch.bfloat16) for image in pictures(3, 0))
    wide = ON_PICTURES[name](enhanced.float(), other.float()).item()
    assert ON_PICTURES[name](enhanced, other).item() == pytest.approx(wide, rel=0.02)


def test_the_input_side_of_the_consistency_has_no_gradient() -> None:
    enhanced, image = (picture.detach().float().requires_grad_() for picture in pictures(3, 0))
    Consistency("pyramid")(enhanced, image).backward()
    assert enhanced.grad is not None
    assert image.grad is None
