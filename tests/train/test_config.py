"""Settings: presets, file and options in order, and every wrong key or value refused by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from edgeenh.errors import UsageError
from edgeenh_train.camera import CAMERAS
from edgeenh_train.config import CAMERA_NAMES, PRESETS, TrainConfig, remarks_on, resolve, with_values


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
        ("quality = -0.1", "quality = -0.1 is out of range; expected 0 to 100"),
        ("identity = -1", "out of range"),
        ("colour = -1e-9", "out of range"),
        ("truth = inf", "out of range"),
        ('view_width = "256px"', "view_width = '256px' is a str; expected int"),
        ('images = "24k"', "is a str; expected int"),
        ("zoom = 20", "zoom = 20.0 is out of range; expected 0 to 4"),
        ("rotate = true", "is a bool; expected float"),
        ("resume = true", "unknown key 'resume'"),
        ("[losses]\nquality = 1", "unknown key 'losses'"),
        ("channels = 2", r"expected 3 \(colour\) or 1 \(grey\)"),
        ("bits = 12", "bits = 12 with channels = 3; expected 9 to 16 of grey, or 0"),
        ("channels = 1\nbits = 8", "bits = 8 with channels = 1; expected 9 to 16 of grey, or 0"),
        ('camera = "phone"', "camera 'phone' is unknown; choose one of none, estimated"),
        ('method = "pix2pix"', "method 'pix2pix' is unknown"),
        ('precision = "int8"', "precision 'int8' is unknown"),
        ('backbone = "vgg19"', "need a file, pyramid none"),
        ('backbone_file = "v.pth"', "need a file, pyramid none"),
        ('backbone_sha256 = "00"', "without backbone_file"),
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


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_a_row_of_settings_and_nothing_else(preset: str) -> None:
    config = resolve(preset, None, {})
    assert dataclasses.asdict(config) == dataclasses.asdict(TrainConfig()) | PRESETS[preset]


def test_presets_of_papers_have_their_published_settings() -> None:
    """CycleGAN: section 7.1. UEGAN: the authors' code, whose 0.10 for quality goes with the half in each depth's term."""
    published = {
        "cyclegan": {"batch": 1, "generator_rate": 2e-4, "discriminator_rate": 2e-4, "constant_epochs": 100, "decay_epochs": 100},
        "uegan": {
            "batch": 10, "generator_rate": 1e-4, "discriminator_rate": 4e-4, "constant_epochs": 50, "decay_epochs": 50, "quality": 0.1,
            "consistency": 1.0, "identity": 0.1,
        },
        "seed": {"variant": "seed", "generator_rate": 1e-4, "constant_epochs": 150, "quality": 0.1, "consistency": 1.0, "identity": 0.1},
        "dncnn": {"generator_rate": 1e-3, "rival_depth": 17, "camera": "dental-noise"},
    }  # fmt: skip
    for preset, settings in published.items():
        found = dataclasses.asdict(resolve(preset, None, {}))
        assert {key: found[key] for key in settings} == settings
        assert found["rival_width"] == 0  # the paper's own


def test_cameras_are_those_that_exist() -> None:
    assert set(CAMERA_NAMES) - {"none", "estimated"} <= set(CAMERAS)


@pytest.mark.parametrize(
    ("preset", "values", "remarks"),
    [
        ("default", {"batch": 7}, 1),
        ("uegan", {"batch": 1}, 1),
        ("default", {"batch": 8}, 0),
        ("default", {"batch": 1, "quality": 0.0}, 0),
        ("cyclegan", {}, 0),  # its paper's own batch is one, and its judges compare with nothing
        ("paired", {"batch": 1}, 0),
    ],
)
def test_a_small_batch_is_remarked_on_where_a_loss_averages_over_it(preset, values, remarks):
    found = remarks_on(resolve(preset, None, values))
    assert len(found) == remarks
    assert all("below 8" in line for line in found)
