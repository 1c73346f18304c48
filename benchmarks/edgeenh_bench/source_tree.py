"""The source tree that measures, and its commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The source tree, where these files lie in one; targets that install or show the commit need it."""


def source_state() -> str | None:
    """The commit that was measured, with `-dirty` when its files have changed; None outside a checkout.

    Stored results do not count: each one that is measured anew is such a change.
    """
    if not (ROOT / "benchmarks" / "edgeenh_bench").is_dir():
        return None  # installed: a repository around that is somebody else's
    try:
        commit = _git("rev-parse", "--short=12", "HEAD").strip()
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":!benchmarks/results")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}-dirty" if changed else commit


def _git(*words: str) -> str:
    command = ["git", "-C", str(ROOT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
