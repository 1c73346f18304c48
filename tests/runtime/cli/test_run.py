from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeenh.errors import InferenceFailed
from edgeenh.pictures import write_picture
from edgeenh.sources import open_source

Run = Callable[..., Any]


def test_a_clip_becomes_an_enhanced_clip_and_a_report(
    edgeenh: Run, clip: Path, tmp_path: Path, fake: list[object]
) -> None:
    done = edgeenh("run", clip, *fake, "--mode", "offline", "--out", tmp_path / "out.mkv", "--json", "-")
    report = done.document
    assert done.code == 0
    assert report["accounting"] == {
        "captured": 20, "enhanced": 20, "passthrough": {}, "dropped": {}, "lost_upstream": {}, "spooled": 0, "in_flight": 0, "holds": True,
    }  # fmt: skip
    assert (report["schema"], report["model"]["id"], len(report["model"]["digest"])) == ("edgeenh.run/1", "tiny", 64)
    assert report["backend"]["name"] == "fake"
    assert set(report["backend"]) >= {"name", "provider", "precision", "device"}
    assert report["latency_ms"]["p90"] is None
    assert report["latency_ms"]["missing"] == {"p90": 44, "p99": 642}
    assert report["environment"]["edgeenh"]
    assert "next: edgeenh bench --model" in done.err
    before, after = open_source(clip).read(), open_source(tmp_path / "out.mkv").read()
    assert before is not None
    assert after is not None
    assert np.array_equal(after.image, np.clip(before.image.astype(int) + 40, 0, 255))


