"""The spool: exposures on the disk, from the moment they are taken until whoever got them is done with them.

    store        written beside, fsync, renamed to its name, fsync of the folder: from here on it survives anything
    load         read back, every byte proven by its SHA-256
    acknowledge  removed, fsync of the folder: from here on it is never given again

A kill or a power cut between two steps leaves the exposure either whole in the spool or done with. The one gap is
between the sink's word and `acknowledge`: an exposure is then given once more, with the same id. So each is given at
least once, and exactly once to a sink that takes an id twice as once (`edgeenh.sinks.folder.FolderSink` does).

    spool.json                     the spool's own name, and how many times it was opened
    00000003-00000017.exposure     exposure 17 of the third run
    ….damaged                      one whose bytes are not what was written: kept, named, never given
    done.log                       which pictures of a watched folder it has had (`edgeenh.stream.spool_done`)
    owner.json                     who has it open now
"""

from __future__ import annotations

import errno
import secrets
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from edgeenh.errors import UsageError
from edgeenh.frames import Exposure, Frame
from edgeenh.notices import KEPT, Notice
from edgeenh.stream.spool_disk import Disk, FolderDisk
from edgeenh.stream.spool_done import Done
from edgeenh.stream.spool_entry import HEAD, DamagedError, VersionError, pack, pixels_sha256, unpack, unpack_head
from edgeenh.stream.spool_header import HEADER, OWNER, Header, owner_of, read_header, write_owner

