"""Generators for colour and for grey, and checkpoints that say which they hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from edgeenh.errors import CheckpointError
from edgeenh_train.checkpoint import CheckpointInfo, load_generator, save_generator
from edgeenh_train.networks import VARIANTS, build_generator


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_generator_takes_and_gives_its_channels(variant: str, channels: int) -> None:
    generator = build_generator(variant, channels=channels).eval()
    image = torch.rand(1, channels, 32, 48, generator=torch.Generator().manual_seed(1))
    assert generator.channels == channels
    assert torch.equal(generator(image), image)  # untrained, it is the identity
    torch.nn.init.normal_(generator.head.weight, 0, 0.5, generator=torch.Generator().manual_seed(2))
    enhanced = generator(image)
    assert enhanced.shape == image.shape
    assert not torch.equal(enhanced, image)
    assert torch.equal(generator(image, 0.0), image)
    with pytest.raises(RuntimeError, match="channels"):
        generator(torch.rand(1, 4 - channels, 32, 48))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_checkpoint_carries_its_channels(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "g.safetensors"
    state = build_generator("n", 0.5, channels).state_dict()
    save_generator(path, state, CheckpointInfo("x", 1, "n", 0.5, 0, "", "", channels=channels))
    generator, info = load_generator(path)
    assert (info.channels, generator.channels) == (channels, channels)
    assert all(torch.equal(value, state[name]) for name, value in generator.state_dict().items())


def test_a_checkpoint_that_says_nothing_is_for_colour(tmp_path: Path) -> None:
    path = tmp_path / "g.safetensors"
    save_generator(path, build_generator("n", 0.5).state_dict(), CheckpointInfo("x", 1, "n", 0.5, 0, "", ""))
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    fields = json.loads(header["__metadata__"]["edgeenh"])
    del fields["channels"], fields["seal"]
    header["__metadata__"]["edgeenh"] = json.dumps(fields)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    assert load_generator(path)[1].channels == 3


@pytest.mark.parametrize("channels", [0, 2, 4, "3", True, 1.0, None])
def test_channels_that_no_picture_has_are_refused(tmp_path: Path, channels: object) -> None:
    path = tmp_path / "g.safetensors"
    info = CheckpointInfo("x", 1, "n", 0.5, 0, "", "", channels=channels)  # type: ignore[arg-type]
    save_generator(path, build_generator("n", 0.5).state_dict(), info)
    with pytest.raises(CheckpointError, match="this edgeenh has 3"):
        load_generator(path)


def test_weights_for_other_channels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "g.safetensors"
    save_generator(path, build_generator("n", 0.5, 1).state_dict(), CheckpointInfo("x", 1, "n", 0.5, 0, "", ""))
    with pytest.raises(CheckpointError, match="do not fit variant 'n'"):
        load_generator(path)
