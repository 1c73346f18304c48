"""Objects that wait on the disk until an archive has them.

An object stands in the outbox before it is sent, and leaves it when the archive said success. What could not be sent
stays there, and is tried again with the next one, at the end, and by the next run; what is refused keeps no other back.
"""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from typing import Any

from edgeenh.dicom.associations import end_now
from edgeenh.dicom.library import load_pynetdicom
from edgeenh.dicom.names import is_dicom_name
from edgeenh.dicom.network import TIMEOUT_S, Archive, ArchiveLost, send
from edgeenh.errors import JobFailed
from edgeenh.notices import KEPT, Notice

ATTEMPTS_AT_END_S = 5.0
RETRY_S = 5.0
LOOK_S = 0.05
"""How often the end of the thread is looked for."""

REFUSALS = 3
"""After so many objects in a row that were refused the others are let be for a while."""


class Outbox:
    """Sends files in a thread of its own, oldest first, and removes those that arrived.

    What the archive refuses stays, is told by name once, and is tried again after everything else.

    Args:
        archive: Where to.
        folder: The outbox; what is in it already is sent first.

    Attributes:
        notices: What a person should know; whoever reads takes them out.
    """

    def __init__(self, archive: Archive, folder: Path) -> None:
        load_pynetdicom()
        self.archive, self.folder = archive, folder
        self.notices: deque[Notice] = deque(maxlen=KEPT)
        self._wake, self._ending, self._hurry = threading.Event(), threading.Event(), threading.Event()
        self._trouble = False
        self._refused, self._sent = set[Path](), set[Path]()
        self._association: Any = None
        self._thread = threading.Thread(target=self._run, name="edgeenh-outbox", daemon=True)
        self._thread.start()

    def waiting(self) -> list[Path]:
        """What is there, oldest first; without what is still being written, which is hidden (`edgeenh.files.replacing`)."""
        return sorted(path for path in self.folder.glob("*.dcm") if is_dicom_name(path))

    def added(self) -> None:
        """There is something to send."""
        self._wake.set()

    def hurry(self) -> None:
        """Send nothing more, and wait for nobody: what is there stays for the next run. Callable from any thread."""
        self._hurry.set()
        self._ending.set()
        self._wake.set()
        association = self._association
        if association is not None:
            end_now([association])

    def close(self) -> list[Path]:
        """Send what is left, as long as that goes; returns what stays, to be sent by the next run."""
        self._ending.set()
        self._wake.set()
        latest = ATTEMPTS_AT_END_S + 2 * TIMEOUT_S
        while self._thread.is_alive() and latest > 0 and not self._hurry.is_set():
            self._thread.join(LOOK_S)
            latest -= LOOK_S
        return self.waiting()

    def _run(self) -> None:
        while True:
            ending = self._ending.is_set()  # asked first: what was added before the end is in the look that follows
            sent_all = self._send_waiting()
            if ending or self._hurry.is_set():
                return
            self._wake.wait(None if sent_all else RETRY_S)
            self._wake.clear()

    def _send_waiting(self) -> bool:
        """One look at the folder; returns whether all of it was sent."""
        refusals = 0
        for path in sorted(set(self.waiting()) - self._sent, key=lambda path: (path in self._refused, path)):
            if self._hurry.is_set() or refusals == REFUSALS:
                return False
            try:
                send(self.archive, path, self._opened)
            except ArchiveLost as exc:
                self._tell_lost(exc)
                return False
            except (JobFailed, OSError) as exc:
                refusals += 1
                self._tell_refused(path, exc)
            else:
                refusals = 0
                self._remove(path)
            finally:
                self._association = None
        return not refusals

    def _opened(self, event: Any) -> None:
        """There is a connection, which `hurry` may have to end."""
        self._association = event.assoc
        if self._hurry.is_set():
            end_now([event.assoc])

    def _remove(self, path: Path) -> None:
        """The archive has it."""
        self._refused.discard(path)
        try:
            path.unlink()
        except OSError as exc:
            self._sent.add(path)  # once is enough
            detail = f"{path} was sent and cannot be removed ({exc.strerror}): the next run sends it once more"
            self.notices.append(Notice("not_removed", detail))
        if self._trouble:
            self._trouble = False
            self.notices.append(Notice("sent_again", f"the archive {self.archive} takes objects again"))

    def _tell_lost(self, error: ArchiveLost) -> None:
        if not self._trouble and not self._hurry.is_set():
            self._trouble = True
            self.notices.append(Notice("not_sent", f"{error}; it stays in {self.folder} and is tried again"))

    def _tell_refused(self, path: Path, error: Exception) -> None:
        if path not in self._refused and not self._hurry.is_set():
            self._refused.add(path)
            detail = f"{error}; {path.name} stays in {self.folder}, and is tried again after the others"
            self.notices.append(Notice("refused", detail))
