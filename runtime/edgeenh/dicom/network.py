"""Sending objects to an archive: a Storage SCU (PS3.4 annex B) that loses none.

An object stands in the outbox, on the disk, before it is sent, and leaves it when the archive said success. What could
not be sent stays there, and is tried again with the next one, at the end, and by the next run.
"""

from __future__ import annotations

import re
import socket
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeenh.dicom.library import load_pydicom, load_pynetdicom, quiet
from edgeenh.dicom.names import is_dicom_name
from edgeenh.errors import JobFailed, UsageError
from edgeenh.notices import KEPT, Notice

SYNTAXES = [
    f"1.2.840.10008.1.2{end}"
    for end in ("", ".1", ".1.99", ".2", ".4.50", ".4.51", ".4.57", ".4.70", ".4.80", ".4.81", ".4.90", ".4.91", ".5")
]
"""Transfer syntaxes that `edgeenh.dicom.decoding` reads."""

TIMEOUT_S = 10.0
ATTEMPTS_AT_END_S = 5.0
RETRY_S = 5.0


@dataclass(frozen=True, slots=True)
class Archive:
    """Where objects are sent.

    Attributes:
        ae_title: What the archive is called.
        host, port: Its address.
        own_title: What we are called.
    """

    ae_title: str
    host: str
    port: int
    own_title: str = "EDGEENH"

    @classmethod
    def parse(cls, text: str, own_title: str) -> Archive:
        """Read `AET@HOST:PORT`.

        Raises:
            UsageError: It is nothing of that kind.
        """
        match = re.fullmatch(r"([^@]{1,16})@(\[[^\]]+\]|[^:@/]+):([0-9]{1,5})", text)
        if match is None or not 0 < int(match[3]) < 65536:
            raise UsageError(f"{text!r} is no archive, expected AET@HOST:PORT, e.g. PACS@10.0.0.5:104")
        return cls(match[1], match[2].strip("[]"), int(match[3]), own_title)

    def __str__(self) -> str:
        return f"{self.ae_title}@{self.host}:{self.port}"


def send(archive: Archive, path: Path) -> None:
    """Send one object.

    Raises:
        JobFailed: The archive cannot be reached, or refuses it.
    """
    pydicom, pynetdicom = load_pydicom(), load_pynetdicom()
    with quiet():
        dataset = pydicom.dcmread(path)
    _knock(archive)
    entity = pynetdicom.AE(ae_title=archive.own_title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = TIMEOUT_S
    entity.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    association = entity.associate(archive.host, archive.port, ae_title=archive.ae_title)
    if not association.is_established:
        raise JobFailed(f"the archive {archive} refuses {dataset.SOPClassUID.name} from {archive.own_title}")
    try:
        answer: Any = association.send_c_store(dataset)
    except (ValueError, RuntimeError) as exc:
        raise JobFailed(f"the archive {archive} takes no {dataset.SOPClassUID.name}: {exc}") from exc
    finally:
        association.release()
    status = getattr(answer, "Status", None)
    if status is None or not (status == 0 or status >> 12 == 0xB):  # Bxxx are warnings: it was stored
        said = "no answer" if status is None else f"status {status:04X}H {getattr(answer, 'ErrorComment', '')}".strip()
        raise JobFailed(f"the archive {archive} did not store {path.name}: {said}")


def _knock(archive: Archive) -> None:
    """Raise `JobFailed` when nobody answers; pynetdicom would leave a socket open each time."""
    try:
        socket.create_connection((archive.host, archive.port), TIMEOUT_S).close()
    except OSError as exc:
        raise JobFailed(f"the archive {archive} cannot be reached ({exc.strerror or exc})") from exc


class Outbox:
    """Sends files in a thread of its own, oldest first, and removes those that arrived.

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
        self._wake, self._ending, self._trouble = threading.Event(), threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="edgeenh-outbox", daemon=True)
        self._thread.start()

    def waiting(self) -> list[Path]:
        """What was not sent yet, oldest first; without what is still being written, which is hidden (`edgeenh.files.replacing`)."""
        return sorted(path for path in self.folder.glob("*.dcm") if is_dicom_name(path))

    def added(self) -> None:
        """There is something to send."""
        self._wake.set()

    def close(self) -> list[Path]:
        """Send what is left, as long as that goes; returns what stays, to be sent by the next run."""
        self._ending.set()
        self._wake.set()
        self._thread.join(ATTEMPTS_AT_END_S + 2 * TIMEOUT_S)
        return self.waiting()

    def _run(self) -> None:
        while True:
            ending = self._ending.is_set()  # asked first: what was added before the end is in the look that follows
            sent_all = self._send_waiting()
            if ending:
                return
            self._wake.wait(None if sent_all else RETRY_S)
            self._wake.clear()

    def _send_waiting(self) -> bool:
        for path in self.waiting():
            try:
                send(self.archive, path)
                path.unlink()
            except (JobFailed, OSError) as exc:
                if not self._trouble:
                    self._trouble = True
                    self.notices.append(Notice("not_sent", f"{exc}; it stays in {self.folder} and is tried again"))
                return False
            if self._trouble:
                self._trouble = False
                self.notices.append(Notice("sent_again", f"the archive {self.archive} takes objects again"))
        return True
