"""The loop: it learns, it resumes exactly, it saves on Ctrl-C, it stops on a loss that is not finite."""

from __future__ import annotations

import dataclasses
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from edgeenh.errors import CheckpointError, TrainingFailed, UsageError
from edgeenh_train.checkpoint import load_generator
from edgeenh_train.config import TrainConfig
from edgeenh_train.loop import CHECKPOINT_FILE, train, training_step
from edgeenh_train.state import STATE_FILE

TINY = TrainConfig(
    images=12, batch=2, view_height=64, view_width=64, discriminator_width=2, checkpoint_every=4, sample_every=8, decode_side=96,
    frozen_norm_share=0.5, average=0.5,
)  # fmt: skip


def tensors(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / STATE_FILE)


def interrupted_after(images: int) -> object:
    def stop(seen: int, _total: int, _figures: dict[str, float]) -> None:
        if seen >= images:
            raise KeyboardInterrupt

    return stop


def test_run_leaves_checkpoint_samples_and_log(domains: tuple[Path, Path], tmp_path: Path) -> None:
    report = train(TINY, *domains, tmp_path, device="cpu")
    assert report.finished
    assert report.images == 12
    assert load_generator(report.checkpoint)[1].images_seen == 12
    assert sorted(f.name for f in (tmp_path / "samples").iterdir()) == ["00000008.jpg", "00000012.jpg"]
    assert (tmp_path / "log.jsonl").read_text().count("\n") == 1


def test_resumed_run_equals_an_unbroken_one(
    domains: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeenh_train.loop.LOG_EVERY_STEPS", 1)
    train(TINY, *domains, tmp_path / "whole", device="cpu")
    broken = train(TINY, *domains, tmp_path / "broken", device="cpu", progress=interrupted_after(6))
    assert not broken.finished
    assert broken.images == 6
    assert train(TINY, *domains, tmp_path / "broken", device="cpu", resume=True).images == 12
    whole, resumed = tensors(tmp_path / "whole"), tensors(tmp_path / "broken")
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_ctrl_c_in_the_middle_of_a_step_waits_for_its_end(
    domains: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(TINY, *domains, tmp_path / "whole", device="cpu")
    calls = []

    def ctrl_c_in_the_third_step(*arguments: Any) -> dict[str, Any]:
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)  # its networks are half updated or not at all
        return training_step(*arguments)

    monkeypatch.setattr("edgeenh_train.loop.training_step", ctrl_c_in_the_third_step)
    broken = train(TINY, *domains, tmp_path / "broken", device="cpu")
    assert (broken.finished, broken.images) == (False, 6)
    assert train(TINY, *domains, tmp_path / "broken", device="cpu", resume=True).images == 12
    whole, resumed = tensors(tmp_path / "whole"), tensors(tmp_path / "broken")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_second_ctrl_c_ends_at_once_and_saves_no_half_step(
    domains: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ctrl_c_twice(*_arguments: Any) -> dict[str, Any]:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError

    monkeypatch.setattr("edgeenh_train.loop.training_step", ctrl_c_twice)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(TINY, *domains, tmp_path, device="cpu")
    assert not (tmp_path / STATE_FILE).exists()
    assert signal.getsignal(signal.SIGINT) == handler


def test_training_changes_the_generator(domains: tuple[Path, Path], tmp_path: Path) -> None:
    generator, _ = load_generator(train(TINY, *domains, tmp_path, device="cpu").checkpoint)
    image = torch.rand(1, 3, 64, 64)
    assert not torch.equal(generator(image), image)


def test_out_that_holds_a_run_is_not_overwritten(domains: tuple[Path, Path], tmp_path: Path) -> None:
    train(TINY, *domains, tmp_path, device="cpu")
    before = (tmp_path / CHECKPOINT_FILE).read_bytes()
    with pytest.raises(UsageError, match="add --resume"):
        train(TINY, *domains, tmp_path, device="cpu")
    with pytest.raises(UsageError, match="started with batch = 2, not 3"):
        train(dataclasses.replace(TINY, batch=3), *domains, tmp_path, device="cpu", resume=True)
    assert (tmp_path / CHECKPOINT_FILE).read_bytes() == before


def test_resume_without_or_with_damaged_state(domains: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="--resume needs"):
        train(TINY, *domains, tmp_path, device="cpu", resume=True)
    (tmp_path / STATE_FILE).write_bytes(b"\0" * 50)
    with pytest.raises(CheckpointError, match="is damaged"):
        train(TINY, *domains, tmp_path, device="cpu", resume=True)


def test_non_finite_loss_stops_and_names_the_last_good_checkpoint(
    domains: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = torch.isfinite, []

    def fails_late(value: torch.Tensor) -> torch.Tensor:
        calls.append(value)
        return torch.tensor(len(calls) < 17) & real(value).all()

    monkeypatch.setattr("edgeenh_train.loop.torch.isfinite", fails_late)
    with pytest.raises(
        TrainingFailed, match=r"loss is not finite at image 8; the last good checkpoint is .*generator\.safetensors"
    ):
        train(TINY, *domains, tmp_path, device="cpu")
    monkeypatch.undo()
    assert load_generator(tmp_path / CHECKPOINT_FILE)[1].images_seen == 8


def test_unknown_device(domains: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose auto, cpu or cuda"):
        train(TINY, *domains, tmp_path, device="tpu")
