"""`edgeenh run A B`: several sources, one model, a folder and a report for each."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeenh.errors import OutputFailed
from edgeenh.frames import EnhancedFrame
from edgeenh.pictures import read_picture, write_picture
from edgeenh.sinks.folder import FolderSink
from edgeenh.sinks.places import folder_name, place_names, place_of

Run = Callable[..., Any]


@pytest.fixture
def second_clip(clip: Path, tmp_path: Path) -> Path:
    path = tmp_path / "second.mp4"
    path.write_bytes(clip.read_bytes())
    return path


@pytest.mark.parametrize("place", [(), ("--in-process",)])
def test_each_source_has_its_folder_and_its_report(
    edgeenh: Run, clip: Path, second_clip: Path, fake: list[object], tmp_path: Path, place: tuple[str, ...]
) -> None:
    out, spool = tmp_path / "out", tmp_path / "spool"
    done = edgeenh("run", clip, second_clip, *fake, "--spool", spool, "--out", out, "--json", "-", *place)
    assert done.code == 0, done.err
    document = done.document
    assert document["schema"] == "edgeenh.run-several/1"
    assert [stream["source"]["id"] for stream in document["streams"]] == [str(clip), str(second_clip)]
    for stream in document["streams"]:
        assert (stream["mode"], stream["accounting"]["enhanced"], stream["accounting"]["holds"]) == (
            "exposure",
            20,
            True,
        )
        folder = out / folder_name(stream["source"]["id"])
        assert len(list(folder.glob("*.png"))) == 20
    assert len(list(spool.iterdir())) == 2
    assert not list(spool.glob("*/*.exposure"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("SAME",), "the same source is named twice"),
        (("OTHER", "--out", "o.mp4"), "--out o.mp4 is one file, and there are 2 sources"),
        (("OTHER", "--fault", "clock-step@1s"), "--fault and --raw are for one source"),
        (("none.mp4",), "none.mp4 does not exist"),
        (("OTHER", "--mode", "exposure"), "name a folder, --spool DIR"),
    ],
)
def test_wrong_words_are_one_line_and_exit_2(
    edgeenh: Run, clip: Path, second_clip: Path, fake: list[object], words: tuple[str, ...], expected: str
) -> None:
    named = [{"SAME": clip, "OTHER": second_clip}.get(word, word) for word in words]
    done = edgeenh("run", clip, *named, *fake)
    assert (done.code, done.out) == (2, "")
    assert expected in done.err
    assert done.err.count("\n") == 1


def test_sources_whose_names_look_alike_write_into_folders_of_their_own(
    edgeenh: Run, tmp_path: Path, fake: list[object], make_picture: Any
) -> None:
    sources = [tmp_path / "a" / "b", tmp_path / "a-b"]
    for seed, source in enumerate(sources):
        write_picture(source / "p.png", make_picture(20, 30, seed))
    done = edgeenh("run", *sources, *fake, "--strength", "0", "--out", tmp_path / "out", "--json", "-", "--in-process")
    assert done.code == 0, done.err
    for source, stream in zip(sources, done.document["streams"], strict=True):
        (written,) = Path(stream["sink"]).glob("*.png")
        assert (read_picture(written) == read_picture(source / "p.png")).all()


def test_names_of_places_do_not_depend_on_the_order_and_hold_no_password() -> None:
    sources = ["a/b", "a-b", "camera:0", "rtsp://me:secret@host/1", "x" * 300, "x" * 299 + "y"]
    names = place_names(sources)
    assert len(set(names)) == len(sources)
    assert names[2] == "camera-0"
    assert not any("secret" in name for name in names)
    assert all(len(name) <= 255 for name in names)
    assert place_names(sources[::-1]) == names[::-1]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("dicom:out?class=xc&lossy=yes", "dicom:out/cam?class=xc&lossy=yes"),
        ("dicom:out.d", "dicom:out.d/cam"),
        ("dicom://PACS@10.0.0.5:104?outbox=o&class=xc", "dicom://PACS@10.0.0.5:104?outbox=o/cam&class=xc"),
        ("dicom:", "dicom:"),
        ("out.d/", "out.d//cam/"),
        ("shm:s?mode=0640", "shm:s.cam?mode=0640"),
    ],
)
def test_each_of_several_sources_has_a_place_in_the_place(spec: str, expected: str) -> None:
    assert place_of(spec, "cam", 1, 2) == expected


def test_a_source_that_cannot_be_opened_leaves_no_sink_of_another_open(edgeenh: Any, fake: Any, tmp_path: Path) -> None:
    name = f"edgeenh-several-{os.getpid()}"
    done = edgeenh("run", "synthetic:32x24@5", tmp_path / "none.png", *fake, "--in-process", "--out", f"shm:{name}")
    assert done.code == 2, done.err
    assert not list(Path("/dev/shm").glob(f"{name}*"))


def test_a_frame_that_one_sink_of_a_source_lacks_is_counted_and_exit_1(
    edgeenh: Run, fake: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures, written = iter([OutputFailed("full for once")]), FolderSink.write

    def write(sink: FolderSink, frame: EnhancedFrame) -> None:
        for failure in failures:
            raise failure
        written(sink, frame)

    monkeypatch.setattr(FolderSink, "write", write)
    words = [*fake, "--in-process", "--mode", "live", "--max-age", "60000", "--frames", "3", "--json", "-"]
    done = edgeenh("run", "synthetic:32x24@20", "synthetic:48x24@20", *words, "--out", "null", "--out", tmp_path / "o")
    sinks = [stream["sinks"][1] for stream in done.document["streams"]]
    assert (done.code, sorted(sink["missed"] for sink in sinks)) == (1, [0, 1])
    assert [sink["failure"] for sink in sinks] == [None, None]
