"""Frames as DICOM objects, in a folder or on their way to an archive.

A frame that came out of an object becomes a derived image of that object. One that came without (a camera) becomes two
objects: the original, and the image that was derived from it. A frame that was not enhanced becomes no derived image:
nothing may say of itself that it is enhanced when it is not. `objects.jsonl` has a line for every frame.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh.dicom.context import empty_context, read_context
from edgeenh.dicom.derived import Making, derive, new_uid
from edgeenh.dicom.header import PixelHeader, pixel_header
from edgeenh.dicom.library import load_pydicom, quiet
from edgeenh.dicom.network import Archive
from edgeenh.dicom.one_frame import frame_number
from edgeenh.dicom.original import KINDS, Session, check_session, header_of, original_object
from edgeenh.dicom.outbox import Outbox
from edgeenh.dicom.reading import parse
from edgeenh.dicom.storing import to_bytes
from edgeenh.errors import UsageError
from edgeenh.files import make_folder, translate_write_error, write_bytes
from edgeenh.notices import Notice
from edgeenh.sinks.base import BaseSink
from edgeenh.sources.dicom_listener import PREFIX, check_ae_title
from edgeenh.sources.grammar import split_options

if TYPE_CHECKING:
    from edgeenh.frames import EnhancedFrame

LIST = "objects.jsonl"
OPTIONS = {"class": "|".join(KINDS), "context": "FILE", "lossy": "yes", "outbox": "DIR", "ae": "EDGEENH"}


class DicomSink(BaseSink):
    """Writes objects into a folder; each is on the disk when `write` returns.

    Exposures get the same names and UIDs when they are given once more, so an archive takes them once.

    Args:
        name: What the sink is called.
        folder: Where objects are written; made where it is not.
        session: Class and context of objects for frames that came without.
        outbox: Sends what is written; None = it stays in the folder.
        now: Local time, for the objects' dates.
        fresh_uid: Gives a UID that nobody had before.

    Raises:
        UsageError: The folder may not be written to, or the session is not whole.
        OutputFailed: The disk is full.
    """

    durable = True

    def __init__(
        self,
        name: str,
        folder: Path,
        session: Session,
        *,
        outbox: Outbox | None = None,
        now: Callable[[], datetime] = datetime.now,
        fresh_uid: Callable[[], str] = new_uid,
    ) -> None:
        super().__init__(name)
        check_session(session)
        self._folder, self._session, self._outbox = make_folder(folder), session, outbox
        self._now, self._fresh = now, fresh_uid
        self._derived_series: dict[str, str] = {}
        self._own_series = fresh_uid()
        self._number = 0
        self._told = False

    def write(self, frame: EnhancedFrame) -> None:
        """Write the objects of one frame, then its line."""
        self._number += 1
        stem = _stem(frame)
        written = self._of_object(frame, stem) if frame.original.attributes else self._of_picture(frame, stem)
        if not frame.enhanced and not self._told:
            self._told = True
            detail = "passed through: no derived image is written for what was not enhanced"
            self.notices.append(Notice("not_derived", f"frame {frame.original.sequence} {detail}"))
        self._append(frame, written)
        if self._outbox is not None and written:
            self._outbox.added()
        self._take_outbox_notices()

    def hurry(self) -> None:
        """See `BaseSink.hurry`: an archive that is silent is not waited for."""
        if self._outbox is not None:
            self._outbox.hurry()

    def close(self) -> None:
        """Send what is left, where there is an outbox; what stays is told."""
        if self._outbox is None:
            return
        left = self._outbox.close()
        self._take_outbox_notices()
        if left:
            detail = f"{len(left)} objects wait in {self._outbox.folder}: the next run sends them"
            self.notices.append(Notice("not_sent", detail))

    def abort(self) -> None:
        """What was written stays, whole."""
        if self._outbox is not None:
            self._outbox.close()

    def _of_object(self, frame: EnhancedFrame, stem: str) -> list[str]:
        """The derived image of the object that the frame came out of."""
        if not frame.enhanced:
            return []
        source = parse(frame.original.attributes, frame.original.label)
        with quiet():
            header = pixel_header(source, frame.original.label, pixels=False)
            if header.frames != 1:  # of a spool that an older release has written
                raise UsageError(
                    f"{frame.original.label} is one of {header.frames} frames of an object and does not say which: "
                    "use `edgeenh enhance` on the object"
                )
            series, instance = (str(source.get(word, "")) for word in ("SeriesInstanceUID", "SOPInstanceUID"))
            number = frame_number(source)
        if number is not None:  # frames of one object may hold the same pixels
            instance += f" frame {number}"
        new_series = self._derived_series.setdefault(series, self._uid(frame, "series", series))
        inline = frame.original.source.startswith(PREFIX)
        return [self._derive(frame, stem, source, header, instance, new_series, inline=inline)]

    def _of_picture(self, frame: EnhancedFrame, stem: str) -> list[str]:
        """The original as an object of its own, and the image that was derived from it."""
        original = frame.original
        header = header_of(original.image, original.photometric, original.bits)
        session, own_series, name = self._session, self._own_series, ""
        if original.exposure is not None:
            name = original.exposure.id
            spool = name.partition("-")[0]  # one study for what one spool took, where nobody says which
            study = self._uid(frame, "study", spool) if "StudyInstanceUID" not in session.context else session.study
            session = replace(session, study=study, series=self._uid(frame, "series of originals", spool))
            own_series = self._uid(frame, "series", spool)
        uid = self._uid(frame, "original", name)
        dataset = original_object(original.image, header, session, self._number, uid, self._now())
        dataset.file_meta = load_pydicom().dataset.FileMetaDataset()
        names = [self._put(f"{stem}_original.dcm", to_bytes(dataset))]
        if frame.enhanced:
            names.append(self._derive(frame, stem, dataset, header, name, own_series, inline=True))
        return names

    def _derive(
        self, frame: EnhancedFrame, stem: str, source: Any, header: PixelHeader, name: str, series: str, *, inline: bool
    ) -> str:
        assert frame.provenance is not None  # of an enhanced frame
        made_by = f"derived {frame.provenance.bundle_sha256} {frame.provenance.strength:g}"
        uid = self._uid(frame, made_by, name + (frame.original.exposure.sha256 if frame.original.exposure else ""))
        making = Making(frame.provenance, inline=inline, now=self._now(), new_uid=lambda: uid, series=series)
        derived = derive(source, header, [frame.image], [frame.original.image], making)
        return self._put(f"{stem}_enhanced.dcm", to_bytes(derived))

    def _uid(self, frame: EnhancedFrame, role: str, name: str) -> str:
        """Fresh, but for an exposure, which may be given once more: then made of what it is (UUID version 5, PS3.5 B.2).

        Args:
            frame: Whose object it is for.
            role: What the UID is for.
            name: What makes it: the source's UID where there is one, otherwise the exposure's id; the same at every giving.
        """
        if frame.original.exposure is None:
            return self._fresh()
        return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'edgeenh {role} {name}').int}"

    def _put(self, name: str, content: bytes) -> str:
        write_bytes(self._folder / name, content)
        return name

    def _append(self, frame: EnhancedFrame, written: list[str]) -> None:
        from edgeenh.sinks.folder import describe, to_line

        line = {**describe(frame, None), "objects": written}
        path = self._folder / LIST
        try:
            with path.open("ab") as file:
                file.write(to_line(line))
                file.flush()
                os.fsync(file.fileno())
        except OSError as exc:
            raise translate_write_error(path, exc) from exc

    def _take_outbox_notices(self) -> None:
        while self._outbox is not None and self._outbox.notices:
            self.notices.append(self._outbox.notices.popleft())


def _stem(frame: EnhancedFrame) -> str:
    """A name made of numbers alone: the exposure's id, or the frame's sequence number."""
    exposure = frame.original.exposure
    return exposure.id if exposure else f"{frame.original.sequence:08d}"


def open_dicom(place: str, spec: str) -> DicomSink:
    """Open `dicom:FOLDER` or `dicom://AET@HOST:PORT?outbox=DIR`, with `class=`, `context=`, `lossy=`, `ae=`.

    Raises:
        UsageError: It is nothing of that kind.
        MissingExtra: pydicom, or pynetdicom to send, is not installed.
    """
    load_pydicom()
    body, options = split_options(place, OPTIONS)
    context = read_context(Path(options["context"])) if "context" in options else empty_context()
    study = str(context.get("StudyInstanceUID") or new_uid())
    session = Session(options.get("class", "sc"), context, study, new_uid(), lossy=options.get("lossy") == "yes")
    check_session(session)
    if not body.startswith("//"):
        if not body or "outbox" in options or "ae" in options:
            raise UsageError(f"{spec!r}: expected dicom:FOLDER, or dicom://AET@HOST:PORT?outbox=DIR")
        return DicomSink(f"dicom:{body}", Path(body), session)
    if "outbox" not in options:
        raise UsageError(f"{spec!r} has no outbox, expected the folder where objects wait: {spec}?outbox=outbox")
    own = options.get("ae", "EDGEENH")
    check_ae_title(own)
    archive = Archive.parse(body.removeprefix("//"), own)
    folder = make_folder(Path(options["outbox"]))
    return DicomSink(f"dicom://{archive}", folder, session, outbox=Outbox(archive, folder))
