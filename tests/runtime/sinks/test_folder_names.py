"""Names of files as they come, in a folder of frames."""

import json
import os

import pytest

import edgeenh
from edgeenh.pictures import write_picture
from edgeenh.sinks import open_sink


@pytest.fixture
def through(tmp_path, tiny_bundle_path):
    """through(**options) → the lines of `frames.jsonl` after every picture of `tmp_path/in` went through a stream."""

    def run(**options):
        sink = open_sink(tmp_path / "out")
        with (
            edgeenh.load(tiny_bundle_path, backend="fake") as enhancer,
            edgeenh.Stream(tmp_path / "in", enhancer, **options) as stream,
        ):
            for frame in stream:
                sink.write(frame)
        sink.close()
        return [json.loads(line) for line in (tmp_path / "out" / "frames.jsonl").read_text().splitlines()]

    return run


@pytest.mark.parametrize("exposure", [False, True])
def test_names_as_long_as_the_file_system_takes(tmp_path, through, make_picture, exposure):
    names = ["x" * 250 + "1.png", "x" * 250 + "2.png", "ä" * 125 + ".png"]
    for name in names:
        write_picture(tmp_path / "in" / name, make_picture(20, 30))
    lines = through(**({"mode": "exposure", "spool": tmp_path / "spool"} if exposure else {}))
    assert sorted(line["label"] for line in lines) == sorted(names)
    assert len({line["file"] for line in lines}) == len(names)
    assert all((tmp_path / "out" / line["file"]).is_file() for line in lines)


def test_a_name_that_is_no_text(tmp_path, through, make_picture):
    write_picture(tmp_path / "in" / "a.png", make_picture(20, 30))
    (tmp_path / "in" / "a.png").rename(tmp_path / "in" / os.fsdecode(b"\xff.png"))
    (line,) = through()
    assert os.fsencode(line["label"]) == b"\xff.png"
    assert (tmp_path / "out" / line["file"]).is_file()
