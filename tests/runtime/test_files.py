import errno
import os
import stat
from pathlib import Path

import pytest

from edgeenh.errors import OutputFailed, UsageError
from edgeenh.files import fitting_name, make_folder, replacing, translate_write_error, write_bytes, write_text


def test_a_file_takes_its_place_whole(tmp_path):
    target = tmp_path / "new" / "deep" / "clip.mp4"
    with replacing(target) as temporary:
        assert temporary.suffix == ".mp4"
        assert temporary.parent == target.parent
        temporary.write_bytes(b"half")
        assert not target.exists()
        temporary.write_bytes(b"whole")
    assert target.read_bytes() == b"whole"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_on_any_error_the_old_file_stays_and_nothing_else(tmp_path, error):
    target = tmp_path / "out.json"
    target.write_text("old")

    def write_half():
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises((ValueError, KeyboardInterrupt, OutputFailed)):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_said_as_such(tmp_path):
    def write():
        with replacing(tmp_path / "out.bin"), Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")

    with pytest.raises(OutputFailed, match=r"no space left to write .*out\.bin"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_what_failed_is_told_also_where_the_disk_lets_nothing_be_removed(tmp_path):
    def write():
        with replacing(tmp_path / "out.bin") as temporary:
            temporary.unlink()
            temporary.mkdir()  # as on a disk that became read-only, it cannot be unlinked
            raise OSError(errno.EROFS, "Read-only file system", str(temporary))

    with pytest.raises(UsageError, match=r"out\.bin cannot be written \(Read-only"):
        write()


def test_results_are_ordinary_files(tmp_path):
    old = os.umask(0o027)
    try:
        write_text(tmp_path / "ä.txt", "größer")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "ä.txt").stat().st_mode) == 0o640
    assert (tmp_path / "ä.txt").read_bytes() == "größer".encode()


def test_a_path_through_a_file_is_bad_usage(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_bytes(tmp_path / "file" / "out", b"")
    with pytest.raises(UsageError, match="cannot be written"):
        make_folder(tmp_path / "file")


def test_a_folder_in_the_place_of_the_file_is_bad_usage_and_stays(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        write_bytes(tmp_path / "out", b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_make_folder_makes_parents_and_leaves_no_trace(tmp_path):
    made = make_folder(tmp_path / "a" / "b")
    assert made.is_dir()
    assert list(made.iterdir()) == []
    assert make_folder(made) == made


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        (errno.ENOSPC, OutputFailed, "no space left"),
        (errno.EDQUOT, OutputFailed, "no space left"),
        (errno.EACCES, UsageError, "choose a place you may write to"),
        (errno.EROFS, UsageError, "choose a place you may write to"),
        (errno.EISDIR, UsageError, "choose another"),
        (errno.EIO, OutputFailed, "could not be written"),
    ],
)
def test_every_error_names_the_place_and_the_way_out(tmp_path, code, kind, message):
    error = translate_write_error(tmp_path / "x", OSError(code, os.strerror(code)))
    assert type(error) is kind
    assert message in str(error)
    assert str(tmp_path / "x") in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("name", ["x" * 251 + ".png", "ä" * 125 + ".dcm", "x" * 255, "x." + "y" * 253, "." + "x" * 254])
def test_names_as_long_as_the_file_system_takes_are_written_and_replaced(tmp_path, name):
    for content in (b"one", b"two"):
        write_bytes(tmp_path / name, content)
    assert (tmp_path / name).read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_names_that_do_not_fit_are_cut_and_stay_apart():
    first, second = (fitting_name("ä" * 140 + end, ".png") for end in ("1", "2"))
    assert first != second
    assert first == fitting_name("ä" * 140 + "1", ".png")
    for name in (first, second):
        assert 250 < len(os.fsencode(name)) <= 255
        assert name.startswith("ä" * 100)
        assert name.endswith(".png")
    assert fitting_name("x" * 251, ".png") == "x" * 251 + ".png"
