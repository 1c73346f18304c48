"""The loop: it learns, it resumes exactly, it saves on Ctrl-C, it stops on what is not finite and loses nothing."""

from __future__ import annotations

import dataclasses
import errno
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from edgeenh.errors import CheckpointError, OutputFailed, TrainingFailed, UsageError
from edgeenh_train.checkpoint import load_generator
from edgeenh_train.config import TrainConfig
from edgeenh_train.data import Folders
from edgeenh_train.loop import train
from edgeenh_train.methods import Batch, unpaired
from edgeenh_train.run import CHECKPOINT_FILE, Run
from edgeenh_train.state import STATE_FILE


def state_of(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / STATE_FILE)


def assert_same_state(a: Path, b: Path) -> None:
    ours, theirs = state_of(a), state_of(b)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def before_step(number: int, act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Call `act` in the middle of the `number`-th step from now on."""
    real, calls = Run.advance, []

    def advance(self: Run, batch: Batch) -> dict[str, torch.Tensor]:
        calls.append(1)
        if len(calls) == number:
            act()
        return real(self, batch)

    monkeypatch.setattr(Run, "advance", advance)


def ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def test_a_run_leaves_checkpoint_samples_log_and_curves(tiny: TrainConfig, folders: Folders, tmp_path: Path) -> None:
    report = train(tiny, folders, tmp_path, device="cpu")
    assert report.finished
    assert report.images == 12
    assert load_generator(report.checkpoint)[1].images_seen == 12
    assert sorted(f.name for f in (tmp_path / "samples").iterdir()) == ["00000008.jpg", "00000012.jpg"]
    (line,) = (json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines())
    names = {"discriminator", "quality", "consistency", "structure", "identity", "truth", "colour"}
    assert set(line) == names | {"images", "images_per_second", "data_wait"}
    assert report.losses == {name: value for name, value in line.items() if name != "images"}
    curves = EventAccumulator(str(tmp_path / "tensorboard"))
    curves.Reload()
    assert set(curves.Tags()["scalars"]) == names | {"images_per_second", "data_wait"}
    (point,) = curves.Scalars("identity")
    assert point.step == 12
    assert point.value == pytest.approx(line["identity"], rel=1e-6)
    assert [image.step for image in curves.Images("samples")] == [8, 12]
    assert 0.0 <= report.data_wait_share <= 1.0
    assert not list(tmp_path.rglob("*.part*"))


def test_training_changes_the_generator(tiny: TrainConfig, folders: Folders, tmp_path: Path) -> None:
    generator, info = load_generator(train(tiny, folders, tmp_path, device="cpu").checkpoint)
    image = torch.rand(1, 3, 64, 64)
    assert not torch.equal(generator(image), image)
    assert info.config == dataclasses.asdict(tiny)


@pytest.mark.parametrize("method", ["unpaired", "paired"])
def test_a_resumed_run_equals_an_unbroken_one(
    method: str, tiny: TrainConfig, folders: Folders, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = dataclasses.replace(tiny, method=method, camera="none" if method == "paired" else "estimated")
    pictures = Folders(pairs=pairs) if method == "paired" else folders
    train(config, pictures, tmp_path / "whole", device="cpu")
    with monkeypatch.context() as patch:
        before_step(3, ctrl_c, patch)  # its networks are half updated or not at all
        broken = train(config, pictures, tmp_path / "broken", device="cpu")
    assert (broken.finished, broken.images) == (False, 6)
    assert load_generator(broken.checkpoint)[1].images_seen == 6
    again = train(config, pictures, tmp_path / "broken", device="cpu", resume=True)
    assert (again.finished, again.images) == (True, 12)
    assert_same_state(tmp_path / "whole", tmp_path / "broken")
    whole, resumed = (load_file(tmp_path / name / CHECKPOINT_FILE) for name in ("whole", "broken"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_run_goes_on_to_more_images(tiny: TrainConfig, folders: Folders, tmp_path: Path) -> None:
    train(dataclasses.replace(tiny, images=4), folders, tmp_path, device="cpu")
    assert train(tiny, folders, tmp_path, device="cpu", resume=True).images == 12


def test_resuming_a_finished_run_does_nothing(tiny: TrainConfig, folders: Folders, tmp_path: Path) -> None:
    short = dataclasses.replace(tiny, images=4)
    train(short, folders, tmp_path, device="cpu")
    before = (tmp_path / STATE_FILE).read_bytes()
    report = train(short, folders, tmp_path, device="cpu", resume=True)
    assert (report.finished, report.images, report.losses) == (True, 4, {})
    assert (tmp_path / STATE_FILE).read_bytes() == before


def test_a_second_ctrl_c_ends_at_once_and_saves_no_half_step(
    tiny: TrainConfig, folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_step(1, lambda: (ctrl_c(), ctrl_c()), monkeypatch)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(tiny, folders, tmp_path, device="cpu")
    assert not (tmp_path / STATE_FILE).exists()
    assert signal.getsignal(signal.SIGINT) == handler


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_after_the_step(
    number: signal.Signals, tiny: TrainConfig, folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_step(2, lambda: signal.raise_signal(number), monkeypatch)
    handler = signal.getsignal(number)
    report = train(tiny, folders, tmp_path, device="cpu")
    assert (report.finished, report.images) == (False, 4)
    assert load_generator(tmp_path / CHECKPOINT_FILE)[1].images_seen == 4
    assert signal.getsignal(number) == handler


def test_an_out_that_holds_a_run_is_not_overwritten(tiny: TrainConfig, folders: Folders, tmp_path: Path) -> None:
    short = dataclasses.replace(tiny, images=2)
    train(short, folders, tmp_path, device="cpu")
    before = (tmp_path / CHECKPOINT_FILE).read_bytes()
    with pytest.raises(UsageError, match="already holds a run; add --resume"):
        train(short, folders, tmp_path, device="cpu")
    for key, value, was in (("batch", 3, "2"), ("variant", "s", "'n'"), ("method", "paired", "'unpaired'")):
        other = dataclasses.replace(short, **{key: value})  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=f"started with {key} = {was}, not {value!r}"):
            train(other, folders, tmp_path, device="cpu", resume=True)
    assert (tmp_path / CHECKPOINT_FILE).read_bytes() == before


def test_resume_without_a_run(tiny: TrainConfig, folders: Folders, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="--resume needs the --out folder of a run"):
        train(tiny, folders, tmp_path, device="cpu", resume=True)


def test_a_non_finite_loss_stops_and_names_the_last_good_checkpoint(
    tiny: TrainConfig, folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Run.advance

    def advance(self: Run, batch: Batch) -> dict[str, torch.Tensor]:
        losses = real(self, batch)
        return losses | {"identity": torch.tensor(float("nan"))} if self.step == 4 else losses

    monkeypatch.setattr(Run, "advance", advance)
    message = r"the identity loss is not finite at image 8; the last good checkpoint is .*generator\.safetensors; lower"
    with pytest.raises(TrainingFailed, match=message):
        train(tiny, folders, tmp_path, device="cpu")
    assert load_generator(tmp_path / CHECKPOINT_FILE)[1].images_seen == 8


def test_pictures_of_infinite_light_end_a_run_before_any_checkpoint(
    tiny: TrainConfig, folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burnt(self: Batch, _device: torch.device) -> Batch:
        return dataclasses.replace(self, low=torch.full_like(self.high, float("inf")))  # type: ignore[arg-type]

    monkeypatch.setattr(Batch, "to", burnt)
    with pytest.raises(TrainingFailed, match="loss is not finite at image 0; no checkpoint had been written yet"):
        train(tiny, folders, tmp_path, device="cpu")
    assert not (tmp_path / CHECKPOINT_FILE).exists()


@pytest.mark.parametrize("network", ["enhancer", "discriminator"])
def test_weights_that_are_not_finite_never_replace_good_ones(
    network: str, tiny: TrainConfig, folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Run.advance

    def advance(self: Run, batch: Batch) -> dict[str, torch.Tensor]:
        losses = real(self, batch)
        if self.step == 3:  # an update overflows though its losses were fine; the next would be a checkpoint
            next(iter(self.method.networks[network].parameters())).data.view(-1)[0] = float("nan")
            self.average.load_state_dict(self.method.enhancer.state_dict())
        return losses

    monkeypatch.setattr(Run, "advance", advance)
    with pytest.raises(TrainingFailed, match="the weights are not finite at image 8; the last good checkpoint is"):
        train(tiny, folders, tmp_path, device="cpu")
    assert load_generator(tmp_path / CHECKPOINT_FILE)[1].images_seen == 4
    assert all(bool(value.isfinite().all()) for value in state_of(tmp_path).values())


def test_gradients_that_are_not_finite_end_a_clipped_run_in_our_own_words(
    tiny: TrainConfig, folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil() -> None:  # the loss is fine, its gradient is not
        monkeypatch.setattr(unpaired, "weighted_sum", lambda losses, _config: losses["identity"] * float("inf"))

    before_step(4, spoil, monkeypatch)
    with pytest.raises(TrainingFailed, match=r"not finite at image \d; the last good checkpoint is"):
        train(dataclasses.replace(tiny, max_gradient=1.0), folders, tmp_path, device="cpu")
    assert load_generator(tmp_path / CHECKPOINT_FILE)[1].images_seen == 4


@pytest.mark.parametrize("full", [STATE_FILE, CHECKPOINT_FILE])
def test_no_space_for_a_checkpoint_leaves_the_old_one(
    full: str, tiny: TrainConfig, folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(dataclasses.replace(tiny, images=4), folders, tmp_path, device="cpu")
    before = (tmp_path / full).read_bytes()
    real = Path.write_bytes

    def write_bytes(self: Path, data: Any) -> int:
        if self.name.startswith(f".{Path(full).stem}."):
            real(self, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(
        OutputFailed, match=f"no space left to write .*{full}.*is whole: go on from there with --resume"
    ):
        train(tiny, folders, tmp_path, device="cpu", resume=True)
    monkeypatch.undo()
    assert (tmp_path / full).read_bytes() == before
    assert not list(tmp_path.rglob("*.part*"))
    assert train(tiny, folders, tmp_path, device="cpu", resume=True).images == 12


def test_devices_precisions_and_shares_that_cannot_be(tiny: TrainConfig, folders: Folders, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose auto, cpu or cuda"):
        train(tiny, folders, tmp_path, device="tpu")
    with pytest.raises(UsageError, match="precision 'fp16' is for CUDA; this run is on the CPU: use fp32"):
        train(dataclasses.replace(tiny, precision="fp16"), folders, tmp_path, device="cpu")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="torch finds no usable CUDA device; use --device cpu"):
            train(tiny, folders, tmp_path, device="cuda")


def test_rates_fall_as_the_schedule_says(tiny: TrainConfig, folders: Folders, tmp_path: Path) -> None:
    rates: list[float] = []

    def note(seen: int, _total: int, _figures: dict[str, float]) -> None:
        rates.append(seen)

    by_epochs = dataclasses.replace(tiny, constant_epochs=1, decay_epochs=1, images=1)  # 2 passes over 8 pictures
    report = train(by_epochs, folders, tmp_path, device="cpu", progress=note)
    assert report.images == 16
    assert rates == [16]


def test_learning_rate_and_norm_along_the_run(tiny: TrainConfig) -> None:
    from edgeenh_train.run import make_fabric

    run = Run(dataclasses.replace(tiny, constant_share=0.5), make_fabric("cpu"), epoch=8)
    rates, frozen = [], []
    for step in range(run.steps):
        run.step = step
        run._set_rate()
        run._set_norm()
        rates.append(run.method.optimizers["enhancer"].param_groups[0]["lr"] / tiny.generator_rate)
        frozen.append(not any(m.training for m in run.method.enhancer.modules() if isinstance(m, torch.nn.BatchNorm2d)))
    assert rates == pytest.approx([1, 1, 1, 1, 2 / 3, 1 / 3])
    assert frozen == [False, False, False, True, True, True]
    assert run.method.networks["discriminator"].training


def test_average_follows_the_weights(tiny: TrainConfig) -> None:
    from edgeenh_train.average import averaged_copy, update_average

    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    average = averaged_copy(network)
    before = network[0].weight.detach().clone()
    with torch.no_grad():
        network[0].weight.add_(1.0)
        network[1].running_mean.fill_(7.0)
    update_average(average, network, 0.75)
    torch.testing.assert_close(average[0].weight, before + 0.25)
    assert average[1].running_mean.tolist() == [7.0, 7.0]
    assert not average.training
