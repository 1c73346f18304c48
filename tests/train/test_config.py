"""Settings: presets, file and options in order, and every wrong key or value refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeenh.errors import UsageError
from edgeenh_train.config import PRESETS, TrainConfig, resolve, with_values


def test_later_settings_win(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('variant = "s"\nbatch = 3\nquality = 1\n')
    config = resolve("seed", file, {"variant": "m"})
    assert (config.variant, config.batch, config.quality) == ("m", 3, 1.0)
    assert config.generator_rate == PRESETS["seed"]["generator_rate"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("batchsize = 3", "unknown key 'batchsize'"),
        ("batch = 3.5", "is a float; expected int"),
        ("batch = 0", "expected 1 to 1024"),
        ("view_height = 100", "not a multiple of 16"),
        ('variant = "x"', "variant 'x' is unknown"),
        ("batch = nan", "is a float"),
        ("quality = nan", "out of range"),
        ("batch", "is not TOML"),
    ],
)
def test_wrong_setting_is_refused_by_name(tmp_path: Path, line: str, expected: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(line + "\n")
    with pytest.raises(UsageError, match=expected):
        resolve("default", file, {})


def test_unknown_preset_and_missing_file() -> None:
    with pytest.raises(UsageError, match="preset 'x' is unknown; choose one of default, "):
        resolve("x", None, {})
    with pytest.raises(UsageError, match="cannot be read"):
        resolve("default", Path("no/such.toml"), {})


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid(preset: str) -> None:
    assert with_values(TrainConfig(), PRESETS[preset], preset)
