"""How the journeys run commands: as a user does, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [str(ROOT / name) for name in ("runtime", "train", "export", "benchmarks")]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("home")  # what a command remembers stays in here
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    changes = {
        "PYTHONPATH": os.pathsep.join(PACKAGES),
        "PATH": paths,
        "XDG_CACHE_HOME": str(home),
        "PYTHONUNBUFFERED": "1",
    }
    return {**os.environ, **changes}


@pytest.fixture(scope="session")
def edgeenh(environment: dict[str, str]) -> Run:
    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edgeenh.cli", *map(str, words)]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=600, check=False
        )

    return run


@pytest.fixture
def script(environment: dict[str, str], tmp_path: Path) -> Run:
    """script(path, words…): a shell script, with an `edgeenh` on the path that is this very source tree; its report is report.json."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "edgeenh"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m edgeenh.cli "$@"\n')
    program.chmod(0o755)
    changed = environment | {
        "PATH": f"{program.parent}:{environment['PATH']}", "EDGEENH_REPORT": str(tmp_path / "report.json"),
    }  # fmt: skip

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = ["sh", *map(str, words)]
        return subprocess.run(
            command, env=changed, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )

    return run


@pytest.fixture(scope="session")
def domains(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Dim and bright views of the golden photographs and of their mirror images: eight of each, as many as estimating a camera takes."""
    root = tmp_path_factory.mktemp("domains")
    photographs = sorted((ROOT / "export" / "edgeenh_export" / "frames").glob("*.png"))
    for name, gain in (("low", 0.5), ("high", 1.0)):
        (root / name).mkdir()
        for file in photographs:
            small = cv2.resize(cv2.imread(str(file)), (240, 160), interpolation=cv2.INTER_AREA)
            shown = np.clip(small * gain, 0, 255).astype(np.uint8)
            cv2.imwrite(str(root / name / f"{name}-{file.name}"), shown)
            cv2.imwrite(str(root / name / f"{name}-mirrored-{file.name}"), cv2.flip(shown, 1))
    return root / "low", root / "high"
