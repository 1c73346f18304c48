"""`edgeenh station` as a user types it: bad usage in one line, and a clean end by Ctrl-C with the report."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgeenh.cli import main

from .conftest import Running


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("[service]\nbnd = 'x'", "did you mean bind?"),
        ("[service]\nbind = 'nonsense'", "names no place"),
        ("[service]\nqueue = 0", "at least 1"),
        ("[service]\nprotect = 'all'", "needs a token"),
        ("[service]\ntls_key = 'k'", "go together"),
        ("[service]\nbind = '127.0.0.1:0'\nbundles = ['a/x.edgeenh', 'b/x.edgeenh']", "two files"),
        ("[service]\nbind = '127.0.0.1:0'\ntoken = 'missing'", "make one, e.g. `(umask 077; openssl rand"),
    ],
)
def test_bad_usage_is_one_line(file: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "station.toml"
    path.write_text(file)
    assert main(["station", "--config", str(path)]) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1


def test_a_taken_port_is_told(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["station", "--bind", f"127.0.0.1:{running.port}"]) == 2
    assert "is taken" in capsys.readouterr().err


def test_ctrl_c_ends_it_with_its_report(tmp_path: Path) -> None:
    path, report = tmp_path / "station.toml", tmp_path / "report.json"
    path.write_text(
        '[[source]]\nspec = "synthetic:64x48@5"\n[model]\nbackend = "fake"\nin_process = true\n[service]\nbind = "127.0.0.1:0"\n'
    )
    words = [sys.executable, "-m", "edgeenh.cli", "station", "--config", str(path), "--json", str(report)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as station:
        assert station.stderr is not None
        for line in station.stderr:
            if "http://127.0.0.1:" in line:
                break
        station.send_signal(signal.SIGINT)
        station.communicate(timeout=120)
    assert station.returncode == 130
    document = json.loads(report.read_text())
    assert document["interrupted"]
    assert document["streams"][0]["accounting"]["holds"]
