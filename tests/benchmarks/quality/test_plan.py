from pathlib import Path

import pytest

from edgeenh_bench.quality.plan import ROWS, SETTINGS, config_text, dataset_commands, slug
from edgeenh_train.config import TrainConfig, resolve
from edgeenh_train.methods import needs_of


def settings_of(row, setting: str, folder: Path) -> TrainConfig:
    file = folder / "row.toml"
    file.write_text(config_text(row, setting), encoding="utf-8")
    return resolve(row.preset, file, {})


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_row_sees_the_same_number_of_pictures_in_views_of_one_size(setting, tmp_path):
    configs = [settings_of(row, setting, tmp_path) for row in ROWS]
    assert len({(c.images, c.view_height, c.view_width, c.constant_epochs, c.decay_epochs) for c in configs}) == 1


@pytest.mark.parametrize("row", ROWS, ids=lambda row: slug(row.name))
def test_a_row_is_given_the_folders_that_its_method_uses(row, tmp_path):
    config = settings_of(row, "reduced", tmp_path)
    given = {word for word in row.folders if word.startswith("--")}
    wanted = {f"--{name}" for name in needs_of(config) & {"low", "high"}}
    assert given == (wanted or ({"--pairs"} if config.camera == "none" else {"--high"}))


def test_only_the_rows_called_so_know_a_truth_of_low_pictures():
    assert [row.name for row in ROWS if "--pairs" in row.folders] == ["n paired twin", "DnCNN pairs"]


def test_an_imagenet_backbone_goes_to_uegan_alone():
    backbone = {"backbone": "squeezenet", "backbone_file": "f", "backbone_sha256": "0"}
    assert [row.name for row in ROWS if "squeezenet" in config_text(row, "full", backbone)] == ["UEGAN"]


def test_training_and_test_pictures_come_from_different_people():
    commands = dataset_commands(Path("photographs"), "V(1)", "7,10")
    assert commands[0][commands[0].index("--hold-out") + 1] == "7,10"
    sources = {words[words.index("--out") + 1]: words[2] for words in commands[1:]}
    assert sources == {"low": "split/low", "pairs": "split/low", "test": "split/held-out", "test-b": "split/held-out"}
