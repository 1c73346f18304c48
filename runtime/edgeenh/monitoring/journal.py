"""Events on the disk, one JSON object per line, chained so that a change of the past shows.

Each line has `prev`, the SHA-256 of the bytes of the line before it (without its newline), 64 zeros in the very first.
Who changes, removes or inserts a line must change every line after it; who keeps the last hash (`head`) elsewhere, e.g.
in signed evidence, can prove that nothing was. A chain alone does not show that lines were cut off at its end.

Lines are written by a thread of their own: a slow or full disk never holds a frame up. What could not be written is
counted and told in the next line that can be (`events_lost`).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from queue import Full, Queue
from typing import Any

from edgeenh.errors import UsageError
from edgeenh.files import make_folder, translate_write_error
from edgeenh.monitoring.chain import FIRST

SCHEMA = "edgeenh.events/1"
WAITING = 10_000
"""Events that wait for the disk at most."""


def utc_now() -> str:
    """Wall time, a label only."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class EventJournal:
    """Appends events to a file, and begins a new one when it is full: `events.jsonl`, then `events.jsonl.1`, `.2`, older and older.

    The chain goes on over all files and over restarts. A last line that a power cut left half is ended, and the next line
    (`line_repaired`) carries its hash as of any other.

    Args:
        path: The file; `-` for stdout, which has no restarts and no sizes.
        max_bytes: A file is full beyond this.
        files: So many full ones are kept.
        sync: Bring each event to the disk itself.
        now: Wall time as text.
        on_failure: Called once per series of failures with one line, in the journal's thread.

    Raises:
        UsageError: The place may not be written to, or another process writes this journal.
        OutputFailed: The disk is full.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        max_bytes: int = 16_000_000,
        files: int = 8,
        sync: bool = True,
        now: Callable[[], str] = utc_now,
        on_failure: Callable[[str], object] | None = None,
    ) -> None:
        self.path = str(path)
        self._stdout = self.path == "-"
        self._file_path, self._max_bytes, self._files = Path(path), max_bytes, files
        self._sync, self._now, self._on_failure = sync and not self._stdout, now, on_failure
        self.head, self.written, self.lost = FIRST, 0, 0
        self._untold, self._failing = 0, False
        self._queue: Queue[dict[str, Any] | None] = Queue(WAITING)
        self._lock = threading.Lock()
        self._file = FileIO(1, "w", closefd=False) if self._stdout else self._open()
        self._thread = threading.Thread(target=self._run, name="edgeenh-journal", daemon=True)
        self._thread.start()
        self.add("journal_opened", f"events of edgeenh are written to {self.path}", schema=SCHEMA, pid=os.getpid())

    def add(self, kind: str, detail: str, **more: Any) -> None:
        """One event; returns at once, from any thread."""
        event = {"time": self._now(), "kind": kind, "detail": detail, **more}
        try:
            self._queue.put_nowait(event)
        except Full:
            with self._lock:
                self.lost += 1
                self._untold += 1

    def flush(self) -> None:
        """Return when everything that was added before is written, or known to be lost."""
        self._queue.join()

    def close(self, wait_s: float = 1.0) -> None:
        """Write what waits, for at most so long, and close."""
        self.add("journal_closed", f"{self.written} events were written")
        self._queue.put(None)
        self._thread.join(wait_s)
        if not self._thread.is_alive() and not self._stdout:
            self._file.close()

    def _run(self) -> None:
        while (event := self._queue.get()) is not None:
            self._take(event)
            self._queue.task_done()
        self._queue.task_done()

    def _take(self, event: dict[str, Any]) -> None:
        with self._lock:
            untold, self._untold = self._untold, 0
        try:
            if untold:
                self._append(
                    {"time": self._now(), "kind": "events_lost", "detail": f"{untold} events could not be written"}
                )
                untold = 0
            self._append(event)
        except OSError as exc:
            with self._lock:
                self.lost += 1
                self._untold += untold + 1
            if not self._failing and self._on_failure is not None:
                self._on_failure(f"events are lost: {translate_write_error(self._file_path, exc)}")
            self._failing = True
        else:
            self._failing = False

    def _append(self, event: dict[str, Any]) -> None:
        """Add one line, or, when there is no space for all of it, none of it."""
        line = json.dumps({"prev": self.head, **event}, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        if not self._stdout and self._file.tell() and self._file.tell() + len(line) + 1 > self._max_bytes:
            self._rotate()
        self._write(line + b"\n")
        self.head = hashlib.sha256(line).hexdigest()
        self.written += 1

    def _write(self, data: bytes) -> None:
        end = 0 if self._stdout else self._file.tell()
        written = 0
        try:
            while written < len(data):
                count = self._file.write(data[written:])
                if not count:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                written += count
            if self._sync:
                os.fsync(self._file.fileno())
        except OSError:
            if not self._stdout and written:
                self._file.truncate(end)
                self._file.seek(end)
            raise

    def _rotate(self) -> None:
        """Begin a new file; the oldest goes."""
        for number in range(self._files, 0, -1):
            older = self._numbered(number)
            newer = self._numbered(number - 1) if number > 1 else self._file_path
            if newer.exists():
                newer.replace(older)
        former, self._file = self._file, FileIO(self._file_path, "a")
        _lock(self._file)
        former.close()

    def _numbered(self, number: int) -> Path:
        return self._file_path.with_name(f"{self._file_path.name}.{number}")

    def _open(self) -> FileIO:
        make_folder(self._file_path.parent)
        try:
            file = FileIO(self._file_path, "a")
            if not _lock(file):
                file.close()
                raise UsageError(
                    f"{self.path} is the journal of another process that runs, and two would break its chain: "
                    "give each station a file of its own"
                )
            last, whole = _last_line(self._file_path)
            if last is None:
                last, _ = _last_line(self._numbered(1))
            if not file.tell():
                self._file_path.chmod(0o640)
            if last is not None:
                self.head = hashlib.sha256(last).hexdigest()
            if not whole:
                file.write(b"\n")
                self.add("line_repaired", "the line before was cut off, as by a power cut")
        except OSError as exc:
            raise translate_write_error(self._file_path, exc) from exc
        return file


def _lock(file: FileIO) -> bool:
    """Take a file for this process until it is closed; False when another has it. Where nothing can be locked nothing is."""
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        return exc.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


def _last_line(path: Path) -> tuple[bytes | None, bool]:
    """The last line of a file without its newline, None when there is none; and whether it had one."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            tail, step = b"", 1 << 16
            while size and b"\n" not in tail[:-1]:
                start = max(0, size - step)
                file.seek(start)
                tail, size = file.read(size - start) + tail, start
    except FileNotFoundError:
        return None, True
    if not tail:
        return None, True
    whole = tail.endswith(b"\n")
    return tail.removesuffix(b"\n").rpartition(b"\n")[2], whole
