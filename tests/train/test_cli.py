"""`edgeenh train` as a user types it: a run, a resume, a Ctrl-C, and every refusal with its exit code."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest

from edgeenh.cli import main
from edgeenh_train.checkpoint import load_generator
from edgeenh_train.config import PRESETS, resolve

ROOT = Path(__file__).parents[2]
TINY = "batch = 2\nview_height = 64\nview_width = 64\ndiscriminator_width = 2\ncheckpoint_every = 4\ndecode_side = 96\n"


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "edgeenh.cli", "train", *map(str, words)]


def environment() -> dict[str, str]:
    paths = [str(ROOT / name) for name in ("runtime", "train", "export", "benchmarks")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), capture_output=True, text=True, env=environment(), timeout=300, check=False)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.toml"
    file.write_text(TINY)
    return file


def test_run_then_resume_to_more_images(domains: tuple[Path, Path], tiny: Path, tmp_path: Path) -> None:
    words = ("--low", domains[0], "--high", domains[1], "--config", tiny, "--out", tmp_path / "run", "--json", "-")
    first = run(*words, "--images", 8)
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["images"] == 8
    assert "next: edgeenh export" in first.stderr
    assert run(*words, "--images", 8).returncode == 2
    more = run(*words, "--images", 12, "--resume")
    assert more.returncode == 0, more.stderr
    assert json.loads(more.stdout)["images"] == 12


def test_ctrl_c_saves_and_says_how_to_go_on(domains: tuple[Path, Path], tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ("--low", domains[0], "--high", domains[1], "--config", tiny, "--out", out)
    process = subprocess.Popen(
        command(*words, "--images", 100_000),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
    )
    deadline = time.monotonic() + 120
    try:
        while not (out / "log.jsonl").exists():  # written after the tenth step
            assert time.monotonic() < deadline, "no step was logged"
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.05)
                pytest.fail("it ended by itself")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130, said
    assert "next: the same command with --resume" in said
    assert "data wait" in said
    assert "Traceback" not in said
    seen = load_generator(out / "generator.safetensors")[1].images_seen
    assert seen >= 20
    assert "started with batch = 2, not 4" in run(*words, "--images", 8, "--resume", "--config", _other(tiny)).stderr
    more = run(*words, "--images", seen + 4, "--resume", "--json", "-")  # a run may go on to another length
    assert more.returncode == 0, more.stderr
    assert json.loads(more.stdout)["images"] == seen + 4


def _other(tiny: Path) -> Path:
    file = tiny.with_name("other.toml")
    file.write_text(tiny.read_text().replace("batch = 2", "batch = 4"))
    return file


@pytest.mark.parametrize("preset", PRESETS)
def test_dry_run_prints_every_preset_resolved(preset: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--preset", preset, "--seed", "7", "--dry-run", "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {"schema": "edgeenh.train.config/1", **dataclasses.asdict(resolve(preset, None, {"seed": 7}))}
    assert main(["train", "--preset", preset, "--dry-run"]) == 0
    lines = tomllib.loads(capsys.readouterr().out)
    assert lines == dataclasses.asdict(resolve(preset, None, {}))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--low", "no/such", "--high", "no/such"), "is not a folder"),
        (("--low", ".", "--high", ".", "--variant", "xl"), "variant 'xl' is unknown"),
        (("--low", ".", "--high", ".", "--preset", "xl"), "preset 'xl' is unknown"),
        (("--low", ".", "--high", ".", "--images", "1", "--epochs", "1"), "same thing twice"),
        (("--low", ".", "--high", ".", "--config", "none.toml"), "cannot be read"),
        (("--low", "."), "--high"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(words: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    result = run(*words, "--out", tmp_path / "run")
    assert result.returncode == 2
    assert expected in result.stderr
    assert "Traceback" not in result.stderr


def test_out_that_cannot_be_written(domains: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("--low", domains[0], "--high", domains[1], "--out", tmp_path / "file" / "run")
    assert result.returncode == 2
    assert "cannot be written" in result.stderr


def test_dry_run_prints_settings_that_a_config_file_takes_back(domains: tuple[Path, Path], tmp_path: Path) -> None:
    words = ("--low", domains[0], "--high", domains[1], "--dry-run")
    first = run(*words, "--preset", "seed", "--epochs", 3)
    assert first.returncode == 0
    assert "constant_epochs = 0" in first.stdout
    file = tmp_path / "again.toml"
    file.write_text("".join(line + "\n" for line in first.stdout.splitlines() if not line.startswith("next:")))
    assert run(*words, "--config", file).stdout == first.stdout
