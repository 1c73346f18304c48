"""Two processes train as one would. Real processes, started by `torchrun`, that talk over the loopback with gloo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from edgeenh_train.checkpoint import load_generator
from edgeenh_train.cli import _speaks
from edgeenh_train.config import RIVAL_NAMES, TrainConfig
from edgeenh_train.data import Folders
from edgeenh_train.distributed import GlobalBatchNorm2d, bare, global_mean, process_count_of_torchrun, with_global_norm
from edgeenh_train.loop import train
from edgeenh_train.run import Run, make_fabric
from edgeenh_train.state import STATE_FILE

ROOT = Path(__file__).parents[2]

TOLERANCE = 1e-3
"""Of every weight and statistic after a few steps at rates of 2e-3 and 2e-4, in which weights move by up to 1e-2.

The processes' sums are rounded in another order than one process's (1e-7 of a value). Adam divides a gradient by its own size, so
where a gradient is almost 0 such a difference can become a whole step of the rate's size; few steps and a mild β₂ keep it rare. What
is measured is 4e-6 to 2e-5; a loss or a norm that saw only its own half would differ by 1e-3 and more.
"""

SETTINGS = "batch = 4\nview_height = 64\nview_width = 64\ndiscriminator_width = 2\ndecode_side = 96\nfrozen_norm_share = 0.25\naverage = 0.5\n"


def torchrun(*words: object) -> subprocess.CompletedProcess[str]:
    paths = [str(ROOT / name) for name in ("runtime", "train", "export", "benchmarks")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launcher, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)


def settings_file(folder: Path, more: str) -> tuple[Path, TrainConfig]:
    from edgeenh_train.config import resolve

    file = folder / "settings.toml"
    file.write_text(SETTINGS + more)
    return file, resolve("default", file, {})


def largest_difference(one: Path, two: Path) -> float:
    ours, theirs = load_file(one / STATE_FILE), load_file(two / STATE_FILE)
    assert ours.keys() == theirs.keys()
    weights = [name for name in ours if not name.startswith("adam.")]
    return max(float((ours[name].double() - theirs[name].double()).abs().max()) for name in weights)


def test_unpaired_weights_are_those_of_one_process(folders: Folders, tmp_path: Path) -> None:
    file, config = settings_file(tmp_path, "images = 16\n")
    train(config, folders, tmp_path / "one", device="cpu")
    words = ("--low", folders.low, "--high", folders.high, "--config", file, "--device", "cpu", "--json", "-")
    done = torchrun("-m", "edgeenh", "train", *words, "--out", tmp_path / "two")
    assert done.returncode == 0, done.stderr
    assert largest_difference(tmp_path / "one", tmp_path / "two") < TOLERANCE
    assert json.loads(done.stdout)["images"] == 16  # one document: the second process is silent
    assert "Warning" not in done.stderr
    assert len(list((tmp_path / "two" / "tensorboard").iterdir())) == 1
    (line,) = (json.loads(line) for line in (tmp_path / "two" / "log.jsonl").read_text().splitlines())
    (expected,) = (json.loads(line) for line in (tmp_path / "one" / "log.jsonl").read_text().splitlines())
    for name in ("discriminator", "quality", "consistency", "structure", "identity", "truth", "colour"):
        assert line[name] == pytest.approx(expected[name], rel=1e-3, abs=1e-5)  # of the whole batch, not of one half


def test_paired_run_norm_interrupt_and_refusal(pairs: Path, tmp_path: Path) -> None:
    more = 'images = 16\nmethod = "paired"\ncamera = "none"\nrotate = 10.0\nzoom = 0.2\nmax_gradient = 1.0\n'
    file, config = settings_file(tmp_path, more)
    train(config, Folders(pairs=pairs), tmp_path / "one", device="cpu")
    expected = norm_of_the_whole_batch(tmp_path)
    done = torchrun(ROOT / "tests/train/process.py", tmp_path, "--pairs", pairs, "--config", file, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    reports = [json.loads((tmp_path / f"report-{rank}.json").read_text()) for rank in (0, 1)]

    assert [report["codes"] for report in reports] == [[0, 130], [0, 130]]
    assert "no space left to write the state; no checkpoint had been written yet" in reports[0]["full"][1]
    assert "the first process could not write to" in reports[1]["full"][1]
    assert largest_difference(tmp_path / "one", tmp_path / "two") < TOLERANCE
    assert_norm_equals(expected, tmp_path)
    assert all(
        json.loads((tmp_path / f"left-{rank}.json").read_text()) for rank in (0, 1)
    )  # or gloo's threads may abort the exit
    assert load_generator(tmp_path / "interrupted" / "generator.safetensors")[1].images_seen == 8
    for report in reports:
        assert "batch = 3 cannot be shared evenly by 2 processes" in report["uneven"]
        assert report["mean"] == 0.5
        code, said = report["full"]
        assert code == 1
        assert "bug" not in said  # nobody waits for a process that is gone
        assert report["any"] == [True, False]


@pytest.mark.slow
@pytest.mark.parametrize("rival", RIVAL_NAMES)
def test_a_rival_s_weights_are_those_of_one_process(rival: str, folders: Folders, pairs: Path, tmp_path: Path) -> None:
    """CycleGAN's enhancer is used twice in one step, and two networks share a loss: what DistributedDataParallel might trip over."""
    paired = rival == "dncnn"
    more = f'images = 16\nmethod = "{rival}"\ncamera = "none"\nrival_width = 4\nrival_depth = 4\n'
    file, config = settings_file(tmp_path, more)
    pictures = Folders(pairs=pairs) if paired else folders
    train(config, pictures, tmp_path / "one", device="cpu")
    given = ("--pairs", pairs) if paired else ("--low", folders.low, "--high", folders.high)
    words = (*given, "--config", file, "--device", "cpu", "--out", tmp_path / "two")
    done = torchrun("-m", "edgeenh", "train", *words)
    assert done.returncode == 0, done.stderr
    ours, theirs = (load_file(tmp_path / name / STATE_FILE) for name in ("one", "two"))
    start = Run(config, make_fabric("cpu"), epoch=8).method.networks
    moved = apart = 0.0
    for name, network in start.items():  # the pools aside: each process has one of its own
        weights = [(key, value) for key, value in bare(network).named_parameters() if key.endswith("weight")]
        for key, value in weights:  # a bias before a norm has no gradient but rounding
            one, two = ours[f"{name}/{key}"], theirs[f"{name}/{key}"]
            moved += float((one - value.detach()).square().sum())
            apart += float((one - two).square().sum())
    assert 0.0 < apart < 0.05**2 * moved  # with half of a loss it would be near 1


