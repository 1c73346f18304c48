"""`edgeenh evaluate` as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import typer

from edgeenh.cli import output
from edgeenh.errors import EdgeenhError
from edgeenh_train.checkpoint import CheckpointInfo, save_generator
from edgeenh_train.evaluate import cli
from edgeenh_train.networks import build_generator

Command = Callable[..., int]


@pytest.fixture
def command() -> Command:
    """Run the words after `edgeenh`; the exit code, or the error that `edgeenh.cli.main` would print."""
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    app.callback()(lambda: None)
    cli.register(app)

    def run(*words: object) -> int:
        texts = [str(word) for word in words]
        output.start(texts)
        result = app(args=["evaluate", *texts], standalone_mode=False)
        return result if isinstance(result, int) else 0

    return run


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "mine.safetensors"
    torch.manual_seed(0)
    save_generator(path, build_generator("n").state_dict(), CheckpointInfo("mine", 1, "n", 0.5, 80, "none", "none"))
    return path


def test_tables_sheets_and_json(
    command: Command, paired: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = (paired, paired / "input", "--model", f"ours={checkpoint}", "--method", "clahe", "--out", out)
    assert command(*words, "--json", "-") == 0
    said = capsys.readouterr()
    whole = json.loads(said.out)
    assert whole == json.loads((out / "quality.json").read_text())
    assert [s["name"] for s in whole["sets"]] == ["pairs", "input"]
    assert [row["name"] for row in whole["sets"][0]["rows"]] == ["input", "clahe", "ours", "truth"]
    assert whole["ours"] == "ours"
    assert whole["environment"]["measures"]["scikit-image"]
    model = whole["sets"][0]["rows"][2]
    assert model["facts"]["images_seen"] == 80
    assert model["facts"]["parameters"] > 1000
    assert len(model["facts"]["sha256"]) == 64
    table = (out / "quality.md").read_text()
    assert "## pairs" in table
    assert table.strip() in said.err
    assert sorted(f.name for f in out.glob("sheet*")) == ["sheet-1-pairs.jpg", "sheet-2-input.jpg"]
    assert "next: edgeenh export" in said.err


def test_default_rows_and_fewer_pictures(
    command: Command,
    paired: Path,
    checkpoint: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edgeenh_train.checkpoint.SHIPPED", checkpoint)
    assert command(paired, "--max-pictures", 1, "--json", "-") == 0
    (found,) = json.loads(capsys.readouterr().out)["sets"]
    names = [row["name"] for row in found["rows"]]
    assert names[0] == "input"
    assert {"levels-white", "levels-percentile", "clahe", "mine"} < set(names)
    assert (len(found["pictures"]), found["found"]) == (1, 3)


def test_shipped_bundle_is_a_candidate(command: Command, paired: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from edgeenh.bundle import Bundle

    bundle = Bundle.shipped().path
    words = (paired, "--model", f"b={bundle}", "--method", "clahe", "--ours", "clahe", "--max-pictures", 1)
    assert command(*words, "--json", "-") == 0
    whole = json.loads(capsys.readouterr().out)
    row = next(row for row in whole["sets"][0]["rows"] if row["name"] == "b")
    assert row["failure"] == ""
    assert row["facts"]["macs_per_pixel"] > 0
    assert row["summary"]["psnr_db"]["mean"] > 5
    assert whole["ours"] == "clahe"


def test_shipped_bundles_go_by_name_and_are_judged_at_the_strength_in_use(
    command: Command, paired: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (paired, "--model", "dental-n", "--model", "half=dental-n", "--method", "clahe", "--max-pictures", 1)

    def rows(*more: object) -> tuple[dict[str, dict[str, Any]], str]:
        assert command(*words, *more, "--json", "-") == 0
        said = capsys.readouterr()
        return {row["name"]: row for row in json.loads(said.out)["sets"][0]["rows"]}, said.err

    full, told = rows()
    assert full["dental-n"]["facts"]["strength"] == 1.0
    assert "at strength" not in told
    half, told = rows("--strength", 0.5)
    assert half["dental-n"]["facts"]["strength"] == 0.5
    assert "- half: at strength 0.5" in told
    assert half["clahe"]["summary"] == full["clahe"]["summary"]
    original = full["input"]["summary"]["psnr_db"]["mean"]
    assert original < half["half"]["summary"]["psnr_db"]["mean"] < full["half"]["summary"]["psnr_db"]["mean"]
    nothing, _ = rows("--strength", 0)
    assert nothing["half"]["summary"]["psnr_db"]["mean"] == original


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--strength", "1.5"), "the strength is 1.5"),
        (("--strength", "nan"), "the strength is nan"),
        (("--method", "magic"), "method 'magic' is unknown"),
        (("--model", "a="), "is not NAME=FILE"),
        (("--model", "a=none.safetensors"), "cannot be read"),
        (("--model", "picture.png"), "is not a model"),
        (("--ours", "nobody"), "--ours nobody is no row"),
        (("--niqe", "none.npz"), "none.npz cannot be read"),
        (("--brisque", "none.yml"), "belong together"),
        (("--nima-sha256", "00"), "without --nima"),
    ],
)
def test_bad_usage_exits_2(
    command: Command,
    paired: Path,
    checkpoint: Path,
    words: tuple[str, ...],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edgeenh_train.checkpoint.SHIPPED", checkpoint)
    with pytest.raises(EdgeenhError, match=expected) as caught:
        command(paired, *words)
    assert caught.value.exit_code == 2


def test_folders_are_checked_before_anything_is_judged(command: Command, paired: Path, checkpoint: Path) -> None:
    with pytest.raises(EdgeenhError, match="is not a folder"):
        command(paired, paired / "none", "--model", checkpoint, "--out", paired / "out")
    assert not (paired / "out").exists()


def test_a_missing_library_is_named(command: Command, paired: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_NEEDS", ("no_such_library",))
    with pytest.raises(EdgeenhError, match=r"`edgeenh evaluate` needs `pip install 'edgeenh\[train\]'`") as caught:
        command(paired)
    assert caught.value.exit_code == 5


def test_importing_the_command_loads_nothing_heavy() -> None:
    import subprocess
    import sys

    code = "import sys, edgeenh_train.evaluate.cli; print([m for m in ('torch','skimage','scipy','cv2') if m in sys.modules])"
    paths = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=paths)
    assert done.stdout.strip() == "[]"
