"""`edgeenh run A B`: several sources, one model, a folder and a report for each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeenh.sinks.places import folder_name

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
