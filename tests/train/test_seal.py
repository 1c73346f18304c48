"""The seal: every bit of a checkpoint and of a state is under it, and what is older than seals still loads."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from edgeenh.cli import main
from edgeenh.errors import CheckpointError
from edgeenh_train.checkpoint import CheckpointInfo, load_generator, read_info, remark_on, save_generator
from edgeenh_train.config import TrainConfig
from edgeenh_train.data import Folders
from edgeenh_train.loop import train
from edgeenh_train.networks import build_generator
from edgeenh_train.run import CHECKPOINT_FILE
from edgeenh_train.seal import BLANK, BrokenSealError, opened, sealable, sealed
from edgeenh_train.shipped import FOLDER, WITHOUT_SEAL
from edgeenh_train.state import STATE_FILE, load_state


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    return {"a": torch.arange(8.0), "b.c": torch.ones(2, 3)}


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_no_bit_of_a_sealed_file_can_change(tensors: dict[str, Tensor]) -> None:
    data = sealed(save(tensors, metadata={"k": sealable({"x": 1, "words": 'the "seal": "' + BLANK})}))
    assert opened(data, "k") == ({"x": 1, "words": 'the "seal": "' + BLANK}, True)
    assert set(load(data)) == {"a", "b.c"}
    for bit in range(8 * len(data)):
        try:
            fields, whole = opened(flipped(data, bit), "k")
        except (ValueError, KeyError, TypeError):
            continue
        assert (whole, len(fields)) == (False, 3), bit  # the seal's own name: its reader knows it by a field too many


def test_longer_shorter_and_exchanged_content_breaks_the_seal(tensors: dict[str, Tensor]) -> None:
    data = sealed(save(tensors, metadata={"k": sealable({"x": 1})}))
    other = sealed(save({**tensors, "a": torch.zeros(8)}, metadata={"k": sealable({"x": 1})}))
    start = 8 + int.from_bytes(data[:8], "little")
    for changed in (data + b"0", data[:-1], data[:start] + other[start:]):
        with pytest.raises(BrokenSealError, match="was sealed"):
            opened(changed, "k")


def test_the_same_content_gives_the_same_file(tensors: dict[str, Tensor]) -> None:
    assert len({sealed(save(tensors, metadata={"k": sealable({"x": 1})})) for _ in range(3)}) == 1


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "g.safetensors"
    torch.manual_seed(0)
    save_generator(path, build_generator("n", 0.25).state_dict(), CheckpointInfo("tiny", 2, "n", 0.25, 80, "a", "b"))
    return path


def test_a_flipped_bit_in_the_weights_is_named(checkpoint: Path) -> None:
    assert load_generator(checkpoint)[1].whole
    data = checkpoint.read_bytes()
    checkpoint.write_bytes(flipped(data, 8 * (len(data) - 1000)))
    load(checkpoint.read_bytes())  # safetensors itself takes it
    with pytest.raises(
        CheckpointError, match=r"g\.safetensors is damaged: its content has SHA-256 .* was sealed; take another"
    ):
        load_generator(checkpoint)
    place = data.index(b"seal")
    checkpoint.write_bytes(data[:place] + b"seam" + data[place + 4 :])
    with pytest.raises(CheckpointError, match="not an edgeenh checkpoint, or is damaged"):
        load_generator(checkpoint)


def without_seal(path: Path) -> None:
    """As it was written before there were seals."""
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    ((key, text),) = header["__metadata__"].items()
    fields = json.loads(text)
    del fields["seal"]
    path.write_bytes(save(load(data), metadata={key: json.dumps(fields)}))


def test_a_checkpoint_from_before_seals_loads_and_it_is_said(
    checkpoint: Path, photograph_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert remark_on(checkpoint, read_info(checkpoint)) == ""
    without_seal(checkpoint)
    generator, info = load_generator(checkpoint)
    assert not info.whole
    assert not generator.training
    assert "carries no seal" in remark_on(checkpoint, info)
    assert main(["evaluate", str(photograph_folder), "--model", str(checkpoint), "--method", "clahe"]) == 0
    assert "g: its checkpoint carries no seal" in capsys.readouterr().err


@pytest.fixture
def photograph_folder(tmp_path: Path, make_picture: Callable[..., np.ndarray]) -> Path:
    import cv2

    folder = tmp_path / "photographs"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), make_picture(1, height=48, width=64))
    return folder


@pytest.mark.parametrize("name", ["dental-n", "xray-n"])
def test_shipped_checkpoints_are_known_and_damage_to_them_is_found(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = read_info(FOLDER / f"{name}.safetensors")
    assert info.whole
    assert info.sha256 in WITHOUT_SEAL
    monkeypatch.setattr("edgeenh_train.checkpoint.FOLDER", tmp_path)
    copy = Path(shutil.copy(FOLDER / f"{name}.safetensors", tmp_path))
    assert load_generator(copy)[1].whole
    copy.write_bytes(flipped(copy.read_bytes(), 8 * (copy.stat().st_size - 1000)))
    with pytest.raises(CheckpointError, match="not the file that ships"):
        load_generator(copy)


@pytest.fixture
def run(tiny: TrainConfig, folders: Folders, tmp_path: Path) -> Path:
    train(dataclasses.replace(tiny, images=4, sample_every=1000), folders, tmp_path / "run", device="cpu")
    return tmp_path / "run"


def test_a_flipped_bit_in_a_state_is_named_and_so_is_the_checkpoint_that_is_left(
    run: Path, tiny: TrainConfig, folders: Folders
) -> None:
    state = run / STATE_FILE
    data = state.read_bytes()
    assert load_state(run)[2]
    state.write_bytes(flipped(data, 8 * (len(data) - 1000)))
    load(state.read_bytes())
    with pytest.raises(
        CheckpointError, match=r"state\.safetensors is damaged: .*start again without --resume"
    ) as caught:
        train(tiny, folders, run, device="cpu", resume=True)
    assert f"the checkpoint {run / CHECKPOINT_FILE}, of 4 pictures seen, is whole" in str(caught.value)
    (run / CHECKPOINT_FILE).write_bytes(b"")
    with pytest.raises(CheckpointError) as caught:
        train(tiny, folders, run, device="cpu", resume=True)
    assert "is whole" not in str(caught.value)
    place = data.index(b"seal\\")
    state.write_bytes(data[:place] + b"seam" + data[place + 4 :])
    with pytest.raises(CheckpointError, match="is damaged"):
        load_state(run)


def test_a_state_from_before_seals_resumes_and_it_is_said(run: Path, tiny: TrainConfig, folders: Folders) -> None:
    without_seal(run / STATE_FILE)
    report = train(dataclasses.replace(tiny, sample_every=1000), folders, run, device="cpu", resume=True)
    assert report.images == 12
    assert not any("other pictures" in remark for remark in report.remarks)  # it does not say which it had
    assert any("state.safetensors carries no seal" in remark for remark in report.remarks)
    assert load_state(run)[2]


@pytest.mark.parametrize(
    ("damage", "found"),
    [("missing", "is missing"), ("damaged", "is damaged"), ("older", "is of 2 pictures seen")],
)
def test_resuming_mends_a_checkpoint_that_is_not_of_its_state(
    damage: str, found: str, run: Path, tiny: TrainConfig, folders: Folders
) -> None:
    """As a kill between the writing of the two leaves it; here of a run that was at its end, which saves nothing more."""
    path = run / CHECKPOINT_FILE
    good, info = load_generator(path)
    before = {name: value.clone() for name, value in good.state_dict().items()}
    if damage == "older":
        save_generator(path, build_generator("n", tiny.cap).state_dict(), dataclasses.replace(info, images_seen=2))
    else:
        path.write_bytes(path.read_bytes()[:-5])
    if damage == "missing":
        path.unlink()
    config = dataclasses.replace(tiny, images=4, sample_every=1000)
    report = train(config, folders, run, device="cpu", resume=True)
    assert f"{path} {found}; written anew from the state, of 4 pictures seen" in report.remarks
    mended, now = load_generator(path)
    assert (now.images_seen, now.whole) == (4, True)
    assert all(torch.equal(value, before[name]) for name, value in mended.state_dict().items())
