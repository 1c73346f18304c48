"""The spool on a real folder: what is wrong with it, who else has it, what is left of it."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgeenh.errors import UsageError
from edgeenh.frames import Exposure, Frame
from edgeenh.stream import Spool, Stream
from edgeenh.stream.spool_disk import FolderDisk
from edgeenh.stream.spool_entry import HEAD, DamagedError, VersionError, pack, pixels_sha256, unpack, unpack_head

Scripted = Callable[..., Any]


class FailingDisk(FolderDisk):
    """A folder whose writes fail while `error` is set."""

    error: int | None = None

    def write(self, name: str, parts: Any) -> None:
        if self.error is not None:
            raise OSError(self.error, "it was told to fail", name)
        super().write(name, parts)

    def remove(self, name: str) -> None:
        if self.error == errno.EROFS:
            raise OSError(self.error, "it was told to fail", name)
        super().remove(name)


def _kinds(spool: Spool) -> list[str]:
    return [notice.kind for notice in spool.notices]


def _frame(number: int = 0) -> Frame:
    return Frame(np.full((4, 6, 3), number, np.uint8), "s", number, 5, f"{number}.png")


@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.uint16, np.float32, np.int64]),
        st.lists(st.integers(0, 5), min_size=1, max_size=3).map(tuple),
    ),
    st.text(max_size=20),
    st.integers(0, 2**40),
    st.integers(8, 16),
)
def test_an_entry_gives_back_what_went_in(image: Any, label: str, sequence: int, bits: int) -> None:
    frame = Frame(image, "camera:0", sequence, 77, label, "grey", bits)
    exposure = Exposure("a-1", "2026-11-22T10:00:00.000+00:00", pixels_sha256(frame))
    data = b"".join(bytes(part) for part in pack(frame, exposure))
    back = unpack(data, 99)
    assert back.image.dtype == image.dtype
    assert back.image.shape == image.shape
    assert back.image.tobytes() == image.tobytes()
    assert replace(back, image=frame.image) == replace(
        frame, captured_ns=99, exposure=replace(exposure, replayed=True), image=frame.image
    )
    assert unpack_head(data[:HEAD], 99).label == label
    assert back.image.flags.writeable


@given(st.binary(max_size=300))
def test_any_bytes_are_an_entry_or_are_refused(data: bytes) -> None:
    for read in (unpack, unpack_head):
        with pytest.raises((DamagedError, VersionError)):
            read(data, 0)


@given(st.data())
def test_any_changed_byte_is_found(data: st.DataObject) -> None:
    frame = _frame()
    whole = bytearray(b"".join(bytes(part) for part in pack(frame, Exposure("a", "t", pixels_sha256(frame)))))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises((DamagedError, VersionError)):
        unpack(bytes(whole), 0)


def test_a_second_station_is_refused_and_told_whose_it_is(tmp_path: Path) -> None:
    first = Spool(tmp_path)
    first.store(_frame())
    with pytest.raises(
        UsageError, match=r"is in use by process [0-9]+ on .* since .*: each station needs one of its own"
    ):
        Spool(tmp_path)
    first.close()
    second = Spool(tmp_path)
    assert [frame.label for frame in second.waiting(0)] == ["0.png"]
    second.close()


def test_a_spool_of_another_version_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "spool.json").write_text('{"schema": "edgeenh.spool/0", "id": "x"}')
    (tmp_path / "00000001-00000001.exposure").write_bytes(b"something else")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UsageError, match=r"is edgeenh.spool/0, expected edgeenh.spool/1; nothing in it was touched"):
        Spool(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "spool.json").unlink()
    Spool(tmp_path).close()  # and it is not locked


def test_an_entry_of_another_version_stays(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.store(_frame())
    spool.close()
    (entry,) = tmp_path.glob("*.exposure")
    entry.write_bytes(entry.read_bytes().replace(b"exposure 1\n", b"exposure 2\n", 1))
    again = Spool(tmp_path)
    assert list(again.waiting(0)) == []
    assert _kinds(again) == ["spool_version"]
    assert entry.exists()
    again.close()


@pytest.mark.parametrize("place", ["head", "pixels", "cut", "empty"])
def test_a_damaged_exposure_is_kept_and_named_and_the_others_go_on(
    tmp_path: Path, scripted: Scripted, place: str
) -> None:
    spool = Spool(tmp_path)
    for number in range(3):
        spool.store(_frame(number))
    spool.close()
    entry = sorted(tmp_path.glob("*.exposure"))[1]
    data = bytearray(entry.read_bytes())
    data[{"head": 90, "pixels": -5}.get(place, 0)] ^= 255
    entry.write_bytes({"cut": entry.read_bytes()[:-9], "empty": b""}.get(place, bytes(data)))
    _, enhancer, clock = scripted([])
    stream = Stream([], enhancer, mode="exposure", spool=tmp_path, clock=clock)
    shown = [frame.original.sequence for frame in stream]
    assert shown == [0, 2]
    counts = stream.accounting.counts()
    assert counts.holds
    assert counts.dropped == ({} if place in ("head", "empty") else {"damaged": 1}) or place == "head"
    assert stream.report()["spool"]["damaged"] == 1
    (event,) = [event for event in stream.events if event.kind == "damaged"]
    assert entry.name in event.detail
    assert [path.name for path in tmp_path.glob("*.damaged")] == [f"{entry.name}.damaged"]
    assert not list(tmp_path.glob("*.exposure"))


def test_a_full_disk_stops_nothing_and_every_exposure_without_a_copy_says_so(
    tmp_path: Path, scripted: Scripted
) -> None:
    source, enhancer, clock = scripted(["ok"] * 6)
    disk = FailingDisk(tmp_path)
    read = source.read

    def read_while_the_disk_fills() -> Any:
        disk.error = errno.ENOSPC if 2 <= source.given < 4 else None
        return read()

    source.read = read_while_the_disk_fills
    stream = Stream(source, enhancer, mode="exposure", spool=Spool(disk), clock=clock)
    shown = [frame.original for frame in stream]
    assert [frame.exposure.spooled for frame in shown] == [True, True, False, False, True, True]
    assert len({frame.exposure.id for frame in shown}) == 6
    assert [event.kind for event in stream.events] == ["not_spooled", "spooled_again"]
    assert not stream.vitals().unspooled
    assert "it was told to fail" in stream.events[0].detail
    assert (stream.accounting.enhanced, stream.accounting.holds) == (6, True)
    report = stream.report()["spool"]
    assert (report["stored"], report["unspooled"], report["acknowledged"], report["waiting"]) == (4, 2, 4, 0)


def test_a_disk_that_became_read_only_gives_what_is_on_it_and_goes_on(tmp_path: Path, scripted: Scripted) -> None:
    spool = Spool(tmp_path)
    spool.store(_frame())
    spool.close()
    disk = FailingDisk(tmp_path)
    disk.error = errno.EROFS
    source, enhancer, clock = scripted(["ok"] * 2)
    stream = Stream(source, enhancer, mode="exposure", spool=Spool(disk), clock=clock)
    exposures = [frame.original.exposure for frame in stream]
    assert [(one.spooled, one.replayed) for one in exposures if one] == [(True, True), (False, False), (False, False)]
    assert sorted(event.kind for event in stream.events) == ["not_acknowledged", "not_spooled"]
    assert stream.vitals().unspooled
    again = Spool(tmp_path) if not disk.close() else None  # type: ignore[func-returns-value]
    assert again is not None
    assert [frame.exposure.id for frame in again.waiting(0) if frame.exposure] == [exposures[0].id]  # type: ignore[union-attr]
    again.close()


def test_a_folder_that_is_replaced_is_locked_anew_and_nothing_in_it_is_touched(tmp_path: Path) -> None:
    place, other = tmp_path / "spool", Spool(tmp_path / "other")
    theirs = replace(_frame(), exposure=other.store(_frame()))
    other.close()
    spool = Spool(place)
    first, second = (replace(_frame(), exposure=spool.store(_frame())) for _ in range(2))
    place.rename(tmp_path / "aside")
    (tmp_path / "other").rename(place)  # as a disk that is mounted over it
    spool.acknowledge(first)
    (entry,) = (tmp_path / "aside").glob("*.exposure")
    assert spool.load(second).image.shape == second.image.shape
    third = spool.store(_frame())
    assert third.spooled
    assert _kinds(spool) == ["spool_replaced"]
    with pytest.raises(DamagedError, match="no longer in"):
        spool.load(second)
    spool.acknowledge(second)
    assert entry.exists()  # it is given when that folder is a spool again
    with pytest.raises(UsageError, match="is in use by process"):
        Spool(place)
    spool.close()
    again = Spool(place)
    assert [frame.exposure.id for frame in again.waiting(0) if frame.exposure] == [theirs.exposure.id, third.id]  # type: ignore[union-attr]
    again.close()


def test_a_spool_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.remember()
    kept = [spool.store(_frame())]
    shutil.rmtree(tmp_path / "spool")
    kept.append(spool.store(_frame()))
    spool.acknowledge(replace(_frame(), exposure=kept[1]))
    assert (kept[1].spooled, _kinds(spool)) == (True, ["spool_replaced"])
    spool.close()
    again = Spool(tmp_path / "spool")
    again.remember()
    assert (list(again.waiting(0)), again.known(_frame())) == ([], True)
    again.close()


def test_a_folder_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot be used .*: name another folder"):
        Spool(tmp_path / "file")
    with pytest.raises(UsageError, match="cannot be used"):
        Spool(tmp_path / "file" / "below")


def test_a_damaged_header_is_written_anew_and_no_name_is_given_twice(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    first = spool.store(_frame())
    spool.close()
    (tmp_path / "spool.json").write_text("{")
    spool = Spool(tmp_path)
    second = spool.store(_frame(1))
    assert _kinds(spool) == ["spool_header_damaged"]
    assert first.id != second.id
    assert [frame.sequence for frame in spool.waiting(0)] == [0, 1]  # still in order
    assert json.loads((tmp_path / "spool.json").read_text())["session"] == 2
    spool.close()


def test_the_time_of_day_is_a_label(tmp_path: Path) -> None:
    times = iter(
        [datetime(2026, 11, 22, 10, tzinfo=UTC), datetime(1999, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)]
    )
    spool = Spool(tmp_path, wall=lambda: next(times))
    exposures = [spool.store(_frame(number)) for number in range(2)]
    assert [exposure.captured_at[:10] for exposure in exposures] == ["1999-01-01", "2030-01-01"]
    assert [frame.sequence for frame in spool.waiting(0)] == [0, 1]
    spool.close()
