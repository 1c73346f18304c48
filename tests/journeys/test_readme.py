"""Every command and every line of Python in the README runs; every link leads somewhere. Slow: it includes `make demo`."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHORTER = {"--images 24000": "--images 16", "--frames 20": "--frames 5"}
ELSEWHERE = ("pip install", "make test")
"""Commands that other tests run: `test_install.py` in a fresh environment, and this very suite."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[str]:
    lines = [line.split(" #")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(ELSEWHERE)]


@pytest.mark.slow
def test_every_command_runs(domains: tuple[Path, Path], environment: dict[str, str]) -> None:
    found = commands()
    assert len(found) >= 10
    for line in found:
        line = line.replace("--low DIR", f"--low {domains[0]}").replace("--high DIR", f"--high {domains[1]}")
        for long, short in SHORTER.items():
            line = line.replace(long, short)
        if line.startswith("edgeenh train"):
            subprocess.run(["rm", "-rf", "runs/mine"], cwd=ROOT, check=True)
        line = re.sub(r"^edgeenh ", f"{sys.executable} -m edgeenh.cli ", line)
        done = subprocess.run(
            line, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1800, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.slow
def test_the_python_runs(environment: dict[str, str]) -> None:
    for block in blocks("python"):
        done = subprocess.run(
            [sys.executable, "-c", block],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md", "docs/log.md"]
)
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert target.startswith("http") or (path.parent / target).exists(), f"{document}: {target}"


def test_extras_named_in_the_readme_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {name for group in re.findall(r"'\.\[([a-z,-]+)\]'", README) for name in group.split(",")}
    assert named
    assert named <= set(extras)
