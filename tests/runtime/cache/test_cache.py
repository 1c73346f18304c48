"""The station's cache: what is remembered comes back, and nothing that anybody else put there does."""

import errno
import json
import multiprocessing
import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.cache import Cache, reasons
from edgeenh.cache.entries import decode, encode
from edgeenh.cache.station_key import NAME, station_key
from edgeenh.cache.why import changes
from edgeenh.cli import main
from edgeenh.errors import IntegrityError

KEY = {"onnx_sha256": "a" * 64, "driver": "550.54", "gpu": "NVIDIA RTX A2000", "profile": "1280x720"}
PLAN = b"native code" * 100


def _cache(folder, **options):
    return Cache(folder, "plans", **options)


def _file(folder):
    (path,) = folder.glob("entries/plans/*.entry")
    return path


@pytest.fixture
def filled(tmp_path):
    _cache(tmp_path).remember(KEY, PLAN)
    return tmp_path


def test_what_was_remembered_comes_back_under_exactly_its_key(filled):
    assert _cache(filled).recall(KEY) == PLAN
    assert _cache(filled).recall(dict(reversed(KEY.items()))) == PLAN
    for name in KEY:
        assert _cache(filled).recall({**KEY, name: "other"}) is None
    assert _cache(filled).recall({**KEY, "more": ""}) is None
    assert Cache(filled, "verdicts").recall(KEY) is None


def test_without_a_folder_nothing_is_kept():
    cache = _cache(None)
    cache.remember(KEY, PLAN)
    assert cache.recall(KEY) is None
    assert cache.remarks == []


def _refused(folder):
    cache = _cache(folder)
    assert cache.recall(KEY) is None
    assert len(cache.remarks) == 1
    assert "was not written by this station and is refused; it is made again" in cache.remarks[0]
    cache.remember(KEY, PLAN)
    assert _cache(folder).recall(KEY) == PLAN, "and mended"


def test_a_planted_plan_is_refused_and_made_again(filled):
    """By somebody who may write into the cache and knows everything but the station's key."""
    _file(filled).write_bytes(encode(bytes(32), "plans", KEY, b"evil"))
    _refused(filled)


def test_a_plan_swapped_for_another_of_this_station_is_refused(filled):
    cache, other = _cache(filled), {**KEY, "onnx_sha256": "b" * 64}
    right = _file(filled)
    cache.remember(other, b"the plan of another model")
    (wrong,) = set(filled.glob("entries/plans/*.entry")) - {right}
    right.write_bytes(wrong.read_bytes())
    _refused(filled)


def test_an_entry_of_another_kind_is_refused(filled):
    Cache(filled, "verdicts").remember(KEY, b'{"passed": true}')
    (verdict,) = filled.glob("entries/verdicts/*.entry")
    _file(filled).write_bytes(verdict.read_bytes())
    _refused(filled)


