"""The examples run: Python in this process's environment, Java against a station."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgeenh.pictures import read_picture

from .conftest import Running

EXAMPLES = Path(__file__).parents[3] / "examples"
FRAME = Path(__file__).parents[3] / "export" / "edgeenh_export" / "frames" / "bright-frontal.png"


def test_python(tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    words = [sys.executable, str(EXAMPLES / "enhance.py"), str(FRAME), str(out)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "bundle_sha256" in done.stdout
    assert read_picture(out).shape == read_picture(FRAME).shape


@pytest.mark.skipif(shutil.which("javac") is None, reason="javac is not installed")
def test_java(running: Running, tmp_path: Path) -> None:
    subprocess.run(["javac", "-d", str(tmp_path), str(EXAMPLES / "Enhance.java")], check=True, timeout=300)

    def call(source: Path, *more: str) -> subprocess.CompletedProcess[str]:
        words = ["java", "-cp", str(tmp_path), "Enhance", f"http://127.0.0.1:{running.port}", str(source), *more]
        return subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)

    out = tmp_path / "out.png"
    done = call(FRAME, str(out), "0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ENHANCED by dental-n")
    assert (read_picture(out) == read_picture(FRAME)).all()
    broken = tmp_path / "broken.png"
    broken.write_bytes(FRAME.read_bytes()[:100])
    refused = call(broken, str(tmp_path / "none.png"))
    assert (refused.returncode, refused.stderr[:4]) == (1, "422 ")
    assert not (tmp_path / "none.png").exists()