def norm_of_the_whole_batch(folder: Path) -> dict[str, torch.Tensor]:
    """A batch for the processes to share, and what torch's own norm makes of all of it."""
    torch.manual_seed(5)
    norm = torch.nn.BatchNorm2d(3)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    features = (torch.randn(4, 3, 5, 7) * torch.tensor([1.0, 0.1, 3.0]).view(3, 1, 1) + 20.0).requires_grad_()
    weights = torch.randn(4, 3, 5, 7)
    state = {key: value.clone() for key, value in norm.state_dict().items()}
    torch.save({"features": features.detach(), "weights": weights, "state": state}, folder / "norm-input.pt")
    result = norm(features)
    (result * weights).sum().backward()
    found = {"result": result, "gradient": features.grad, "d weight": norm.weight.grad, "d bias": norm.bias.grad}
    return {key: value.detach() for key, value in (found | norm.state_dict()).items() if value is not None}


def assert_norm_equals(expected: dict[str, torch.Tensor], folder: Path) -> None:
    halves = [load_file(folder / f"norm-{rank}.safetensors") for rank in (0, 1)]
    for half in halves:
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            torch.testing.assert_close(half[name], expected[name])
    for name in ("result", "gradient"):
        for rank, half in enumerate(halves):
            torch.testing.assert_close(half[name], expected[name][rank::2], rtol=1e-4, atol=1e-4)
    for name in ("d weight", "d bias"):  # each process has its share; DistributedDataParallel adds them up
        torch.testing.assert_close(halves[0][name] + halves[1][name], expected[name], rtol=1e-4, atol=1e-4)


def test_alone_everything_is_plain_torch() -> None:
    torch.manual_seed(0)
    value = torch.tensor(3.0)
    assert global_mean(value) is value
    plain = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    ours = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    ours.load_state_dict(plain.state_dict())
    assert with_global_norm(ours) is ours
    assert type(ours[1]) is GlobalBatchNorm2d
    batch = torch.rand(2, 3, 8, 8)
    assert torch.equal(ours(batch), plain(batch))
    assert torch.equal(ours[1].running_var, plain[1].running_var)
    assert torch.equal(ours.eval()(batch), plain.eval()(batch))


def test_wrappers_come_off_whatever_their_number() -> None:
    network = torch.nn.Conv2d(1, 1, 1)
    assert bare(network) is network
    assert bare(torch.nn.DataParallel(torch.nn.DataParallel(network))) is network


def test_what_torchrun_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert process_count_of_torchrun({}) == 1
    assert process_count_of_torchrun({"WORLD_SIZE": "4"}) == 4
    for rank, speaks in (("0", True), ("1", False)):
        monkeypatch.setenv("RANK", rank)
        assert _speaks() is speaks
