"""A tiny configuration of every preset, batches of flat pictures, and networks so simple that a step can be worked out by hand."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file
from torch import Tensor, nn

from edgeenh_train.config import PRESETS, TrainConfig
from edgeenh_train.data import Folders
from edgeenh_train.loop import train
from edgeenh_train.methods import Batch, needs_of
from edgeenh_train.methods.base import Losses
from edgeenh_train.run import CHECKPOINT_FILE, Run, make_fabric
from edgeenh_train.state import STATE_FILE

SMALL: dict[str, Any] = {
    "images": 12, "batch": 2, "view_height": 64, "view_width": 64, "rival_width": 8, "rival_depth": 4, "decode_side": 96,
    "checkpoint_every": 4, "sample_every": 100, "constant_epochs": 0, "decay_epochs": 0,
}  # fmt: skip

Configured = Callable[..., TrainConfig]
MakeBatch = Callable[[TrainConfig], Batch]
Resumed = Callable[[TrainConfig, Folders], None]


class Times(nn.Module):
    """A network of one weight: the picture times it."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, image: Tensor) -> Tensor:
        return image * self.factor


class TwoDepths(nn.Module):
    """A judge of one weight that calls a picture's red its quality, and at the second depth twice that."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(1.0))

    def forward(self, image: Tensor) -> list[Tensor]:
        red = image[:, :1] * self.factor
        return [red, 2.0 * red]


@pytest.fixture(scope="session")
def times() -> type[Times]:
    return Times


@pytest.fixture(scope="session")
def two_depths() -> type[TwoDepths]:
    return TwoDepths


@pytest.fixture(scope="session")
def configured() -> Configured:
    def make(preset: str, **values: Any) -> TrainConfig:
        return TrainConfig(**PRESETS[preset] | SMALL | values)

    return make


@pytest.fixture
def fabric() -> Fabric:
    return make_fabric("cpu")


@pytest.fixture(scope="session")
def random_batch() -> MakeBatch:
    """Dim and bright noise in the fields that the method needs."""

    def make(config: TrainConfig) -> Batch:
        draws = torch.Generator().manual_seed(1)
        pictures = torch.rand(3, config.batch, config.channels, config.view_height, config.view_width, generator=draws)
        all_fields = {
            "low": 0.4 * pictures[0], "high": pictures[1], "degraded": 0.4 * pictures[2], "truth": pictures[2],
        }  # fmt: skip
        needed = needs_of(config)
        return Batch(**{name: value if name in needed else None for name, value in all_fields.items()}, seed=5)

    return make


@pytest.fixture(scope="session")
def flat_batch() -> MakeBatch:
    """Low and degraded pictures of 0.2, good ones and truths of 0.6."""

    def make(config: TrainConfig) -> Batch:
        def flat(value: float) -> Tensor:
            return torch.full((config.batch, config.channels, config.view_height, config.view_width), value)

        low, high = ("low", "degraded"), ("high", "truth")
        values = {name: flat(0.2) for name in low} | {name: flat(0.6) for name in high}
        needed = needs_of(config)
        return Batch(**{name: value if name in needed else None for name, value in values.items()}, seed=5)

    return make


@pytest.fixture
def assert_resumes_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resumed:
    """A run that is cut in two ends with the very state and checkpoint of one that is not."""

    def check(config: TrainConfig, folders: Folders) -> None:
        train(config, folders, tmp_path / "whole", device="cpu")
        with monkeypatch.context() as patch:
            patch.setattr(Run, "advance", _with_ctrl_c_in_the_third_step())
            assert train(config, folders, tmp_path / "broken", device="cpu").images == 3 * config.batch
        train(config, folders, tmp_path / "broken", device="cpu", resume=True)
        for name in (STATE_FILE, CHECKPOINT_FILE):
            whole, broken = (load_file(tmp_path / run / name) for run in ("whole", "broken"))
            assert whole.keys() == broken.keys()
            assert [key for key in whole if not torch.equal(whole[key], broken[key])] == []

    return check


def _with_ctrl_c_in_the_third_step() -> Callable[[Run, Batch], Losses]:
    real = Run.advance

    def advance(run: Run, batch: Batch) -> Losses:
        if run.step == 2:
            signal.raise_signal(signal.SIGINT)
        return real(run, batch)

    return advance
