"""Pictures that acquisition software drops into a folder: each one is an exposure."""

from __future__ import annotations

import re
import select
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeenh.errors import PictureError, SourceError, UsageError
from edgeenh.frames import Frame
from edgeenh.notices import Notice
from edgeenh.pictures import PICTURE_SUFFIXES, read_frame
from edgeenh.pixels import RGB
from edgeenh.sources import inotify
from edgeenh.sources.base import BaseSource
from edgeenh.sources.folder import Stamp, Taken, is_unfinished, on_network, stamp_of, stamps_in
from edgeenh.sources.grammar import split_options
from edgeenh.sources.pictures import is_picture
from edgeenh.sources.wake import Wake

if TYPE_CHECKING:
    from edgeenh.pixels import Levels
    from edgeenh.stream.clock import Clock

SETTLE_NS = 5_000_000_000
"""A picture that cannot be read may be unfinished; when it did not change for so long, it is reported."""

POLL_S = 2.0
"""How often a folder on a network share is looked at."""

RETRY_NS = 1_000_000_000
"""How often a folder that is gone is looked for."""

OPTIONS = {"existing": "yes", "poll": "2"}


@dataclass(slots=True)
class _Waiting:
    """A file that could not be read yet."""

    stamp: Stamp
    since_ns: int
    reason: str


