"""The systemd unit, by systemd's own tools."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[3] / "deploy" / "systemd" / "edgeenh.service"
DROP_IN = UNIT.with_name("edgeenh.service.d") / "site.conf"
ADDED = {"DeviceAllow", "SupplementaryGroups", "After"}
"""Settings of which a second line adds to the first."""
DOCS = Path(__file__).parents[3] / "docs" / "monitoring.md"


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("no systemd-analyze: apt install systemd")
    return found


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit and its drop-in, in a folder of their own; the program is one that is here."""
    for source in (UNIT, DROP_IN):
        copy = tmp_path / source.relative_to(UNIT.parent)
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(source.read_text().replace("/opt/edgeenh/bin/edgeenh", sys.executable))
    return tmp_path / UNIT.name


def verify(analyze: str, unit: Path) -> str:
    """What systemd says against the unit and its drop-in."""
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, timeout=60, check=False)
    named = [line for line in done.stderr.splitlines() if UNIT.name in line or DROP_IN.name in line]
    if "Failed to" in done.stderr and not named:
        pytest.skip(f"systemd-analyze cannot work here: {done.stderr.strip()}")
    return "\n".join(named)


@pytest.mark.parametrize("with_drop_in", [True, False])
def test_systemd_accepts_the_unit(analyze: str, installed: Path, with_drop_in: bool) -> None:
    if not with_drop_in:
        shutil.rmtree(installed.with_name(DROP_IN.parent.name))
    assert verify(analyze, installed) == ""


def test_systemd_reads_the_drop_in(analyze: str, installed: Path) -> None:
    drop_in = installed.with_name(DROP_IN.parent.name) / DROP_IN.name
    drop_in.write_text(drop_in.read_text() + "NoSuchSetting=1\n")
    assert "NoSuchSetting" in verify(analyze, installed)


def test_the_unit_is_as_closed_as_the_documentation_says_also_with_the_drop_in(analyze: str, installed: Path) -> None:
    for unit in (UNIT, installed):
        done = subprocess.run(
            [analyze, "security", "--offline=true", "--threshold=20", unit],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if "unrecognized option" in done.stderr:
            pytest.skip("this systemd-analyze cannot judge a file")
        assert done.returncode == 0, done.stdout[-500:] + done.stderr
    assert "exposure 1.7" in DOCS.read_text()


def test_the_drop_in_opens_nothing_that_the_unit_closes() -> None:
    closed = {name for name, _ in settings_of(UNIT)} - ADDED
    replaced = {name for name, value in settings_of(DROP_IN) if name in closed}
    assert replaced == {"ExecStart", "MemoryMax"}
    assert next(value for name, value in settings_of(DROP_IN) if name == "ExecStart") == ""


def settings_of(path: Path) -> list[tuple[str, str]]:
    return re.findall(r"^(\w+)=(.*)$", path.read_text(), re.MULTILINE)


def test_exit_codes_and_readiness_are_those_of_the_command() -> None:
    settings = dict(settings_of(UNIT))
    assert settings["Type"] == "notify"
    assert settings["RestartPreventExitStatus"] == "2 4"
    assert settings["SuccessExitStatus"] == "130"
    assert settings["ExecStart"].endswith("edgeenh run --config /etc/edgeenh/station.toml")
