"""Running the command line: in this process, or in one of its own where signals and rights matter."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeenh.cli import main

ROOT = Path(__file__).parents[3]

# Root may read and write everything; a child without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH may not.
DROP_RIGHTS = """
import ctypes, os, sys
for capability in (1, 2):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-m", "edgeenh.cli", *sys.argv[1:]])
"""


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


def environment(tmp_path: Path) -> dict[str, str]:
    folders = (str(ROOT / name) for name in ("runtime", "train", "export", "benchmarks"))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def edgeenh(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Done]:
    """edgeenh(*words) runs `edgeenh words…` in this process."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*words: object) -> Done:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def edgeenh_without_rights(tmp_path: Path) -> Callable[..., Done]:
    """The same in another process, which may open only what the permissions of a file allow, even for root."""

    def run(*words: object) -> Done:
        command = [sys.executable, "-c", DROP_RIGHTS, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment(tmp_path), timeout=60)
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def start_script(tmp_path: Path) -> Callable[[str], subprocess.Popen[str]]:
    """Start a Python script that uses edgeenh; its stdout is a pipe to synchronise on."""

    def start(script: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", script]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment(tmp_path))

    return start


@pytest.fixture
def file_limit() -> Callable[[int], AbstractContextManager[None]]:
    """with file_limit(bytes): no file may grow beyond it, as on a full disk."""

    @contextmanager
    def limit(size: int) -> Iterator[None]:
        former = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, former)

    return limit


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A video of 20 noisy frames of 96×64 at 25 per second; its index comes last."""
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (96, 64))
    for seed in range(20):
        writer.write(np.random.default_rng(seed).integers(0, 200, (64, 96, 3), np.uint8))
    writer.release()
    return path


@pytest.fixture
def fake(tiny_bundle_path: Path) -> list[object]:
    """Options that run a small bundle on the backend without a library."""
    return ["--model", tiny_bundle_path, "--backend", "fake"]
