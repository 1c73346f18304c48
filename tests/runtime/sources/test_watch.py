"""A watched folder: real files, the real kernel, and a clock that the test moves."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.errors import SourceError, UsageError
from edgeenh.frames import Frame
from edgeenh.sources import inotify, open_source
from edgeenh.sources.folder import is_unfinished, on_network
from edgeenh.sources.watch import WatchSource
from edgeenh.stream import ManualClock


def _png(value: int, side: int = 32) -> bytes:
    noise = np.random.default_rng(value).integers(0, 100, (side, side, 3), np.uint8)
    return cv2.imencode(".png", noise + np.uint8(value))[1].tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def watch(folder: Path, clock: ManualClock) -> Iterator[Callable[..., WatchSource]]:
    opened: list[WatchSource] = []

    def start(**options: object) -> WatchSource:
        opened.append(WatchSource(folder, clock, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield start
    for source in opened:
        source.close()


def _read(source: WatchSource) -> Frame:
    frame = source.read()
    assert frame is not None
    return frame


def _labels(source: WatchSource, count: int) -> list[str]:
    return [_read(source).label for _ in range(count)]


def test_pictures_come_in_the_order_of_their_arrival(folder: Path, watch: Callable[..., WatchSource]) -> None:
    (folder / "old.png").write_bytes(_png(0))
    source = watch()
    for name in ("c.png", "a.png", "b.png"):
        (folder / name).write_bytes(_png(ord(name[0])))
    frames = [_read(source) for _ in range(3)]
    assert [frame.label for frame in frames] == ["c.png", "a.png", "b.png"]  # and the old one is left alone
    assert [frame.sequence for frame in frames] == [0, 1, 2]
    assert frames[0].image.shape == (32, 32, 3)
    assert (source.live, source.length, source.notices) == (False, None, [])


def test_what_is_there_comes_first_when_asked_for(folder: Path, watch: Callable[..., WatchSource]) -> None:
    for name in ("b.png", "a.png"):
        (folder / name).write_bytes(_png(1))
    source = watch(existing=True)
    (folder / "c.png").write_bytes(_png(2))
    assert sorted(_labels(source, 2)) == ["a.png", "b.png"]
    assert _labels(source, 1) == ["c.png"]


def test_a_picture_is_read_when_its_writer_closed_it(folder: Path, watch: Callable[..., WatchSource]) -> None:
    source, data = watch(), _png(3)
    with (folder / "slow.png").open("wb") as file:
        file.write(data[:100])
        file.flush()
        (folder / "quick.png").write_bytes(_png(4))
        assert _labels(source, 1) == ["quick.png"]
        file.write(data[100:])
    assert _labels(source, 1) == ["slow.png"]
    assert source.lost_upstream == {}


def test_a_picture_that_was_closed_half_written_is_waited_for(
    folder: Path, watch: Callable[..., WatchSource], clock: ManualClock
) -> None:
    source, data = watch(), _png(5)
    (folder / "half.png").write_bytes(data[:100])
    (folder / "empty.png").touch()
    (folder / "whole.png").write_bytes(_png(6))
    assert _labels(source, 1) == ["whole.png"]
    clock.advance(4_999)
    (folder / "half.png").write_bytes(data)
    (folder / "empty.png").write_bytes(_png(7))
    assert _labels(source, 2) == ["half.png", "empty.png"]
    assert source.lost_upstream == {}


def test_a_picture_that_stays_unreadable_is_named_and_counted_once(
    folder: Path, watch: Callable[..., WatchSource], clock: ManualClock
) -> None:
    source = watch()
    (folder / "bad.png").write_bytes(_png(8)[:100])
    (folder / "first.png").write_bytes(_png(9))
    assert _labels(source, 1) == ["first.png"]
    clock.advance(5_000)
    (folder / "second.png").write_bytes(_png(10))
    assert _labels(source, 1) == ["second.png"]
    clock.advance(50_000)
    (folder / "third.png").write_bytes(_png(11))
    assert _labels(source, 1) == ["third.png"]
    assert source.lost_upstream == {"unreadable": 1}
    (notice,) = source.notices
    assert str(folder / "bad.png") in notice.detail
    (folder / "bad.png").write_bytes(_png(12))  # written again, it is a new picture
    assert _labels(source, 1) == ["bad.png"]


def test_names_that_are_not_meant_to_be_read_are_not(folder: Path, watch: Callable[..., WatchSource]) -> None:
    source = watch()
    for name in (".hidden.png", "a.png.tmp", "b.part", "notes.txt"):
        (folder / name).write_bytes(_png(13))
    (folder / "a.png.tmp").rename(folder / "a.png")
    (folder / "sub").mkdir()
    assert _labels(source, 1) == ["a.png"]
    (notice,) = source.notices  # the one that is neither a picture nor unfinished by its name
    assert notice.detail.startswith("notes.txt in ")
    assert source.lost_upstream == {}


def test_a_picture_renamed_before_it_was_read_is_one_picture(folder: Path, watch: Callable[..., WatchSource]) -> None:
    source = watch()
    (folder / "x.png").write_bytes(_png(14))
    (folder / "x.png").rename(folder / "y.png")
    assert _labels(source, 1) == ["y.png"]
    (folder / "z.png").write_bytes(_png(15))
    assert _labels(source, 1) == ["z.png"]
    assert source.lost_upstream == {}


def test_a_picture_taken_away_before_it_was_read_is_a_loss(folder: Path, watch: Callable[..., WatchSource]) -> None:
    source = watch()
    (folder / "gone.png").write_bytes(_png(16))
    (folder / "gone.png").unlink()
    (folder / "here.png").write_bytes(_png(17))
    assert _labels(source, 1) == ["here.png"]
    assert source.lost_upstream == {"vanished": 1}
    assert "gone.png was taken away before it could be read" in source.notices[0].detail


def test_the_same_name_written_again_is_a_new_picture(folder: Path, watch: Callable[..., WatchSource]) -> None:
    source = watch()
    images = []
    for value in (20, 90):
        (folder / "shot.png").write_bytes(_png(value))
        images.append(_read(source).image)
    assert (images[0] != images[1]).any()


def test_a_folder_that_is_gone_is_waited_for(folder: Path, watch: Callable[..., WatchSource]) -> None:
    clock = ManualClock(jump=True)
    source = WatchSource(folder, clock)
    folder.rename(folder.with_name("away"))
    (folder.with_name("away") / "meanwhile.png").write_bytes(_png(21))
    threads = [threading.Timer(0, lambda: folder.with_name("away").rename(folder))]
    threads[0].start()
    assert _labels(source, 1) == ["meanwhile.png"]
    threads[0].join()
    (folder / "after.png").write_bytes(_png(22))
    assert _labels(source, 1) == ["after.png"]
    assert [notice.kind for notice in source.notices] == ["lost", "back"]
    source.close()


@pytest.mark.parametrize("poll_s", [None, 5.0])
def test_an_interrupt_ends_the_wait(folder: Path, watch: Callable[..., WatchSource], poll_s: float | None) -> None:
    source = watch(poll_s=poll_s)
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(source.read()))
    thread.start()
    source.interrupt()
    thread.join(10)
    assert results == [None]


def test_by_looking_a_picture_arrives_when_two_looks_found_it_the_same(folder: Path) -> None:
    writing = _png(23)

    class Clock(ManualClock):
        """Each wait is a look; the file grows between the first ones."""

        looks = 0

        def wait_until(self, deadline_ns: int, cancelled: threading.Event) -> bool:
            self.looks += 1
            if self.looks in (1, 2, 3):
                (folder / "grows.png").write_bytes(writing[: len(writing) * self.looks // 3])
            return super().wait_until(deadline_ns, cancelled)

    (folder / "old.png").write_bytes(_png(24))
    clock = Clock(jump=True)
    source = WatchSource(folder, clock, poll_s=2.0)
    frame = _read(source)
    assert (frame.label, clock.looks) == ("grows.png", 4)
    assert clock.now_ns() == 4 * 2_000_000_000
    assert source.lost_upstream == {}
    source.close()


def test_a_grey_model_gets_grey_pictures(folder: Path, watch: Callable[..., WatchSource]) -> None:
    source = watch(photometric="grey", bits=12)
    deep = np.random.default_rng(0).integers(0, 4096, (32, 32), np.uint16)
    cv2.imwrite(str(folder / "x.png"), deep)
    frame = _read(source)
    assert (frame.image == deep).all()
    assert (frame.bits, frame.photometric) == (12, "grey")


def test_what_cannot_be_watched_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for spec in (f"watch:{tmp_path / 'none'}", f"watch:{tmp_path / 'file'}"):
        with pytest.raises(SourceError, match="cannot be read"):
            open_source(spec)
    for spec, expected in (
        (f"watch:{tmp_path}?poll=x", "expected seconds"),
        ("watch:.?existing=1", "expected yes or no"),
    ):
        with pytest.raises(UsageError, match=expected):
            open_source(spec)
    source = open_source(f"watch:{tmp_path}?existing=yes&poll=0.5")
    assert source.id == f"watch:{tmp_path}"
    source.close()


def test_network_shares_are_known_by_their_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda / ext4 rw 0 0\nserver:/x /mnt/scans nfs4 rw 0 0\nnas /mnt/scans/local ext4 rw 0 0\n")
    assert on_network(Path("/mnt/scans/today"), mounts)
    assert not on_network(Path("/mnt/scans/local/x"), mounts)
    assert not on_network(Path("/home"), mounts)


def test_unfinished_names() -> None:
    assert all(is_unfinished(name) for name in (".x.png", "~x.png", "x.PART", "x.png~", "x.tmp"))
    assert not is_unfinished("x.png")


@given(
    st.lists(st.tuples(st.integers(1, 2**32 - 1), st.integers(0, 2**32 - 1), st.text("abcü.", max_size=9)), max_size=9)
)
def test_the_kernels_events_are_read_as_they_are_written(events: list[tuple[int, int, str]]) -> None:
    data = b""
    for mask, cookie, name in events:
        raw = name.encode()
        raw += bytes(-len(raw) % 16)
        data += struct.pack("iIII", 1, mask, cookie, len(raw)) + raw
    assert [(c.mask, c.cookie, c.name) for c in inotify.parse_changes(data)] == events
