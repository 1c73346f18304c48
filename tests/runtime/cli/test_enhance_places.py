"""`edgeenh enhance` in folders as they are: with results in them, with what is no file, with names that are no text."""

import json
import os
import shutil

import numpy as np
import pytest

from edgeenh.bulk.discovery import expand
from edgeenh.bulk.ledger import LIST, Ledger, sha256
from edgeenh.frames import Provenance
from edgeenh.pictures import read_picture, write_picture

MADE = Provenance("0" * 64, "0" * 64, "fake", "no model", "fp32", 1.0)


@pytest.fixture
def photos(tmp_path, make_picture):
    folder = tmp_path / "my photos"
    write_picture(folder / "a.png", make_picture(20, 30))
    return folder


def test_results_in_the_folder_of_originals_are_not_enhanced_again(edgeenh, photos, fake):
    words = ("enhance", photos, *fake, "--out", photos / "enhanced", "--json", "-")
    first = edgeenh(*words).document["counts"]
    second = edgeenh(*words).document["counts"]
    assert (first["found"], first["enhanced"]) == (1, 1)
    assert (second["found"], second["done_before"]) == (1, 1)
    other = edgeenh("enhance", photos, *fake, "--out", photos / "stronger", "--json", "-").document["counts"]
    assert (other["found"], other["enhanced"]) == (1, 1)  # the first results are none of its inputs


def test_what_is_no_plain_file_is_told_and_the_rest_is_done(edgeenh, photos, tmp_path, fake):
    os.mkfifo(photos / "pipe.png")
    (photos / "gone.png").symlink_to(photos / "nowhere.png")
    done = edgeenh("enhance", photos, *fake, "--out", tmp_path / "out", "--json", "-")
    assert (done.code, done.document["counts"]["enhanced"], done.document["counts"]["failed"]) == (1, 1, 2)
    assert "pipe.png is a pipe, socket or device, expected a plain file" in done.err
    assert "gone.png cannot be read" in done.err
    assert {entry["input"] for entry in done.document["pictures"] if entry["code"]} == {
        str(photos / "pipe.png"),
        str(photos / "gone.png"),
    }


def test_a_folder_that_may_not_be_searched_is_told_and_the_rest_is_done(
    edgeenh_without_rights, photos, tmp_path, fake, make_picture
):
    (photos / "locked").mkdir(mode=0o000)
    write_picture(photos / "listed" / "b.png", make_picture(20, 30))
    (photos / "listed").chmod(0o400)
    done = edgeenh_without_rights("enhance", photos, *fake, "--out", tmp_path / "out")
    assert done.code == 1
    assert "locked cannot be read (Permission denied)" in done.err
    assert "b.png cannot be read (Permission denied)" in done.err
    assert (tmp_path / "out" / "a.png").is_file()


def test_a_name_that_is_no_text_is_a_name(edgeenh, photos, tmp_path, fake):
    shutil.copy(photos / "a.png", os.fsencode(photos) + b"/\xff.png")
    words = ("enhance", photos, *fake, "--out", tmp_path / "out", "--json", tmp_path / "r.json")
    assert edgeenh(*words).code == 0
    names = [entry["input"] for entry in json.loads((tmp_path / "r.json").read_text())["pictures"]]
    assert os.fsencode(photos) + b"/\xff.png" in map(os.fsencode, names)
    assert edgeenh(*words).code == 0
    assert json.loads((tmp_path / "r.json").read_text())["counts"]["done_before"] == 2


def test_a_line_after_one_that_was_cut_is_whole(tmp_path):
    (tmp_path / LIST).write_text('{"output": "a.png", "cut')
    (tmp_path / "b.png").write_bytes(b"made")
    Ledger(tmp_path, "key").add(tmp_path / "b.png", tmp_path / "in.png", sha256(b"data"), b"made", MADE)
    assert Ledger(tmp_path, "key").has(tmp_path / "b.png", b"data")


def test_hidden_folders_and_lists_of_results_are_not_searched(photos, make_picture):
    write_picture(photos / ".hidden" / "b.png", make_picture(20, 30))
    write_picture(photos / "former" / "c.png", make_picture(20, 30))
    (photos / "former" / LIST).touch()
    assert [place.name for _, place in expand(str(photos), photos / "out", [])] == ["a.png"]


def test_files_of_one_stem_become_results_of_their_own_and_are_found_again(edgeenh, tmp_path, fake, make_picture):
    places = {"a.png": "a.png", "a.jpg": "a.jpg.png", "b.bmp": "b.bmp.png", "b.jpg": "b.jpg.png", "c.jpg": "c.png"}
    for seed, name in enumerate(places):
        write_picture(tmp_path / "in" / name, make_picture(20, 20, seed))
    words = ("enhance", tmp_path / "in", *fake, "--strength", "0", "--out", tmp_path / "out", "--json", "-")
    done = edgeenh(*words)
    assert (done.code, done.document["counts"]["enhanced"]) == (0, len(places))
    for name, result in places.items():
        assert np.array_equal(read_picture(tmp_path / "out" / result), read_picture(tmp_path / "in" / name))
    (tmp_path / "out" / "a.jpg.png").unlink()  # as if the first run had been ended before it
    again = edgeenh(*words).document["counts"]
    assert (again["enhanced"], again["done_before"]) == (1, len(places) - 1)
    assert (tmp_path / "out" / "a.jpg.png").is_file()


def test_names_as_long_as_the_file_system_takes(edgeenh, tmp_path, fake, make_picture):
    names = ["x" * 251 + ".png", "y" * 250 + ".jpeg", "ä" * 125 + ".tif", "ä" * 125 + ".bmp"]
    write_picture(tmp_path / "a.png", make_picture(20, 30))
    for name in names:
        write_picture(tmp_path / name[-8:], make_picture(20, 30))
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / name[-8:]).rename(tmp_path / "in" / name)
    words = ("enhance", tmp_path / "in", *fake, "--out", tmp_path / "out", "--json", "-")
    assert edgeenh(*words).document["counts"]["enhanced"] == len(names)
    assert len(list((tmp_path / "out").glob("*.png"))) == len(names)
    assert edgeenh(*words).document["counts"]["done_before"] == len(names)
