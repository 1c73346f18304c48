"""Sending an object to an archive: a Storage SCU (PS3.4 annex B)."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeenh.dicom.library import load_pydicom, load_pynetdicom, quiet
from edgeenh.errors import JobFailed, UsageError

SYNTAXES = [
    f"1.2.840.10008.1.2{end}"
    for end in ("", ".1", ".1.99", ".2", ".4.50", ".4.51", ".4.57", ".4.70", ".4.80", ".4.81", ".4.90", ".4.91", ".5")
]
"""Transfer syntaxes that `edgeenh.dicom.decoding` reads."""

NO_RESOURCES = 0xA7
"""First half of the status of an archive that is full (PS3.4 table B.2-1): no object of the others would fare better."""

TIMEOUT_S = 10.0


class ArchiveLost(JobFailed):
    """It is the archive, not the object: it makes no sense to try another one now."""


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


def send(archive: Archive, path: Path, opened: Callable[[Any], object] | None = None) -> None:
    """Send one object.

    Args:
        archive: Where to.
        path: The object.
        opened: Is called with pynetdicom's event when there is a connection, in another thread.

    Raises:
        ArchiveLost: The archive cannot be reached, or does not answer.
        JobFailed: It refuses this object, or the file is no object.
    """
    pynetdicom = load_pynetdicom()
    dataset = _read(path)
    _knock(archive)
    entity = pynetdicom.AE(ae_title=archive.own_title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = TIMEOUT_S
    entity.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    handlers: list[Any] = [(pynetdicom.evt.EVT_CONN_OPEN, opened)] if opened else []
    association = entity.associate(archive.host, archive.port, ae_title=archive.ae_title, evt_handlers=handlers)
    if not association.is_established:
        raise JobFailed(f"the archive {archive} refuses {dataset.SOPClassUID.name} from {archive.own_title}")
    try:
        answer: Any = association.send_c_store(dataset)
    except (ValueError, RuntimeError) as exc:
        raise JobFailed(f"the archive {archive} takes no {dataset.SOPClassUID.name}: {exc}") from exc
    finally:
        association.release()
    status = getattr(answer, "Status", None)
    if status is None:
        raise ArchiveLost(f"the archive {archive} did not store {path.name}: no answer")
    if status != 0 and status >> 12 != 0xB:  # Bxxx are warnings: it was stored
        said = f"status {status:04X}H {getattr(answer, 'ErrorComment', '')}".strip()
        kind = ArchiveLost if status >> 8 == NO_RESOURCES else JobFailed
        raise kind(f"the archive {archive} did not store {path.name}: {said}")


def _read(path: Path) -> Any:
    """The dataset of a file, with what an association needs to know of it."""
    try:
        with quiet():
            dataset = load_pydicom().dcmread(path)
            if not (dataset.SOPClassUID and dataset.file_meta.TransferSyntaxUID):
                raise ValueError("it does not say what it is")
    except Exception as exc:  # pydicom raises whatever it meets in damaged bytes
        said = " ".join(str(exc).split())[:160] or type(exc).__name__
        raise JobFailed(f"{path} is no DICOM object that can be sent ({said}): take it out") from exc
    return dataset


def _knock(archive: Archive) -> None:
    """Raise `ArchiveLost` when nobody answers; pynetdicom would leave a socket open each time."""
    try:
        socket.create_connection((archive.host, archive.port), TIMEOUT_S).close()
    except OSError as exc:
        raise ArchiveLost(f"the archive {archive} cannot be reached ({exc.strerror or exc})") from exc
