"""Version folders: a next one beside the last, all of it or nothing."""

from __future__ import annotations

import errno
import json
import multiprocessing
import resource
from pathlib import Path

import pytest

from edgeenh.errors import OutputFailed, UsageError
from edgeenh_export.serving.folders import ServedModel, check_folder, write_models


def model(name="m", data=b"one", **contract):
    return ServedModel(name, {"image": "uint8", **contract}, {"made": data.hex()}, {"config.pbtxt": b"c"}, {"x": data})


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_next_version_is_added_and_what_stands_beside_stays(tmp_path):
    folder = tmp_path / "new" / "models"
    (first,) = write_models(folder, [model()])
    assert (first.version, first.added, first.path) == (1, True, folder / "m" / "1")
    (folder / "m" / "config.pbtxt").write_bytes(b"edited by its user")
    (second,) = write_models(folder, [model(data=b"two")])
    assert (second.version, second.added) == (2, True)
    assert (folder / "m" / "config.pbtxt").read_bytes() == b"edited by its user"
    assert (folder / "m" / "1" / "x").read_bytes() == b"one"
    assert (folder / "m" / "2" / "x").read_bytes() == b"two"
    assert list(folder.parent.iterdir()) == [folder]  # nothing of the staging is left


def test_the_same_again_adds_nothing(tmp_path):
    write_models(tmp_path, [model()])
    (again,) = write_models(tmp_path, [model()])
    assert (again.version, again.added) == (1, False)
    assert tree(tmp_path) == ["m/1/edgeenh.json", "m/1/x", "m/config.pbtxt"]


def test_the_version_after_ten_is_eleven(tmp_path):
    write_models(tmp_path, [model()])
    (tmp_path / "m" / "1").rename(tmp_path / "m" / "10")
    assert write_models(tmp_path, [model(data=b"two")])[0].version == 11


def test_another_contract_is_refused_and_named(tmp_path):
    write_models(tmp_path, [model(scale=1)])
    with pytest.raises(UsageError, match=r"another scale \(scale 1, this one scale 2\)"):
        write_models(tmp_path, [model("new"), model(data=b"two", scale=2)])
    assert tree(tmp_path) == ["m/1/edgeenh.json", "m/1/x", "m/config.pbtxt"]


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"contract": 3}', b"\xff"])
def test_a_folder_of_somebody_else_is_not_touched(tmp_path, content):
    (tmp_path / "m" / "1").mkdir(parents=True)
    (tmp_path / "m" / "1" / "model.onnx").write_bytes(b"theirs")
    if content is not None:
        (tmp_path / "m" / "1" / "edgeenh.json").write_bytes(content)
    before = tree(tmp_path)
    with pytest.raises(UsageError, match="choose another place"):
        write_models(tmp_path, [model()])
    assert tree(tmp_path) == before


def test_a_link_or_file_in_the_place_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "m").symlink_to(tmp_path / "real")
    with pytest.raises(UsageError, match="not a folder"):
        write_models(tmp_path, [model()])
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match=r"--triton .*file is a file"):
        check_folder(tmp_path / "file", "--triton")
    check_folder(tmp_path / "no" / "such", "--triton")
    assert not (tmp_path / "no").exists()


def test_a_full_disk_leaves_all_as_it_was(tmp_path):
    folder = tmp_path / "models"
    write_models(folder, [model()])
    before = tree(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        with pytest.raises(OutputFailed, match="could not be written"):
            write_models(folder, [model("other"), model(data=b"x" * 10_000)])
        with pytest.raises(OutputFailed, match="could not be written"):
            write_models(tmp_path / "new", [model(data=b"x" * 10_000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert tree(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_when_a_rename_fails_those_before_it_are_undone(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    write_models(folder, [model()])
    before, rename = tree(tmp_path), Path.rename

    def fail(self, target):
        if Path(target).name == "b":
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OutputFailed, match="no space left"):
        write_models(folder, [model("a"), model(data=b"two"), model("b")])
    assert tree(tmp_path) == before


def _write(folder, number):
    write_models(folder, [model(data=b"%d" % number)])


def test_two_at_once_become_two_versions(tmp_path):
    context = multiprocessing.get_context("fork")
    several = [context.Process(target=_write, args=(tmp_path / "models", number)) for number in range(4)]
    for one in several:
        one.start()
    for one in several:
        one.join()
    place = tmp_path / "models" / "m"
    assert sorted(path.name for path in place.iterdir() if path.is_dir()) == ["1", "2", "3", "4"]
    made = {json.loads((place / str(n) / "edgeenh.json").read_text())["made"] for n in range(1, 5)}
    assert len(made) == 4
