"""A power cut at any moment: a disk that keeps a log, of which any prefix may have reached the platters."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeenh.frames import EnhancedFrame, Frame, Status
from edgeenh.stream.spool import Spool


class CutError(Exception):
    """The power is gone."""


class LoggingDisk:
    """What a file system promises and nothing more: content after `sync`, names after `sync_names`.

    Args:
        files: What is on the platters.
        last: The power is cut before the operation of this number.
    """

    def __init__(self, files: dict[str, bytes], last: int) -> None:
        self.steps, self.last = 0, last
        self.content = dict(files)  # by identity of the file: its first name
        self.identity = {name: name for name in files}
        self.durable_content, self.durable_names = dict(files), dict(self.identity)
        self.pending: list[tuple[str, str, str]] = []

    def _step(self) -> None:
        if self.last == 0:
            raise CutError
        self.last, self.steps = self.last - 1, self.steps + 1

    def open(self) -> bool:
        return True

    def in_place(self) -> bool:
        return True

    def close(self) -> None:
        pass

    def names(self) -> list[str]:
        return list(self.identity)

    def read(self, name: str, most: int | None = None) -> bytes:
        if name not in self.identity:
            raise OSError(errno.ENOENT, "no such file")
        return self.content[self.identity[name]][:most]

    def write(self, name: str, parts: Sequence[bytes | memoryview]) -> None:
        self._step()
        identity = f"{name}#{self.steps}"
        self.content[identity] = b"".join(bytes(part) for part in parts)
        self.identity[name] = identity
        self.pending.append(("link", name, identity))

    def append(self, name: str, data: bytes) -> None:
        self._step()
        identity = self.identity[name]
        self.content[identity] += data
        self._step()
        self.durable_content[identity] = self.content[identity]

    def sync(self, name: str) -> None:
        self._step()
        identity = self.identity[name]
        self.durable_content[identity] = self.content[identity]

    def rename(self, old: str, new: str) -> None:
        self._step()
        identity = self.identity.pop(old)
        self.identity[new] = identity
        self.pending.append(("rename", f"{old}\0{new}", identity))

    def remove(self, name: str) -> None:
        self._step()
        if name in self.identity:
            self.pending.append(("unlink", name, self.identity.pop(name)))

    def sync_names(self) -> None:
        self._step()
        self.durable_names, self.pending = dict(self.identity), []

    def after_the_cut(self, draw: st.DataObject) -> dict[str, bytes]:
        """The folder as the next start finds it."""
        names = dict(self.durable_names)
        for operation, what, identity in self.pending:
            if not draw.draw(st.booleans(), label=f"{operation} {what!r} reached the disk"):
                continue
            if operation == "link":
                names[what] = identity
            elif operation == "unlink":
                names.pop(what, None)
            else:
                old, new = what.split("\0")
                names.pop(old, None)
                names[new] = identity
        files = {}
        for name, identity in names.items():
            whole = self.content[identity]
            durable = self.durable_content.get(identity)
            if durable is None:  # any part of it, and rubbish
                kept = draw.draw(st.integers(0, len(whole)), label=f"bytes of {name}")
                durable = whole[:kept] + bytes(len(whole) - kept) * draw.draw(st.booleans())
            files[name] = durable
        return files


def _frame(number: int) -> Frame:
    image = np.random.default_rng(number).integers(0, 4096, (3, 4), np.uint16)
    return Frame(image, "xray", number, 0, f"{number}", "grey", 12)


def _run(
    disk: LoggingDisk,
    numbers: Sequence[int],
    stored: dict[str, int],
    asked: set[str],
    done: set[str],
    given: list[str],
) -> None:
    """One life of a station: first what is left, then new exposures.

    `stored` and `done` are what the spool said; `asked` is what it was asked to acknowledge, `given` what it gave.
    """
    spool = Spool(disk)
    spool.remember()
    for left in list(spool.waiting(0)):
        frame = spool.load(left)
        assert frame.exposure is not None
        given.append(frame.exposure.id)
        assert np.array_equal(frame.image, _frame(frame.sequence).image)
        assert (frame.bits, frame.photometric, frame.label, frame.source) == (12, "grey", str(frame.sequence), "xray")
        asked.add(frame.exposure.id)
        spool.acknowledge(left)
        done.add(frame.exposure.id)
    for number in numbers:
        frame = _frame(number)
        assert not spool.known(frame)  # nothing is taken for done with that was not stored
        exposure = spool.store(frame)
        assert exposure.spooled
        assert exposure.id not in stored
        stored[exposure.id] = number
        if number % 3:
            given.append(exposure.id)
            asked.add(exposure.id)
            spool.acknowledge(replace(frame, exposure=exposure))
            done.add(exposure.id)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=4), st.data())
def test_no_power_cut_loses_an_exposure_or_gives_one_that_is_done_with(cuts: list[int], data: st.DataObject) -> None:
    files: dict[str, bytes] = {}
    stored: dict[str, int] = {}
    asked, done = set[str](), set[str]()
    given: list[str] = []
    for life, cut in enumerate(cuts):
        disk = LoggingDisk(files, cut)
        safe, acknowledged, began = dict(stored), set(done), len(given)
        with contextlib.suppress(CutError):
            _run(disk, range(10 * life, 10 * life + 6), stored, asked, done, given)
        assert not set(given[began:]) & acknowledged  # what was done with before this life is not given in it
        assert set(safe) <= set(stored)
        files = disk.after_the_cut(data)
    disk, last = LoggingDisk(files, 10_000), list[str]()
    before = set(done)
    _run(disk, [], stored, asked, done, last)
    assert not set(last) & before
    again = Spool(LoggingDisk(disk.after_the_cut(data), 10_000))
    again.remember()
    assert all(
        again.known(_frame(number)) for number in stored.values()
    )  # a folder that is read again gives none twice
    assert set(stored) <= asked  # nothing that `store` returned for is gone before its taker said that it is done with
    assert not any(name.endswith(".damaged") for name in disk.names())


def test_the_disk_of_these_tests_forgets_what_is_not_synced() -> None:
    disk = LoggingDisk({}, 100)
    disk.write("a", [b"12345"])
    disk.rename("a", "b")
    assert disk.names() == ["b"]
    assert disk.durable_names == {}


@pytest.mark.parametrize("status", list(Status))
def test_an_exposure_is_the_same_thing_whatever_became_of_it(status: Status) -> None:
    frame = _frame(1)
    disk = LoggingDisk({}, 100)
    exposure = Spool(disk).store(frame)
    result = EnhancedFrame(frame.image, Frame(frame.image, "x", 1, 0, exposure=exposure), status, None, "", 0, 0, None)
    Spool(disk).acknowledge(result.original)  # of another run: it does not know it, and removes nothing
    assert any(name.endswith(".exposure") for name in disk.names())
