"""A folder that is lost while frames go: read-only, removed, or something else in its place."""

import errno
import json
import shutil
from pathlib import Path

import pytest

import edgeenh
from edgeenh.errors import UsageError
from edgeenh.files import is_of_place, translate_write_error
from edgeenh.sinks import open_sinks
from edgeenh.sinks.writer import Writer


@pytest.fixture
def written(tmp_path, tiny_bundle_path, make_picture):
    """written(mode, specs, between) → (unwritten, kinds of events, waiting in the spool); between(number) goes before each frame."""

    def run(mode, specs, between):
        sink = open_sinks(specs, strict=mode != "live")
        spool = {"spool": tmp_path / "spool"} if mode == "exposure" else {}
        frames = [make_picture(20, 30, seed) for seed in range(4)]
        with (
            edgeenh.load(tiny_bundle_path, backend="fake") as enhancer,
            edgeenh.Stream(frames, enhancer, mode=mode, max_age_ms=60_000, **spool) as stream,
        ):
            writer = Writer(stream, sink)
            with sink:
                for number, frame in enumerate(stream):
                    between(number)
                    writer.write(frame)
            kinds = [event.kind for event in stream.events]
        return writer.unwritten, kinds, len(list((tmp_path / "spool").glob("*.exposure")))

    return run


@pytest.mark.parametrize("others", [[], ["null"]])
@pytest.mark.parametrize("kind", ["", "dicom:"])
def test_frames_go_on_while_the_folder_is_something_else_and_none_is_lost(tmp_path, written, kind, others):
    if kind:
        pytest.importorskip("pydicom")
    out = tmp_path / "out"

    def between(number):
        if number == 1:
            out.rename(tmp_path / "aside")
            out.write_text("not a folder")
        elif number == 3:
            out.unlink()
            (tmp_path / "aside").rename(out)

    unwritten, events, waiting = written("exposure", [f"{kind}{out}", *others], between)
    assert (unwritten, waiting) == (2, 2)
    assert {"not_written", "written_again"} <= set(events)


def test_a_folder_that_was_removed_is_made_again_with_its_list(tmp_path, written):
    out = tmp_path / "out"
    unwritten, _, _ = written("exposure", [str(out)], lambda number: number == 2 and shutil.rmtree(out))
    assert unwritten == 0
    lines = [json.loads(line) for line in (out / "frames.jsonl").read_text().splitlines()]
    assert {line["file"] for line in lines} == {path.name for path in out.glob("*.png")}
    assert len(lines) == 2


def test_the_mode_offline_ends(tmp_path, written):
    def between(number):
        if number == 1:
            (tmp_path / "out").rename(tmp_path / "aside")
            (tmp_path / "out").write_text("not a folder")

    with pytest.raises(UsageError, match="cannot be written"):
        written("offline", [str(tmp_path / "out")], between)


def test_a_disk_that_became_read_only_is_of_the_place_and_a_wrong_frame_is_not():
    read_only = OSError(errno.EROFS, "Read-only file system")
    error = translate_write_error(Path("out"), read_only)
    error.__cause__ = read_only
    assert is_of_place(error)
    assert not is_of_place(UsageError("frames of two sizes"))
