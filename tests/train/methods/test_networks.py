"""Checkpoints of rivals: used and told of in tables, never exported; and the whole way of one through the command line."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgeenh.cli import main
from edgeenh.errors import CheckpointError
from edgeenh_train.checkpoint import CheckpointInfo, load_generator, save_generator
from edgeenh_train.config import TrainConfig
from edgeenh_train.data import Folders
from edgeenh_train.methods.networks import RIVALS, build_network, load_enhancer, network_name
from edgeenh_train.networks.cost import convolution_macs

Configured = Callable[..., TrainConfig]


def write(path: Path, config: TrainConfig, /, **changes: Any) -> Path:
    torch.manual_seed(0)
    state = build_network(config, network_name(config)).state_dict()
    info = CheckpointInfo(
        "x", 1, network_name(config), config.cap, 80, "made up", "none", config=dataclasses.asdict(config), channels=config.channels,
        training_seconds=12.5,
    )  # fmt: skip
    save_generator(path, state, dataclasses.replace(info, **changes))
    return path


@pytest.mark.parametrize("preset", ["cyclegan", "uegan", "dncnn", "default", "xray"])
def test_every_method_s_checkpoint_enhances_pictures_of_any_size(
    preset: str, configured: Configured, tmp_path: Path
) -> None:
    config = configured(preset)
    enhance, facts, info = load_enhancer(write(tmp_path / "g.safetensors", config))
    image = np.random.default_rng(0).random((45, 67, config.channels), dtype=np.float32)
    enhanced = enhance(image)
    assert (enhanced.shape, enhanced.dtype) == (image.shape, np.float32)
    assert 0.0 <= enhanced.min() <= enhanced.max() <= 1.0
    assert info.variant == network_name(config)
    network = build_network(config, network_name(config))
    assert facts == {
        "method": config.method, "network": network_name(config), "images_seen": 80, "training_seconds": 12.5, "data": "made up",
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "macs_per_pixel": convolution_macs(network, config.channels, 720, 1280) / (720 * 1280), "setting": facts["setting"],
        "whole": True, "strength": None if preset in RIVALS else 1.0,
    }  # fmt: skip
    assert f"views of 64×64, batch 2, {'width 8, ' if preset in RIVALS else ''}" in facts["setting"]
    assert ("4 layers" in facts["setting"]) is (preset == "dncnn")


def test_what_an_older_checkpoint_does_not_say_is_not_known(configured: Configured, tmp_path: Path) -> None:
    config = configured("default")
    _, facts, _ = load_enhancer(write(tmp_path / "g.safetensors", config, training_seconds=None, config={}))
    assert (facts["training_seconds"], facts["setting"], facts["method"]) == (None, None, "unpaired")


@pytest.mark.parametrize("rival", RIVALS)
def test_a_rival_cannot_be_exported(rival: str, configured: Configured, tmp_path: Path) -> None:
    path = write(tmp_path / "g.safetensors", configured(rival))
    with pytest.raises(CheckpointError, match=f"'{rival}', which is a rival for comparison and cannot be exported"):
        load_generator(path)


def test_checkpoints_that_cannot_be_used(configured: Configured, tmp_path: Path) -> None:
    path, config = tmp_path / "g.safetensors", configured("dncnn")
    with pytest.raises(CheckpointError, match="network 'resnet' is unknown; known: n, s, m, seed, cyclegan"):
        load_enhancer(write(path, config, variant="resnet"))
    with pytest.raises(CheckpointError, match="do not fit variant 'cyclegan'"):
        load_enhancer(write(path, config, variant="cyclegan"))
    other = dataclasses.asdict(config) | {"rival_width": 16}
    with pytest.raises(CheckpointError, match="do not fit variant 'dncnn'"):
        load_enhancer(write(path, config, config=other))
    for wrong in ({"batch": "many"}, {"batch": 0}):
        with pytest.raises(CheckpointError, match=r"g\.safetensors carries a configuration that cannot be read"):
            load_enhancer(write(path, config, config=dataclasses.asdict(config) | wrong))


def test_a_rival_from_training_to_the_table(folders: Folders, pairs: Path, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "small.toml"
    file.write_text("batch = 2\nview_height = 64\nview_width = 64\nrival_width = 8\ndecode_side = 96\n")
    words = ("train", "--preset", "uegan", "--low", folders.low, "--high", folders.high, "--config", file)
    assert main([str(word) for word in (*words, "--images", 4, "--out", tmp_path / "run", "--device", "cpu")]) == 0
    checkpoint = tmp_path / "run" / "generator.safetensors"
    said = "".join(capsys.readouterr())
    assert f"next: edgeenh evaluate PAIRS --model {checkpoint}" in said
    assert "data wait" in said
    words = ("evaluate", pairs, "--model", f"UEGAN={checkpoint}", "--out", tmp_path / "table", "--json", "-")
    assert main([str(word) for word in words]) == 0
    (row,) = [
        row for row in json.loads(capsys.readouterr().out)["sets"][0]["rows"] if row["facts"]["method"] == "uegan"
    ]
    assert row["name"] == "UEGAN"
    assert row["facts"]["images_seen"] == 4
    assert row["facts"]["training_seconds"] >= 0
    assert row["facts"]["macs_per_pixel"] > 1000
    assert "- UEGAN: views of 64×64, batch 2, width 8" in (tmp_path / "table" / "quality.md").read_text()
    assert main(["export", str(checkpoint), "--out", str(tmp_path / "m.edgeenh")]) == 2
    assert "rival for comparison" in capsys.readouterr().err
