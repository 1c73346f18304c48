"""Target: a fresh environment with edgeenh[cpu] ≤ 400 MB, pip included."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from edgeenh.errors import JobFailed
from edgeenh_bench.source_tree import ROOT
from edgeenh_bench.targets.figures import Figure, Measurement

LIMIT_MB = 400.0


def measure(model: Path | None, threads: int | None, *, requirement: str = f"{ROOT}[cpu]") -> Measurement:
    """Install into a new environment in a temporary folder and add up its files, in MB of 10⁶ bytes.

    Raises:
        JobFailed: There is no source tree to install from, or pip failed.
    """
    del model, threads
    if not (ROOT / "pyproject.toml").exists():
        raise JobFailed(f"there is no pyproject.toml in {ROOT}: run this target from a source tree")
    with tempfile.TemporaryDirectory(prefix="edgeenh-install-") as folder:
        _run([sys.executable, "-m", "venv", folder])
        python = str(Path(folder, "bin", "python"))
        _run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement])
        versions = _run([python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"]).split()
        sizes = folder_sizes(next(Path(folder, "lib").glob("python*/site-packages")))
        total = sum(folder_sizes(Path(folder)).values())
    figure = Figure("fresh environment with edgeenh[cpu]", total / 1e6, "MB", at_most=LIMIT_MB)
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:12]
    return Measurement(
        [figure], {"packages": versions, "largest_mb": {name: round(size / 1e6, 1) for name, size in largest}}
    )


def folder_sizes(folder: Path) -> dict[str, int]:
    """Bytes below each entry of a folder; links count as nothing, since what they point to is elsewhere."""
    return {entry.name: _size(entry) for entry in folder.iterdir()}


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file() and not file.is_symlink())


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise JobFailed(f"`{' '.join(command)}` ended with {done.returncode}: {last[0]}")
    return done.stdout