ENTRY, DAMAGED = ".exposure", ".damaged"

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""What happens to a disk that was right: a station goes on without it, and tries again with every exposure."""

_UTC_NOW = partial(datetime.now, UTC)


class Spool:
    """A folder of exposures, of one process at a time. Usable from several threads.

    Args:
        where: The folder, made where there is none; or a disk (for tests and faults).
        wall: Gives the time of day, for labels only.

    Attributes:
        notices: What happened to it; whoever reads takes them out.
        trouble: It could not be written to when it was last tried.

    Raises:
        UsageError: It is no folder that may be used, of another version, or in use by another process.
    """

    def __init__(self, where: str | Path | Disk, *, wall: Callable[[], datetime] = _UTC_NOW) -> None:
        self.disk: Disk = FolderDisk(Path(where)) if isinstance(where, str | Path) else where
        self.name = str(getattr(self.disk, "folder", "spool"))
        self.notices: deque[Notice] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()
        self._wall, self._lock = wall, threading.RLock()
        self._header, self._number = Header(secrets.token_hex(4), 0), 0
        self._opened = self._begun = self.trouble = False
        self._done: Done | None = None
        self._files: dict[str, str] = {}  # of each exposure that is on the disk and not done with
        try:
            self._open()
        except OSError as exc:
            if exc.errno not in NO_ROOM:
                raise UsageError(f"the spool {self.name} cannot be used ({exc.strerror}): name another folder") from exc
            self._tell_trouble(exc)

    def waiting(self, now_ns: int) -> Iterator[Frame]:
        """What former runs left, oldest first, without pixels; `now_ns` becomes their `captured_ns`.

        Entries whose description cannot be read are set aside (`damaged`), those of another version left as they are.
        """
        for name in sorted(name for name in self._names() if name.endswith(ENTRY)):
            try:
                frame = unpack_head(self.disk.read(name, HEAD), now_ns)
            except VersionError as exc:
                self._tell("spool_version", f"{name} in {self.name} is left as it is: {exc}")
            except DamagedError as exc:
                self._set_aside(name, str(exc))
            except OSError as exc:
                self._tell(
                    "spool_unreadable", f"{name} in {self.name} cannot be read ({exc.strerror}); it is left there"
                )
            else:
                assert frame.exposure is not None
                with self._lock:
                    self._files[frame.exposure.id] = name
                    self.counts["replayed"] += 1
                    self._keep_in_mind(frame)
                yield frame

    def remember(self) -> None:
        """From here on a picture is known when it comes again, under the same name with the same pixels: see `known`."""
        with suppress(OSError):
            self._done = Done(self.disk)

    def known(self, frame: Frame) -> bool:
        """Whether this picture was an exposure already, in this run or a former one; always False before `remember`."""
        if self._done is None or not self._done.knows(pixels_sha256(frame), frame.label):
            return False
        self.counts["known"] += 1
        return True

    def store(self, frame: Frame) -> Exposure:
        """Make an exposure of a frame; when this returns it is on the disk, or says that it is not. Never raises `OSError`."""
        captured_at, digest = self._wall().isoformat(timespec="milliseconds"), pixels_sha256(frame)
        with self._lock:
            self._number += 1
            try:
                self._begin()
                exposure = Exposure(self._name_of(self._header.session), captured_at, digest)
                name = f"{self._header.session:08d}-{self._number:08d}{ENTRY}"
                self._put(name, pack(frame, exposure))
                self._files[exposure.id] = name
            except (OSError, UsageError) as exc:
                self.counts["unspooled"] += 1
                self._tell_trouble(exc)
                run = self._header.session if self._begun else None
                return Exposure(self._name_of(run), captured_at, digest, spooled=False)
            self.counts["stored"] += 1
            self._keep_in_mind(replace(frame, exposure=exposure))
            if self.trouble:
                self.trouble = False
                self._tell("spooled_again", f"exposures are written to {self.name} again from {exposure.id} on")
            return exposure

    def load(self, frame: Frame) -> Frame:
        """The exposure with its pixels, as it was stored.

        Raises:
            DamagedError: It is not as it was stored, and is set aside; or it cannot be read, and stays.
        """
        assert frame.exposure is not None
        name = self._files.get(frame.exposure.id)
        if name is None:
            raise DamagedError(f"it is no longer in {self.name}")
        try:
            loaded = unpack(self.disk.read(name), frame.captured_ns)
        except OSError as exc:
            self._tell("spool_unreadable", f"{name} in {self.name} cannot be read ({exc.strerror}); it is left there")
            raise DamagedError(str(exc)) from exc
        except (DamagedError, VersionError) as exc:
            self._set_aside(name, str(exc))
            with self._lock:
                del self._files[frame.exposure.id]
            raise DamagedError(str(exc)) from exc
        return replace(loaded, exposure=frame.exposure)

    def acknowledge(self, frame: Frame) -> None:
        """Whoever got this exposure is done with it: it is not given again. Nothing happens for one that is not here."""
        with self._lock:
            name = self._files.pop(frame.exposure.id, None) if frame.exposure else None
            if name is None:
                return
            try:
                if self._done is not None:
                    self._done.write(frame)
                self.disk.remove(name)
                self.disk.sync_names()
            except OSError as exc:
                self.counts["not_acknowledged"] += 1
                again = "it will be given once more at the next start, with the same id"
                self._tell("not_acknowledged", f"{name} cannot be removed from {self.name} ({exc.strerror}): {again}")
            else:
                self.counts["acknowledged"] += 1

    def step_wall(self, step: timedelta) -> Callable[[], None]:
        """From now on the time of day is another by `step`, for playing a fault; call the result to end that."""
        wall = self._wall
        self._wall = lambda: wall() + step
        return lambda: setattr(self, "_wall", wall)

    def to_json(self) -> dict[str, Any]:
        """The state for a report."""
        names = ("stored", "replayed", "acknowledged", "unspooled", "damaged", "not_acknowledged", "known")
        with self._lock:
            return {"folder": self.name, **{name: self.counts[name] for name in names}, "waiting": len(self._files)}

    def close(self) -> None:
        """Let another process have it; twice is allowed."""
        with self._lock, suppress(OSError):
            if self._opened:
                self._opened = self._begun = False
                with suppress(OSError):
                    self.disk.remove(OWNER)
                self.disk.close()

    def _keep_in_mind(self, frame: Frame) -> None:
        if self._done is not None:
            self._done.add([frame])

    # ── opening ──

    def _open(self) -> None:
        """Lock it and learn its name; what was being written when a former run ended is removed."""
        if self._opened:
            if self.disk.in_place():
                return
            self._leave()
        if not self.disk.open():
            raise UsageError(
                f"the spool {self.name} is in use by {owner_of(self.disk)}: each station needs one of its own"
            )
        self._opened = True
        try:
            names = self._names()
            self._header = read_header(self.disk, names, self.name)
            if self._header.damaged:
                self._tell("spool_header_damaged", f"{HEADER} in {self.name} is damaged and is written anew")
        except BaseException:
            self.close()
            raise
        with suppress(OSError):  # on a disk that cannot be written they harm nobody
            for name in names:
                if name.endswith(".part"):
                    self.disk.remove(name)
            write_owner(self.disk, self._wall())

    def _leave(self) -> None:
        """Another folder has its name, or none; what is in the former one is given when that is a spool again."""
        left = f"{len(self._files)} exposures were in it and not done with"
        self._tell("spool_replaced", f"the folder {self.name} was moved, removed or replaced; {left}")
        self._files.clear()
        self.close()

    def _begin(self) -> None:
        """Once per run, before its first exposure: a number of the run that no other has."""
        self._open()
        if self._begun:
            return
        header = self._header._replace(session=self._header.session + 1)
        self._put(HEADER, [header.to_bytes()])
        self._header, self._begun = header, True
        if self._done is not None:
            self.remember()

    # ── writing ──

    def _name_of(self, session: int | None) -> str:
        """An id; without a session one that is unique by chance alone."""
        return f"{self._header.id}-{secrets.token_hex(4) if session is None else f'{session:08d}'}-{self._number:08d}"

    def _put(self, name: str, parts: list[bytes] | list[bytes | memoryview]) -> None:
        """Write a file such that it is there whole, or not at all."""
        temporary = f".{name}.part"
        try:
            self.disk.write(temporary, parts)
            self.disk.sync(temporary)
            self.disk.rename(temporary, name)
        except OSError:
            with suppress(OSError):
                self.disk.remove(temporary)
            raise
        try:
            self.disk.sync_names()
        except OSError:
            with suppress(OSError):  # its name may not last: then it must not be given again either
                self.disk.remove(name)
            raise

    def _names(self) -> list[str]:
        try:
            return self.disk.names() if self._opened else []
        except OSError as exc:
            self._tell("spool_unreadable", f"{self.name} cannot be read ({exc.strerror})")
            return []

    def _set_aside(self, name: str, reason: str) -> None:
        """Keep a damaged entry under a name that no run gives out."""
        self.counts["damaged"] += 1
        kept = f"it is kept there as {name}{DAMAGED}"
        try:
            self.disk.rename(name, name + DAMAGED)
            self.disk.sync_names()
        except OSError as exc:
            kept = f"it is left there under its name ({exc.strerror})"
        self._tell("damaged", f"{name} in {self.name} is damaged: {reason}; {kept}")

    def _tell(self, kind: str, detail: str) -> None:
        self.notices.append(Notice(kind, detail))

    def _tell_trouble(self, error: OSError | UsageError) -> None:
        """The first of a series."""
        if not self.trouble:
            self.trouble = True
            what = f"exposures cannot be written to {self.name} ({getattr(error, 'strerror', None) or error})"
            self._tell("not_spooled", f"{what}: they go on without, each marked, until they can be")
