"""Bad pictures, folders, disks and files: each run refuses in one line, or says what it left out, and loses nothing."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgeenh.cli import main
from edgeenh.errors import CheckpointError, InputError, OutputFailed
from edgeenh_train.checkpoint import load_generator
from edgeenh_train.config import TrainConfig
from edgeenh_train.data import Folders, PictureFolder, open_domains
from edgeenh_train.loop import train
from edgeenh_train.run import CHECKPOINT_FILE
from edgeenh_train.state import STATE_FILE

MakePicture = Callable[..., NDArray[np.uint8]]


def fill(folder: Path, make_picture: MakePicture, count: int, *, seed: int = 0, gain: float = 1.0) -> Path:
    folder.mkdir()
    for index in range(count):
        cv2.imwrite(str(folder / f"{index:02}.png"), make_picture(seed + index, gain=gain))
    return folder


@pytest.mark.parametrize("found", [0, 1])
@pytest.mark.parametrize("bad", ["low", "high"])
def test_an_empty_domain_and_one_of_a_single_picture(
    bad: str, found: int, tiny: TrainConfig, domains: tuple[Path, Path], tmp_path: Path, make_picture: MakePicture
) -> None:
    folder = fill(tmp_path / "few", make_picture, found, seed=50)
    given = {"low": domains[0], "high": domains[1], bad: folder}
    message = "holds no picture; expected files ending in" if found == 0 else r"holds 1 usable picture\(s\)"
    with pytest.raises(InputError, match=f"few {message}"):
        train(tiny, Folders(**given), tmp_path / "run", device="cpu")
    assert not list((tmp_path / "run").iterdir())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_a_truncated_picture_is_left_out_counted_and_named(
    suffix: str, tiny: TrainConfig, domains: tuple[Path, Path], tmp_path: Path, make_picture: MakePicture
) -> None:
    low = fill(tmp_path / "low", make_picture, 20, gain=0.4)
    whole = tmp_path / f"whole{suffix}"
    cv2.imwrite(str(whole), make_picture(99))
    (low / f"half{suffix}").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    report = train(dataclasses.replace(tiny, images=2), Folders(low, domains[1]), tmp_path / "run", device="cpu")
    (remark,) = report.remarks
    assert remark.startswith(f"left out: half{suffix}: {low / f'half{suffix}'} ")
    assert json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[0]) == {"event": remark}


def test_more_than_five_percent_stop_the_run(
    tiny: TrainConfig, domains: tuple[Path, Path], tmp_path: Path, make_picture: MakePicture
) -> None:
    low = fill(tmp_path / "low", make_picture, 38)
    for name in ("a.png", "b.jpg"):
        (low / name).write_bytes(b"")
    assert len(PictureFolder(low, decode_side=96).unreadable) == 2  # 2 of 40 are 5 %
    (low / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InputError, match=r"3 of 41 pictures cannot be used, more than 5 %; the first: a\.png: "):
        train(tiny, Folders(low, domains[1]), tmp_path / "run", device="cpu")


def paired_set(root: Path, make_picture: MakePicture, count: int) -> Path:
    root.mkdir()
    fill(root / "input", make_picture, count, gain=0.4)
    fill(root / "truth", make_picture, count)
    return root


@pytest.mark.parametrize(("bad", "good"), [("input", "truth"), ("truth", "input")])
def test_a_pair_with_a_bad_side_is_left_out_counted_and_named_on_both(
    bad: str, good: str, tiny: TrainConfig, tmp_path: Path, make_picture: MakePicture
) -> None:
    folder = paired_set(tmp_path / "pairs", make_picture, 20)
    (folder / bad / "03.png").write_bytes(b"not a picture")
    config = dataclasses.replace(tiny, method="paired", camera="none", images=2)
    report = train(config, Folders(pairs=folder), tmp_path / "run", device="cpu")
    other = f"left out: 03.png: {folder / good / '03.png'} pairs with {bad}/03.png, which cannot be used"
    (own,) = set(report.remarks) - {other}
    assert own.startswith(f"left out: 03.png: {folder / bad / '03.png'} ")
    assert len(report.remarks) == 2
    pictures = open_domains(config, Folders(pairs=folder), frozenset({"degraded", "truth"}))
    assert pictures.inputs is not None
    assert pictures.truths is not None
    assert pictures.inputs.names == pictures.truths.names == [f"{i:02}.png" for i in range(20) if i != 3]
    assert len(pictures.inputs.images) == len(pictures.inputs.digests) == 19
    assert all(b.mean() > a.mean() for a, b in zip(pictures.inputs.images, pictures.truths.images, strict=True))


def test_bad_sides_of_more_than_five_percent_of_the_pairs_stop_the_run(
    tiny: TrainConfig, tmp_path: Path, make_picture: MakePicture
) -> None:
    folder = paired_set(tmp_path / "pairs", make_picture, 20)
    (folder / "input" / "03.png").write_bytes(b"")
    (folder / "truth" / "05.png").write_bytes(b"")
    config = dataclasses.replace(tiny, method="paired", camera="none")
    message = r"2 of 20 pairs have a side that cannot be used, more than 5 %; the first: 03\.png: .*input"
    with pytest.raises(InputError, match=message):
        train(config, Folders(pairs=folder), tmp_path / "run", device="cpu")
    (folder / "truth" / "05.png").unlink()
    with pytest.raises(InputError, match=r"1 picture\(s\) without a partner, the first 05\.png"):
        train(config, Folders(pairs=folder), tmp_path / "run", device="cpu")


def test_mixed_sizes_and_depths_train_together(
    tiny: TrainConfig, domains: tuple[Path, Path], tmp_path: Path, make_picture: MakePicture
) -> None:
    low = tmp_path / "low"
    low.mkdir()
    for index, (height, width) in enumerate([(40, 300), (300, 40), (17, 16), (96, 128), (500, 400)] * 2):
        picture = make_picture(index, height=height, width=width, gain=0.4)
        wide = picture.astype(np.uint16) * 257
        kinds = {".png": picture, ".tif": wide, ".bmp": picture, ".jpg": picture[..., 0]}
        suffix = list(kinds)[index % 4]
        cv2.imwrite(str(low / f"{index}{suffix}"), kinds[suffix])
    folder = PictureFolder(low, decode_side=96)
    assert {image.dtype.name for image in folder.images} == {"uint8", "uint16"}
    assert folder.widened == 2
    report = train(dataclasses.replace(tiny, whole_share=0.5), Folders(low, domains[1]), tmp_path / "run", device="cpu")
    assert report.finished
    assert report.remarks == (f"{low}: 2 grey pictures stand in as colour ones",)


def test_one_folder_for_both_domains(
    domains: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--low", str(domains[0]), "--high", str(domains[0]), "--out", str(tmp_path / "run")]
    assert main(words) == 2
    assert "8 picture(s) of" in capsys.readouterr().err
    assert not list((tmp_path / "run").iterdir())


def test_colour_pictures_in_a_grey_run(tiny: TrainConfig, domains: tuple[Path, Path], tmp_path: Path) -> None:
    config = dataclasses.replace(tiny, channels=1, camera="none")
    with pytest.raises(InputError, match=r"8 of 8 pictures cannot be used.*train with channels = 3"):
        train(config, Folders(*domains), tmp_path, device="cpu")


@pytest.mark.parametrize("damage", ["cut", "emptied", "foreign", "other part"])
def test_a_corrupt_state_is_refused_and_the_checkpoint_still_loads(
    damage: str, tiny: TrainConfig, folders: Folders, tmp_path: Path
) -> None:
    train(dataclasses.replace(tiny, images=4), folders, tmp_path, device="cpu")
    state = tmp_path / STATE_FILE
    data = state.read_bytes()
    other = data.replace(b"discriminator/", b"discriminatox/")
    damaged = {"cut": data[:-100], "emptied": b"", "foreign": b"\x80\x04pickled" * 9, "other part": other}
    state.write_bytes(damaged[damage])
    before = state.read_bytes()
    with pytest.raises(CheckpointError, match="start again without --resume in another --out"):
        train(tiny, folders, tmp_path, device="cpu", resume=True)
    assert state.read_bytes() == before
    assert load_generator(tmp_path / CHECKPOINT_FILE)[1].images_seen == 4


def test_a_state_from_before_a_setting_existed_resumes_and_knows_no_time(
    tiny: TrainConfig, folders: Folders, tmp_path: Path
) -> None:
    train(dataclasses.replace(tiny, images=4), folders, tmp_path, device="cpu")
    assert load_generator(tmp_path / CHECKPOINT_FILE)[1].training_seconds is not None
    _rewrite(
        tmp_path / STATE_FILE,
        lambda facts: (facts["config"].pop("backbone_sha256"), facts.pop("seconds"), facts.pop("seal")),
    )
    assert train(tiny, folders, tmp_path, device="cpu", resume=True).images == 12
    assert load_generator(tmp_path / CHECKPOINT_FILE)[1].training_seconds is None


def test_what_keeps_a_resumed_run_from_ending_as_an_unbroken_one_is_said(
    tiny: TrainConfig, domains: tuple[Path, Path], tmp_path: Path, make_picture: MakePicture
) -> None:
    low = Path(shutil.copytree(domains[0], tmp_path / "low"))
    moved = Path(shutil.copytree(domains[0], tmp_path / "moved"))
    short = dataclasses.replace(tiny, images=4)

    def remarks(images: int, folder: Path) -> tuple[str, ...]:
        config = dataclasses.replace(short, images=images)
        return train(config, Folders(folder, domains[1]), tmp_path / "run", device="cpu", resume=True).remarks

    train(short, Folders(low, domains[1]), tmp_path / "run", device="cpu")
    finished = "nothing is left to train: 4 of 4 pictures were seen; go on with a larger --images"
    assert remarks(4, moved) == (finished,)
    (planned,) = remarks(6, moved)
    assert planned == "the run was planned for 4 pictures, and now for 6: it will not end as an unbroken run would have"
    cv2.imwrite(str(low / "0.png"), make_picture(77, gain=0.4))
    assert remarks(8, low)[0].startswith("the folders hold other pictures than when the run was saved: ")
    torch.set_num_threads(2)
    threads = [line for line in remarks(10, low) if "threads" in line]
    assert len(threads) == 1
    assert threads[0].startswith(
        "the run was saved with threads = 1, and goes on with 2: sums are rounded in another order"
    )


def _rewrite(state: Path, change: Callable[[dict[str, dict[str, object]]], object]) -> None:
    data = state.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    facts = json.loads(header["__metadata__"]["edgeenh-state"])
    change(facts)
    header["__metadata__"]["edgeenh-state"] = json.dumps(facts)
    text = json.dumps(header).encode()
    state.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])


def test_seconds_add_up_over_sessions(tiny: TrainConfig, folders: Folders, tmp_path: Path) -> None:
    def seconds_of(images: int, *, resume: bool) -> float:
        ticks = iter(range(10**9))
        config = dataclasses.replace(tiny, images=images)
        train(config, folders, tmp_path, device="cpu", resume=resume, clock=lambda: float(next(ticks)))
        found = load_generator(tmp_path / CHECKPOINT_FILE)[1].training_seconds
        assert found is not None
        return found

    first = seconds_of(4, resume=False)
    assert first > 2
    assert seconds_of(8, resume=True) >= first + 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 8 MiB: less than a run of more width needs, more than a tiny one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    try:
        mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small disk takes root and the right to mount")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_ends_the_run_and_leaves_the_last_good_checkpoint(
    tiny: TrainConfig, folders: Folders, small_disk: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = small_disk / "run"
    short = dataclasses.replace(tiny, images=4, sample_every=1000)
    train(short, folders, out, device="cpu")
    free = os.statvfs(small_disk)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(free.f_bavail * free.f_frsize - 65_536))
    before = (out / STATE_FILE).read_bytes()
    with pytest.raises(OutputFailed, match=r"no space left to write .*state\.safetensors: free some space"):
        train(dataclasses.replace(short, images=12), folders, out, device="cpu", resume=True)
    assert "Traceback" not in capfd.readouterr().err
    assert (out / STATE_FILE).read_bytes() == before
    assert load_generator(out / CHECKPOINT_FILE)[1].images_seen == 4
    assert not list(out.rglob("*.part*"))
    filler.unlink()
    assert train(dataclasses.replace(short, images=12), folders, out, device="cpu", resume=True).images == 12


def test_no_space_from_the_command_line(
    domains: tuple[Path, Path], small_disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tiny.toml"
    file.write_text("batch = 2\nview_height = 64\nview_width = 64\ndiscriminator_width = 32\ndecode_side = 96\n")
    words = ["train", "--low", domains[0], "--high", domains[1], "--config", file, "--images", 2, "--device", "cpu"]
    assert main([str(word) for word in (*words, "--out", small_disk / "run")]) == 1
    error = capsys.readouterr().err
    assert "no space left to write" in error
    assert "no checkpoint had been written yet" in error
    assert "Traceback" not in error
    assert not (small_disk / "run" / STATE_FILE).exists()


def test_data_sets_are_made_without_torch(make_picture: MakePicture, tmp_path: Path) -> None:
    """The base install makes data sets: none of these modules may import what training needs."""
    fill(tmp_path / "good", make_picture, 3)
    script = (
        "import sys\n"
        "for name in ('torch', 'kornia', 'safetensors', 'lightning_fabric', 'skimage', 'scipy'):\n"
        "    sys.modules[name] = None\n"
        "from edgeenh.cli import main\n"
        f"sys.exit(main(['dataset', 'degrade', {str(tmp_path / 'good')!r}, '--out', {str(tmp_path / 'made')!r}]))\n"
    )
    root = Path(__file__).parents[2]
    paths = os.pathsep.join(str(root / name) for name in ("runtime", "train", "export", "benchmarks"))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": paths}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "made" / "input").iterdir())) == 3
