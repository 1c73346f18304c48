"""The documents: the site builds, commands run, quoted messages exist in the code, figures stand in results."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_the_site_builds_strictly_and_fetches_nothing(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    pytest.importorskip("mkdocstrings", reason="the extra docs is not installed")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?://', page) == []
    commands = (tmp_path / "site/reference/commands.html").read_text(encoding="utf-8")
    assert "edgeenh bench compare" in commands
    python = (tmp_path / "site/reference/python.html").read_text(encoding="utf-8")
    assert "StreamGroup" in python


def test_every_command_of_the_program_is_in_the_reference() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edgeenh.cli", "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    there = re.findall(r"^  ([a-z]+)  ", done.stdout.split("Commands:")[1], flags=re.MULTILINE)
    spec = importlib.util.spec_from_file_location("hooks", DOCS / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    listed = hooks.all_commands()
    assert there
    assert [name for name in there if (name,) not in listed] == []
    assert {("bench", "compare"), ("dataset", "fivek"), ("evidence", "verify")} <= set(listed)


def test_quoted_messages_exist_in_the_code() -> None:
    table = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^\| `([^`]+)` \|", table, flags=re.MULTILINE)
    assert len(quoted) >= 12
    files = [
        path.read_text(encoding="utf-8")
        for folder in ("runtime", "train", "export", "benchmarks/edgeenh_bench")
        for path in (ROOT / folder).rglob("*.py")
    ]
    # adjacent string literals of one message are one text
    code = re.sub(r'"\s*\n\s*f?"', "", "\n".join(files))
    assert [message for message in quoted if message not in code] == []


def test_figures_of_scale_stand_in_results() -> None:
    text = (DOCS / "scale.md").read_text(encoding="utf-8")
    rows = re.findall(r"\| ([\d.]+) (?:ms|MB) \| `([\w.-]+\.json)` \|", text)
    assert len(rows) == 3
    for value, name in rows:
        result = json.loads((ROOT / "benchmarks/results" / name).read_text(encoding="utf-8"))
        digits = len(value.partition(".")[2])
        assert float(value) in [round(figure["value"], digits) for figure in result["figures"]], (value, name)
    p50 = float(rows[0][0])
    assert f"25 · {p50:g} ms = {25 * p50:.0f} ms" in text
    assert f"1000 / {p50:g} = {1000 // p50:.0f}" in text
    assert f"100 · 25 · {p50:g} / 500 = {100 * 25 * p50 / 500:.0f}" in text


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


RUN = ["bench.md", "tutorial.md"]


def test_every_page_that_promises_to_run_does() -> None:
    """A block marked `sh` is run by the test below; what cannot run here (cameras, GPUs, archives) is not marked, and `test_documented_commands.py` reads it."""
    promised = [str(page.relative_to(DOCS)) for page in sorted(DOCS.rglob("*.md")) if commands(page)]
    assert promised == RUN


@pytest.mark.slow
@pytest.mark.parametrize("name", RUN)
def test_every_command_of_a_page_runs(name: str, tmp_path: Path) -> None:
    """In a folder of its own with the tree's pictures in it, in the order of the page."""
    for folder in ("export", "benchmarks"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    found = commands(DOCS / name)
    assert len(found) >= 5
    for line in found:
        line = re.sub(r"^edgeenh ", f"{sys.executable} -m edgeenh.cli ", line)
        done = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