class WatchSource(BaseSource):
    """Every picture that appears in a folder, in the order of arrival; it has no end of its own.

    A file is read when its writer closed it or moved it in, by the kernel's word; on a network share, when two looks
    in a row found it the same. One that cannot be read is waited for, and counted in `lost_upstream["unreadable"]` when
    it stays as it is; one that is taken away before it was read in `lost_upstream["vanished"]`. Both are named in a
    notice. A name that is written again is a new picture.

    Args:
        folder: The folder; not the folders in it.
        clock: What stamps the frames, and tells how long an unreadable file stays as it is.
        existing: Begin with the pictures that are there already; otherwise they are left alone.
        poll_s: Look so often instead of listening to the kernel; None = only on a network share.
        photometric: What pictures must be: `RGB` or `grey`.
        bits: Bits per value of grey pictures, where they have fewer than their files hold.

    Raises:
        SourceError: The folder is not there or may not be read.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        existing: bool = False,
        poll_s: float | None = None,
        photometric: str = RGB.photometric,
        bits: int | None = None,
    ) -> None:
        super().__init__(f"watch:{folder}", clock)
        self._folder, self._photometric, self._bits = folder, photometric, bits
        self.rereads = existing  # the same pictures come again at the next start
        self._taken = Taken()
        self._arrived: deque[str] = deque()
        self._waiting: dict[str, _Waiting] = {}
        self._seen: dict[str, Stamp] = {}  # at the last look, where there are looks
        before = stamps_in(folder)
        self._poll_s = POLL_S if poll_s is None and on_network(folder) else poll_s
        if poll_s is None and self._poll_s is not None:
            share = f"{folder} is on a network share, where the kernel does not see what others write"
            self.notices.append(Notice("polling", f"{share}: it is looked at every {self._poll_s:g} s"))
        self._wake = Wake()
        self._changes: inotify.FolderChanges | None = None
        if not existing:
            for name, stamp in before.items():
                self._taken.add(name, stamp)
        try:
            self._begin()
        except SourceError:
            self._wake.close()
            raise

    def read(self) -> Frame | None:
        """The next picture, as `Frame` holds it, its file's name as label; None only after `interrupt`."""
        while not self._interrupted.is_set():
            while self._arrived:
                name = self._arrived.popleft()
                image = self._try(name)
                if image is not None:
                    bits = self._bits or 8 * image.dtype.itemsize
                    return self._frame(image, self._clock.now_ns(), name, self._photometric, bits)
            self._give_up_on_old()
            try:
                self._look() if self._poll_s is not None else self._listen()
            except SourceError as exc:
                self._find_again(exc)
        return None

    def interrupt(self) -> None:
        """See `Source.interrupt`."""
        super().interrupt()
        self._wake.set()

    def close(self) -> None:
        """See `Source.close`."""
        if self._changes is not None:
            self._changes.close()
        self._wake.close()

    def _begin(self) -> None:
        """Listen first and look then, so that no file comes in between."""
        if self._poll_s is None:
            try:
                self._changes = inotify.FolderChanges(self._folder)
            except OSError as exc:
                raise SourceError(
                    f"{self._folder} cannot be watched ({exc.strerror}): give a folder that you may read, or poll=2"
                ) from exc
            self._arrived.extend(self._taken.update(stamps_in(self._folder)))

    def _look(self) -> None:
        """Look at the folder now and then; a file that did not change between two looks has arrived."""
        assert self._poll_s is not None
        present = stamps_in(self._folder)
        inodes = {stamp.inode for stamp in present.values()}
        for name, stamp in self._seen.items():
            if name not in present and self._taken.new(name, stamp) and stamp.inode not in inodes:
                self._lose("vanished", f"{self._folder / name} was taken away before it could be read")
        still = {name for name, stamp in present.items() if self._seen.get(name) == stamp}
        self._arrived.extend(name for name in self._taken.update(present) if name in still - self._waiting.keys())
        self._seen = present
        if not self._arrived:
            self._clock.wait_until(self._clock.now_ns() + round(self._poll_s * 1e9), self._interrupted)

    def _listen(self) -> None:
        """Wait for the kernel's word, or until a file that cannot be read has had its time."""
        assert self._changes is not None
        poll = select.poll()
        for descriptor in (self._changes.descriptor, self._wake.descriptor):
            poll.register(descriptor, select.POLLIN)
        poll.poll(200 if self._waiting else None)
        changes = self._changes.take()
        renamed = {change.cookie for change in changes if change.mask & inotify.MOVED_TO}
        for change in changes:
            if change.mask & inotify.GONE:
                raise SourceError(f"{self._folder} is gone")
            if change.mask & inotify.OVERFLOW:
                self.notices.append(
                    Notice("overflow", f"{self.id}: too much happened at once; the folder is read whole")
                )
                self._arrived.extend(self._taken.update(stamps_in(self._folder)))
            elif change.mask & (inotify.DELETE | inotify.MOVED_FROM):
                self._leave(change.name, renamed=change.cookie in renamed)
            else:
                self._arrive(change.name)

    def _arrive(self, name: str) -> None:
        self._waiting.pop(name, None)
        if is_picture(self._folder / name):
            if name not in self._arrived:
                self._arrived.append(name)
        elif not is_unfinished(name) and not (self._folder / name).is_dir():
            expected = ", ".join(PICTURE_SUFFIXES)
            self.notices.append(Notice("not_a_picture", f"{name} in {self._folder} is left alone, expected {expected}"))

    def _leave(self, name: str, *, renamed: bool) -> None:
        self._taken.forget(name)
        pending = self._waiting.pop(name, None) is not None or name in self._arrived
        if name in self._arrived:
            self._arrived.remove(name)
        if pending and not renamed:
            self._lose("vanished", f"{self._folder / name} was taken away before it could be read")

    def _try(self, name: str) -> Levels | None:
        """The picture, when it is whole and new; otherwise it is remembered that it is not."""
        path = self._folder / name
        stamp = stamp_of(path)
        if stamp is None:  # renamed, or taken away: the kernel will say which
            self._wait_for(name, Stamp(0, 0, 0), f"{path} was taken away before it could be read")
            return None
        if not self._taken.new(name, stamp):
            return None
        try:
            image = read_frame(path, self._photometric)
        except PictureError as exc:
            self._wait_for(name, stamp, str(exc))
            return None
        if stamp_of(path) != stamp:  # written to while it was read
            self._wait_for(name, stamp, f"{path} changes all the time")
            return None
        self._taken.add(name, stamp)
        return image

    def _wait_for(self, name: str, stamp: Stamp, reason: str) -> None:
        self._waiting[name] = _Waiting(stamp, self._clock.now_ns(), reason)

    def _give_up_on_old(self) -> None:
        """Report the files that cannot be read and did not change for a while."""
        now_ns = self._clock.now_ns()
        for name, waiting in list(self._waiting.items()):
            stamp = stamp_of(self._folder / name)
            if stamp is not None and stamp != waiting.stamp:
                # Still being written: the kernel, or the next two looks, will say when it is done.
                self._waiting[name] = _Waiting(stamp, now_ns, waiting.reason)
                if self._poll_s is not None:
                    del self._waiting[name]
            elif now_ns - waiting.since_ns >= SETTLE_NS:
                del self._waiting[name]
                self._taken.add(name, waiting.stamp)
                self._lose("unreadable", waiting.reason)

    def _lose(self, reason: str, detail: str) -> None:
        self.lost_upstream[reason] += 1
        self.notices.append(Notice(reason, detail))

    def _find_again(self, reason: SourceError) -> None:
        """Wait until the folder is there again; what came into it meanwhile has then arrived."""
        self.notices.append(Notice("lost", f"{reason}; waiting for it"))
        if self._changes is not None:
            self._changes.close()
            self._changes = None
        while self._clock.wait_until(self._clock.now_ns() + RETRY_NS, self._interrupted):
            try:
                stamps_in(self._folder)
                self._begin()
            except SourceError:
                continue
            self.notices.append(Notice("back", f"{self._folder} is there again"))
            return


def open_watch(spec: str, clock: Clock, photometric: str, bits: int | None) -> WatchSource:
    """Open `watch:FOLDER`, with options as in `OPTIONS`.

    Raises:
        UsageError: An option is wrong.
        SourceError: The folder is not there.
    """
    body, options = split_options(spec, OPTIONS)
    existing = options.get("existing", "no")
    if existing not in ("yes", "no"):
        raise UsageError(f"{spec!r} has existing={existing}, expected yes or no")
    folder = Path(body.removeprefix("watch:"))
    poll = options.get("poll")
    if poll is not None and not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", poll):
        raise UsageError(f"{spec!r} has poll={poll}, expected seconds, e.g. poll=2")
    return WatchSource(
        folder,
        clock,
        existing=existing == "yes",
        poll_s=float(poll) if poll else None,
        photometric=photometric,
        bits=bits,
    )
