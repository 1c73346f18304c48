"""One step of every method: which networks learn, and the losses and gradients that its paper writes down, worked out by hand.

The pictures are flat: 0.2 where something is to be improved, 0.6 where it is good. The enhancer doubles: 0.4, and 1.2 of a good picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from edgeenh_train import methods
from edgeenh_train.config import METHOD_NAMES, PRESETS, RIVAL_NAMES, TrainConfig
from edgeenh_train.methods import METHODS, Batch, cyclegan, dncnn, needs_of, paired, uegan, unpaired
from edgeenh_train.methods.base import Losses, given
from edgeenh_train.methods.networks import RIVALS
from edgeenh_train.run import Run

Configured = Callable[..., TrainConfig]
MakeBatch = Callable[[TrainConfig], Batch]

LEARN = {
    "unpaired": {"enhancer", "discriminator"},
    "paired": {"enhancer"},
    "cyclegan": {"enhancer", "worsener", "judge_high", "judge_low"},
    "uegan": {"enhancer", "discriminator"},
    "dncnn": {"enhancer"},
}


def test_names_agree_with_the_configuration() -> None:
    assert tuple(METHODS) == METHOD_NAMES
    assert tuple(RIVALS) == RIVAL_NAMES
    assert set(LEARN) == set(METHODS)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_builds_and_every_network_learns(
    preset: str, configured: Configured, random_batch: MakeBatch, fabric: Fabric
) -> None:
    config = configured(preset)
    run = Run(config, fabric, epoch=8)
    before = {name: _weights(network) for name, network in run.method.networks.items()}
    losses = run.advance(random_batch(config))
    changed = {name for name, network in run.method.networks.items() if not _same(before[name], _weights(network))}
    assert changed == LEARN[config.method]
    assert all(bool(value.isfinite()) and not value.requires_grad for value in losses.values())
    enhanced = run.method.enhancer.eval()(torch.rand(1, config.channels, 64, 64))
    assert 0.0 <= enhanced.min() <= enhanced.max() <= 1.0


def _weights(network: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def _same(one: list[torch.Tensor], two: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def _advanced(config: TrainConfig, batch: Batch, fabric: Fabric) -> tuple[Run, dict[str, float]]:
    run = Run(config, fabric, epoch=8)
    losses: Losses = run.method.step(batch, fabric)
    return run, {name: value.item() for name, value in losses.items()}


def _gradient(run: Run, name: str) -> float:
    (parameter,) = run.method.networks[name].parameters()
    assert parameter.grad is not None
    return parameter.grad.item()


def test_cyclegan_by_hand(
    configured: Configured, flat_batch: MakeBatch, fabric: Fabric, times: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    factors = iter((2.0, 0.25))  # low to high, high to low
    monkeypatch.setattr(cyclegan, "build_cyclegan", lambda _config: times(next(factors)))
    monkeypatch.setattr(cyclegan, "PatchDiscriminator", lambda _width, _channels: times(1.0))
    config = configured("cyclegan")
    run, losses = _advanced(config, flat_batch(config), fabric)
    # fakes 0.4 and 0.15; cycles 0.1 for 0.2 and 0.3 for 0.6; identities 1.2 for 0.6 and 0.05 for 0.2; L1 counts double: −1…1
    expected = {
        "quality_high": 0.36, "quality_low": 0.7225, "cycle": 2 * (0.1 + 0.3), "identity": 2 * (0.6 + 0.15),
        "judge_high": (0.4**2 + 0.4**2) / 2, "judge_low": (0.8**2 + 0.15**2) / 2,
    }  # fmt: skip
    assert losses == pytest.approx(expected, rel=1e-5)
    # quality 2 · (0.4 − 1) · 0.2; cycle 10 · 2 · −(0.25 · 0.2 + 0.25 · 0.6); identity 5 · 2 · 0.6
    assert _gradient(run, "enhancer") == pytest.approx(-0.24 - 4.0 + 6.0, rel=1e-5)
    # quality 2 · (0.15 − 1) · 0.6; cycle 10 · 2 · −(0.4 + 2 · 0.6); identity 5 · 2 · −0.2
    assert _gradient(run, "worsener") == pytest.approx(-1.02 - 32.0 - 2.0, rel=1e-5)
    # ½ · (2 · (0.6 − 1) · 0.6 + 2 · 0.4 · 0.4): the generators' step leaves nothing in the judges
    assert _gradient(run, "judge_high") == pytest.approx(-0.24 + 0.16, rel=1e-5)


def test_uegan_by_hand(
    configured: Configured, flat_batch: MakeBatch, fabric: Fabric, times: Any, two_depths: Any, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(uegan, "build_uegan", lambda _config: times(2.0))
    monkeypatch.setattr(uegan, "UeganDiscriminator", lambda _width, _channels: two_depths())
    config = configured("uegan", discriminator_rate=0.0)  # the judge stays: its second use can be worked out too
    run, losses = _advanced(config, flat_batch(config), fabric)
    # two fakes, 0.4 and the raw 0.2, against 0.6: (1 − 0.2) + (1 − 0.4), and at the second depth (1 − 0.4) + (1 − 0.8)
    expected = {
        "discriminator": 0.8 + 0.6 + 0.6 + 0.2, "quality": 1.2 + 1.4, "consistency": 0.0, "identity": 2 * 0.6 * 1.75,
    }  # fmt: skip
    assert losses == pytest.approx(expected, rel=1e-5, abs=1e-5)
    # 0.1 · −(0.2 + 0.4) of quality, 0.1 · 2 · 1.75 · 0.6 of identity
    assert _gradient(run, "enhancer") == pytest.approx(-0.06 + 0.21, rel=1e-4)
    # ½ Σ ((−(y − f) + (f − y)) over both fakes and depths: −(0.2 + 0.4) − (0.4 + 0.8)
    assert _gradient(run, "discriminator") == pytest.approx(-1.8, rel=1e-5)
    assert all(group["weight_decay"] == 1e-4 for o in run.method.optimizers.values() for group in o.param_groups)
    assert all(group["betas"] == (0.5, 0.999) for o in run.method.optimizers.values() for group in o.param_groups)


def test_dncnn_by_hand(
    configured: Configured, flat_batch: MakeBatch, fabric: Fabric, times: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dncnn, "build_dncnn", lambda _config: times(2.0))
    config = configured("dncnn")
    run, losses = _advanced(config, flat_batch(config), fabric)
    values = 3 * 64 * 64
    assert losses == pytest.approx({"squared": values * 0.2**2 / 2}, rel=1e-5)  # of one picture, whatever the batch
    assert _gradient(run, "enhancer") == pytest.approx(values * -0.2 * 0.2, rel=1e-4)


def _lightness(value: float) -> float:
    return 116.0 * (((value + 0.055) / 1.055) ** 2.4) ** (1 / 3) - 16.0


WITH_TRUTH = {"truth": 0.1 * math.log(1 + 0.04 / 1e-4), "colour": (_lightness(0.6) - _lightness(0.4)) / 100}


@pytest.mark.parametrize("preset", ["paired", "self-pairs", "xray"])
def test_paired_by_hand(
    preset: str, configured: Configured, flat_batch: MakeBatch, fabric: Fabric, times: Any, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(paired, "build_generator", lambda *_: times(2.0))
    config = configured(preset)
    _, losses = _advanced(config, flat_batch(config), fabric)
    assert losses.pop("structure") == pytest.approx(0.0, abs=5e-3)
    assert losses == pytest.approx(WITH_TRUTH | {"identity": 0.6 * 1.75}, rel=1e-3)


@pytest.mark.parametrize("preset", ["default", "adversarial"])
def test_unpaired_by_hand(
    preset: str, configured: Configured, flat_batch: MakeBatch, fabric: Fabric, times: Any, two_depths: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(unpaired, "build_generator", lambda *_: times(2.0))
    monkeypatch.setattr(unpaired, "MultiScaleDiscriminator", lambda *_: two_depths())
    config = configured(preset, discriminator_rate=0.0)
    _, losses = _advanced(config, flat_batch(config), fabric)
    expected = {"discriminator": 2.2, "quality": 2.6, "consistency": 0.0, "identity": 0.6 * 1.75}
    assert losses.pop("structure") == pytest.approx(0.0, abs=5e-3)
    if preset == "default":
        expected |= WITH_TRUTH
    assert losses == pytest.approx(expected, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("preset", ["cyclegan", "uegan", "dncnn", "self-pairs", "adversarial"])
def test_what_a_method_needs(preset: str, configured: Configured) -> None:
    pairs = preset in ("dncnn", "self-pairs")
    assert needs_of(configured(preset)) == ({"degraded", "truth"} if pairs else {"low", "high"})


def test_a_batch_without_what_was_asked_for_is_no_silent_step() -> None:
    with pytest.raises(ValueError, match="no 'truth'"):
        given(None, "truth")
    assert methods.Batch is Batch


@pytest.mark.parametrize("preset", ["cyclegan", "uegan", "dncnn"])
def test_a_resumed_rival_equals_an_unbroken_one(
    preset: str, configured: Configured, folders: Any, pairs: Any, assert_resumes_exactly: Callable[..., None]
) -> None:
    if preset == "dncnn":
        assert_resumes_exactly(configured(preset, camera="none"), type(folders)(pairs=pairs))
    else:
        assert_resumes_exactly(configured(preset), folders)