def test_the_plan_of_another_station_is_refused(filled, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    _cache(elsewhere).remember(KEY, b"evil")
    _file(filled).write_bytes(_file(elsewhere).read_bytes())
    _refused(filled)


@pytest.mark.parametrize("damage", [b"", b"edgeenh cache 1\n", b"\0" * 100])
def test_rubbish_is_refused(filled, damage):
    _file(filled).write_bytes(damage)
    _refused(filled)


def test_a_link_a_pipe_and_a_folder_are_refused(filled, tmp_path_factory):
    path, good = _file(filled), tmp_path_factory.mktemp("good") / "good"
    good.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(good)
    _refused(filled)
    path.unlink()
    os.mkfifo(path)
    _refused(filled)


@given(st.data())
def test_no_changed_byte_is_an_entry(data):
    raw = bytearray(encode(b"s" * 32, "plans", {"a": "b"}, b"plan"))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    assert decode(b"s" * 32, "plans", bytes(raw)) is None
    cut = data.draw(st.integers(0, len(raw) - 1))
    assert decode(b"s" * 32, "plans", bytes(raw[:cut])) is None


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_no_entry(raw):
    assert decode(b"s" * 32, "plans", raw) is None
    assert decode(b"s" * 32, "plans", b"edgeenh cache 1\n" + raw) is None


def test_the_station_key_is_its_owners_alone(tmp_path):
    key = station_key(tmp_path)
    assert len(key) == 32
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    assert station_key(tmp_path) == key


def test_a_station_key_that_others_can_read_is_refused_with_the_remedy(filled, capsys):
    (filled / NAME).chmod(0o644)
    with pytest.raises(IntegrityError, match="mode 0644 and others can reach it, expected 0600: chmod 600"):
        station_key(filled)
    cache = _cache(filled)
    assert cache.recall(KEY) is None
    cache.remember(KEY, PLAN)
    assert ["chmod 600" in remark for remark in cache.remarks] == [True]
    assert main(["cache", "--folder", str(filled)]) == 4
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_station_key_of_another_length_is_refused(tmp_path, content):
    (tmp_path / NAME).touch(mode=0o600)
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(IntegrityError, match="expected 32"):
        station_key(tmp_path)


def test_a_station_key_that_is_a_link_is_refused(filled, tmp_path_factory):
    other = tmp_path_factory.mktemp("o") / "k"
    (filled / NAME).rename(other)
    (filled / NAME).symlink_to(other)
    with pytest.raises(IntegrityError, match="cannot be read"):
        station_key(filled)


def test_the_entry_used_longest_ago_goes_first(tmp_path):
    cache = _cache(tmp_path, limit_bytes=3000)
    keys = [{**KEY, "driver": str(number)} for number in range(3)]
    for number, key in enumerate(keys):
        cache.remember(key, bytes(1000))
        for path in tmp_path.glob("entries/*/*.entry"):
            if _cache(tmp_path).entries()[0][0].key == key or path.stat().st_mtime_ns > 10**12:
                os.utime(path, ns=(number + 1, number + 1))
        assert cache.recall(keys[0]) is not None  # used: it becomes the newest
    assert [cache.recall(key) is not None for key in keys] == [True, False, True]
    assert cache.remarks == []


def test_what_is_larger_than_the_cache_is_a_remark(tmp_path):
    cache = _cache(tmp_path, limit_bytes=500)
    cache.remember(KEY, bytes(1000))
    assert "are not kept: the cache holds 500" in cache.remarks[0]
    assert cache.recall(KEY) is None


def test_a_full_disk_is_a_remark_and_leaves_nothing(filled, monkeypatch):
    def full(path, data):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    cache = _cache(filled)
    cache.remember({**KEY, "driver": "560"}, PLAN)
    monkeypatch.undo()
    assert "the plans are not remembered: no space left" in cache.remarks[0]
    assert [path.name for path in (filled / "entries/plans").iterdir()] == [_file(filled).name]
    assert cache.recall(KEY) == PLAN


def _hammer(folder, number):
    cache = _cache(folder, limit_bytes=20_000)
    for turn in range(30):
        key = {**KEY, "driver": str((number + turn) % 5)}
        data = cache.recall(key)
        assert data in (None, key["driver"].encode() * 3000), "never another's, never half"
        cache.remember(key, key["driver"].encode() * 3000)
    assert cache.remarks == []


def test_processes_that_share_a_cache_never_see_half_an_entry(tmp_path):
    context = multiprocessing.get_context("fork")
    jobs = [context.Process(target=_hammer, args=(tmp_path, number)) for number in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0] * 4
    assert sum(path.stat().st_size for path in tmp_path.glob("entries/plans/*")) <= 4 * 20_000


def test_why_names_the_field_that_changed(filled, capsys):
    _cache(filled).remember({**KEY, "driver": "560.28"}, PLAN)
    (entries, foreign) = _cache(filled).entries()
    for number, entry in enumerate(sorted(entries, key=lambda entry: entry.key["driver"])):
        os.utime(entry.path, ns=(number, number))
    newest, first = reasons(_cache(filled).entries()[0])
    assert foreign == []
    assert [change.text() for change in newest.changes] == ["driver was 550.54, is 560.28"]
    assert first.before is None
    assert main(["cache", "why", "--folder", str(filled)]) == 0
    out = capsys.readouterr().out
    assert "driver was 550.54, is 560.28" in out
    assert "the first of its kind" in out


def test_why_shows_the_place_where_long_values_differ():
    libraries = " ".join(f"library-{number} 1.{number}" for number in range(9))
    (change,) = changes({"libraries": libraries}, {"libraries": libraries.replace("1.7", "1.8")})
    was, now = change.text().removeprefix("libraries was ").split(", is ")
    assert "library-7 1.7" in was
    assert "library-7 1.8" in now


def test_the_command_lists_names_what_is_foreign_and_clears(filled, capsys):
    (filled / "entries/plans/x.entry").write_bytes(b"evil")
    (filled / "entries/plans/.y.part").write_bytes(b"left by a process that was killed")
    assert main(["cache", "list", "--folder", str(filled), "--json", "-"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert [entry["key"] for entry in document["entries"]] == [KEY]
    assert sorted(Path(path).name for path in document["refused"]) == [".y.part", "x.entry"]
    assert "was not written by this station and is never used" in captured.err
    assert main(["cache", "clear", "--folder", str(filled)]) == 0
    assert "removed 3 files" in capsys.readouterr().out
    assert [path.name for path in filled.rglob("*") if path.is_file()] == [NAME]
    assert main(["cache", "--folder", str(filled / "none")]) == 0
    assert main(["cache", "burn", "--folder", str(filled)]) == 2


def test_a_cache_where_a_file_is_in_the_way_is_a_remark(tmp_path):
    (tmp_path / "file").write_text("")
    cache = _cache(tmp_path / "file")
    with suppress(IntegrityError):
        cache.remember(KEY, PLAN)
    assert "the cache is not used" in cache.remarks[0]