def test_the_same_on_a_real_backend_with_words_for_people(
    edgeenh: Run, clip: Path, tmp_path: Path, tiny_bundle_path: Path
) -> None:
    words = [
        "--model",
        tiny_bundle_path,
        "--backend",
        "onnxruntime",
        "--precision",
        "fp32",
        "--out",
        tmp_path / "o.mp4",
    ]
    done = edgeenh("run", clip, *words, "--frames", "7", "--threads", "1", "--json", tmp_path / "r.json")
    assert done.code == 0
    assert "tiny 1 on onnxruntime" in done.out
    assert "7 captured, 7 enhanced, 0 in flight: every frame accounted for" in done.out
    assert "p90 n/a (needs 57 more)" in done.out
    assert f"written: {tmp_path / 'o.mp4'}" in done.out
    assert done.out.splitlines()[-1].startswith("next: edgeenh bench")
    assert done.err == ""
    assert json.loads((tmp_path / "r.json").read_text())["backend"]["provider"] == "CPUExecutionProvider"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ("--mode", "exposure"),
            "mode exposure keeps every frame on the disk until it is done with: name a folder, --spool DIR",
        ),
        (("--mode", "fast"), "mode 'fast' is not known, expected live, exposure or offline"),
        (("--strength", "1.5"), "strength is 1.5, expected 0"),
        (("--strength", "nan"), "strength is nan, expected 0"),
        (("--max-age", "0"), "max age is 0 ms, expected above 0"),
        (("--frames", "0"), "frames is 0, expected 1 or more"),
        (("--backend", "cudnn"), "there is no backend 'cudnn': choose auto or one of"),
        (("--precision", "fp8"), "fp8"),
        (("--threads", "0"), "threads"),
        (("--device", "tpu"), "tpu"),
        (("--out", "x.xyz"), "frames cannot be written to x.xyz"),
        (("--out", "/dev/null/x"), "/dev/null/x cannot be written"),
    ],
)
def test_wrong_options_are_one_line_and_exit_2(
    edgeenh: Run, clip: Path, tiny_bundle_path: Path, words: tuple[str, ...], expected: str
) -> None:
    done = edgeenh("run", clip, "--model", tiny_bundle_path, *words)
    assert (done.code, done.out) == (2, "")
    assert expected in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("none.mp4", "none.mp4 does not exist: give a video"),
        ("empty", "empty holds no picture, expected .png"),
        ("empty/*.png", "matches no file"),
        ("words.mp4", "cannot be opened as a video"),
        ("cut.mp4", "is cut short and its index is missing"),
        ("1x1.png", "1×1 pixels, expected at least 16×16"),
        ("large.png", "20000×20000 pixels, expected at most 64 megapixels"),
        ("grey.png", "8-bit grey, expected 8-bit RGB"),
        ("deep.png", "16-bit RGB, expected 8-bit RGB"),
        ("camera:99", "camera:99 is not there"),
        ("synthetic:64x48", "expected synthetic:WIDTHxHEIGHT@FPS"),
        ("dvb://1", "is of no known kind, expected camera:0, gige:SERIAL"),
    ],
)
def test_a_source_that_cannot_be_used_is_one_line_and_exit_2(
    edgeenh: Run, clip: Path, bad_files: Path, fake: list[object], source: str, expected: str
) -> None:
    before = sorted(bad_files.rglob("*"))
    (bad_files / "cut.mp4").write_bytes(clip.read_bytes()[: clip.stat().st_size * 6 // 10])
    place = source if ":" in source else bad_files / source
    done = edgeenh("run", place, *fake, "--out", bad_files / "out.mp4")
    assert (done.code, done.out) == (2, "")
    assert expected in done.err
    assert done.err.count("\n") == 1
    assert sorted(bad_files.rglob("*")) == sorted([*before, bad_files / "cut.mp4"])


@pytest.fixture
def bad_files(tmp_path: Path) -> Path:
    """A folder of things that are no good source."""
    folder = tmp_path / "bad"
    (folder / "empty").mkdir(parents=True)
    (folder / "words.mp4").write_text("only words " * 100)
    image = np.full((40, 60, 3), 90, np.uint8)
    cv2.imwrite(str(folder / "1x1.png"), image[:1, :1])
    cv2.imwrite(str(folder / "grey.png"), image[..., 0])
    cv2.imwrite(str(folder / "deep.png"), image.astype(np.uint16) << 8)
    png = bytearray((folder / "deep.png").read_bytes())
    header = b"IHDR" + (20000).to_bytes(4) + (20000).to_bytes(4) + b"\x08\x02\0\0\0"
    png[12:33] = header + zlib.crc32(header).to_bytes(4)
    (folder / "large.png").write_bytes(png)
    return folder


def test_a_truncated_video_is_done_as_far_as_it_goes_and_exits_1(
    edgeenh: Run, tmp_path: Path, fake: list[object]
) -> None:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (96, 64))
    for seed in range(20):
        writer.write(np.random.default_rng(seed).integers(0, 200, (64, 96, 3), np.uint8))
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    done = edgeenh("run", path, *fake, "--out", tmp_path / "out.mp4", "--json", tmp_path / "r.json")
    accounting = json.loads((tmp_path / "r.json").read_text())["accounting"]
    assert done.code == 1
    assert 0 < accounting["enhanced"] < 20
    assert sum(accounting["lost_upstream"].values()) == 20 - accounting["enhanced"]
    assert f"{accounting['enhanced']} frames came, it declares 20 frames" in done.err
    assert open_source(tmp_path / "out.mp4").length == accounting["enhanced"]


def test_pictures_go_to_a_folder_and_a_bad_one_is_named(edgeenh: Run, bad_files: Path, fake: list[object]) -> None:
    write_picture(bad_files / "a good one.png", np.full((40, 60, 3), 90, np.uint8))
    done = edgeenh("run", bad_files, *fake, "--out", bad_files.parent / "out", "--json", "-")
    assert done.code == 1
    assert done.document["accounting"]["lost_upstream"] == {"unreadable": 4}
    assert "deep.png is 16-bit RGB" in done.err
    names = sorted(path.name for path in (bad_files.parent / "out").iterdir())
    assert names == ["000000_a good one.png", "frames.jsonl"]


@pytest.mark.parametrize("sink", ["out.mp4", "out"])
def test_a_full_disk_ends_the_job_and_leaves_nothing_half_written(
    edgeenh: Run, clip: Path, tmp_path: Path, fake: list[object], sink: str, file_limit: Run
) -> None:
    with file_limit(16 << 10):
        words = ("--in-process", "--out", tmp_path / "new" / sink, "--json", "-")  # the limit is for shared memory too
        done = edgeenh("run", clip, *fake, *words)
    report = done.document
    assert done.code == 1
    assert str(tmp_path / "new" / sink) in report["failure"]
    assert report["failure"] in done.err
    assert (report["accounting"]["holds"], report["accounting"]["in_flight"]) == (True, 0)
    assert not [path for path in (tmp_path / "new").rglob("*") if path.is_file()]


def test_files_and_folders_without_rights_are_one_line(
    edgeenh_without_rights: Run, clip: Path, tmp_path: Path, fake: list[object]
) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    done = edgeenh_without_rights("run", clip, *fake, "--out", tmp_path / "locked" / "out.mp4")
    assert done.code == 2
    assert "locked cannot be written (Permission denied): choose a place you may write to" in done.err
    clip.chmod(0)
    done = edgeenh_without_rights("run", clip, *fake)
    assert done.code == 2
    assert f"{clip} cannot be read (Permission denied): give a file that you may read" in done.err


def test_the_source_is_never_overwritten(edgeenh: Run, clip: Path, fake: list[object]) -> None:
    before = clip.read_bytes()
    done = edgeenh("run", clip, *fake, "--out", clip)
    assert (done.code, clip.read_bytes()) == (2, before)
    assert "is the source itself: choose another place" in done.err


def test_a_backend_that_fails_lets_the_originals_through_and_exits_1(
    edgeenh: Run, clip: Path, tmp_path: Path, fake: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def fail_later(self: object, image: Any, strength: float, out: Any) -> None:
        calls.append(1)
        if len(calls) > 10:
            raise InferenceFailed("the device is lost")
        np.add(np.minimum(image, 250), 5, out=out)

    monkeypatch.setattr("edgeenh.backends.fake.FakeSession.run", fail_later)
    done = edgeenh("run", clip, *fake, "--in-process", "--out", tmp_path / "out.mp4", "--json", "-")
    accounting = done.document["accounting"]
    assert done.code == 1
    assert accounting["enhanced"] + accounting["passthrough"]["backend_error"] == 20
    assert open_source(tmp_path / "out.mp4").length == 20
    assert "the originals go out (backend_error) from frame" in done.err
    assert "the device is lost" in done.err


def test_live_shows_a_clip_at_its_rate(edgeenh: Run, clip: Path, fake: list[object]) -> None:
    done = edgeenh("run", clip, *fake, "--mode", "live", "--max-age", "10000", "--frames", "5", "--json", "-")
    report = done.document
    assert (done.code, report["mode"]) == (0, "live")
    assert report["accounting"]["captured"] == 5
    assert report["throughput_fps"] < 50  # 25 per second in the file; never as fast as possible


def test_a_model_that_is_none_is_refused(edgeenh: Run, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "m.edgeenh").write_bytes(b"no bundle")
    done = edgeenh("run", clip, "--model", tmp_path / "m.edgeenh")
    assert done.code == 4
    done = edgeenh("run", clip, "--model", tmp_path / "none.edgeenh")
    assert (done.code, done.err.count("\n")) == (2, 1)
