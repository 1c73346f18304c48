"""Objects that others send: a DICOM Storage SCP (PS3.4 annex B), each picture an exposure.

A sender is told success (0000H) only when its object is on the disk; otherwise why not (PS3.4 table B.2-1):

    A700  no space        A900  not a picture that the model takes        C000  cannot be read
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh.dicom import DicomImage, decode_dicom, read_dicom
from edgeenh.dicom.associations import end_server, keep_no_process
from edgeenh.dicom.inbox import Inbox
from edgeenh.dicom.library import load_pynetdicom
from edgeenh.errors import EdgeenhError, PictureError, UsageError
from edgeenh.frames import Frame
from edgeenh.notices import Notice
from edgeenh.pictures import MAX_BYTES
from edgeenh.pixels import RGB
from edgeenh.sources.base import BaseSource
from edgeenh.sources.dicom_files import check_photometric
from edgeenh.sources.grammar import split_options

if TYPE_CHECKING:
    from edgeenh.stream.clock import Clock

PREFIX = "dicom-listen:"
OPTIONS = {"inbox": "DIR", "ae": "EDGEENH", "host": "127.0.0.1"}
SUCCESS, NO_SPACE, WRONG_KIND, UNREADABLE = 0x0000, 0xA700, 0xA900, 0xC000
ASSOCIATIONS = 8
"""Senders at once."""
NETWORK_TIMEOUT_S = 30.0
"""A sender that says nothing for so long is let go."""


class DicomListener(BaseSource):
    """Every picture that is sent to a port, in the order of arrival; it has no end of its own.

    What was received before and not yet enhanced comes first. An object stays in the inbox until the frame after its
    last one is asked for, so that a kill at any moment loses none; it may then be given once more.

    Args:
        port: TCP port; 0 = any free one (`port` says which).
        inbox: Folder for what is received (`edgeenh.dicom.inbox`).
        clock: What stamps the frames.
        ae_title: What the station is called, 1 to 16 characters.
        host: Address to listen on.
        photometric: `RGB` or `grey`: what pictures must be.

    Raises:
        UsageError: The inbox or the port is in use, or may not be used.
        MissingExtra: pydicom or pynetdicom is not installed.
    """

    def __init__(
        self,
        port: int,
        inbox: Path,
        clock: Clock,
        *,
        ae_title: str = "EDGEENH",
        host: str = "127.0.0.1",
        photometric: str = RGB.photometric,
    ) -> None:
        load_pynetdicom()
        super().__init__(f"{PREFIX}{port}", clock)
        self.live = False
        self._photometric = photometric
        self._inbox = Inbox(inbox)
        self._arrived: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        for path in self._inbox.waiting():
            self._arrived.put(path)
        self._open: tuple[Path, DicomImage, int] | None = None
        self._stuck = False
        self._counting = threading.Lock()  # senders are refused in threads of their own
        try:
            self._server: Any = _serve(host, port, ae_title, self._store)
        except BaseException:
            self._inbox.close()
            raise
        self.port: int = self._server.server_address[1]

    def read(self) -> Frame | None:
        """The next picture, as `Frame` holds it; None only after `interrupt`."""
        while not self._interrupted.is_set():
            if self._open is None and not self._next_object():
                continue
            path, image, index = self._open  # type: ignore[misc]  # `_next_object` has set it
            if index == image.header.frames:
                self._open = None
                self._take(path)
                continue
            self._open = path, image, index + 1
            try:
                levels, attributes = image.frame(index), image.attributes(index)
            except PictureError as exc:
                self._lose(str(exc))
                continue
            header = image.header
            label = path.name if header.frames == 1 else f"{path.name}#{index + 1}"
            return self._frame(levels, self._clock.now_ns(), label, header.photometric, header.bits, attributes)
        return None

    def interrupt(self) -> None:
        """See `Source.interrupt`."""
        super().interrupt()
        self._arrived.put(None)

    def close(self) -> None:
        """See `Source.close`; senders that are connected are let go."""
        server, self._server = self._server, None
        if server is not None:
            end_server(server)
        self._inbox.close()

    def _next_object(self) -> bool:
        path = self._arrived.get()
        if path is None:
            return False
        try:
            self._open = path, read_dicom(path), 0
        except PictureError as exc:  # it was sound when it came: the disk, or somebody's hand
            self._lose(str(exc))
            return False
        return True

    def _take(self, path: Path) -> None:
        """Whoever got the last frame of an object has it; where that cannot be noted, frames go on all the same."""
        try:
            self._inbox.take(path)
        except EdgeenhError as exc:
            if not self._stuck:
                self._stuck = True
                self.notices.append(
                    Notice("not_taken", f"{exc}; what was enhanced is given once more at the next start")
                )

    def _store(self, event: Any) -> int:
        """Answer a C-STORE; called by pynetdicom in a thread of the sender's own."""
        try:
            content = event.encoded_dataset()
            name = f"the object from {event.assoc.requestor.ae_title} ({len(content)} bytes)"
            if len(content) > MAX_BYTES:
                raise PictureError(f"{name} is larger than {MAX_BYTES >> 20} MiB")
            image = decode_dicom(content, name)
            check_photometric(image, self._photometric)
        except EdgeenhError as exc:
            self._lose(f"refused: {exc}", "refused")
            return WRONG_KIND
        except Exception as exc:  # whatever pynetdicom or pydicom meet in what a stranger sent
            self._lose(f"refused: an object cannot be read ({type(exc).__name__})", "refused")
            return UNREADABLE
        try:
            self._arrived.put(self._inbox.add(content))
        except EdgeenhError as exc:
            self._lose(f"refused: {exc}", "refused")
            return NO_SPACE
        return SUCCESS

    def _lose(self, detail: str, reason: str = "unreadable") -> None:
        with self._counting:
            self.lost_upstream[reason] += 1
        self.notices.append(Notice(reason, detail))


def _serve(host: str, port: int, ae_title: str, store: Callable[[Any], int]) -> Any:
    """Start the server; it runs in threads of its own."""
    from pynetdicom import AE, AllStoragePresentationContexts, evt
    from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at import

    from edgeenh.dicom.network import SYNTAXES

    entity = AE(ae_title=ae_title)
    entity.maximum_associations = ASSOCIATIONS
    entity.network_timeout = NETWORK_TIMEOUT_S
    entity.require_called_aet = True
    entity.add_supported_context(Verification)
    for context in AllStoragePresentationContexts:
        if context.abstract_syntax is not None:
            entity.add_supported_context(context.abstract_syntax, SYNTAXES)
    handlers: list[Any] = [(evt.EVT_C_STORE, store), (evt.EVT_CONN_OPEN, keep_no_process)]
    try:
        return entity.start_server((host, port), block=False, evt_handlers=handlers)
    except OSError as exc:
        raise UsageError(f"port {port} of {host} cannot be listened on ({exc.strerror}): choose another") from exc


def open_listener(spec: str, clock: Clock, photometric: str) -> DicomListener:
    """Open `dicom-listen:PORT?inbox=DIR&ae=TITLE&host=ADDRESS`.

    Raises:
        UsageError: It is nothing of that kind, or may not be used.
        MissingExtra: pynetdicom is not installed.
    """
    body, options = split_options(spec, OPTIONS)
    port = body.removeprefix(PREFIX)
    if not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        raise UsageError(f"{spec!r} has the port {port!r}, expected a number, e.g. {PREFIX}11112?inbox=received")
    if "inbox" not in options:
        raise UsageError(f"{spec!r} has no inbox, expected the folder for what is received: {body}?inbox=received")
    ae_title = options.get("ae", "EDGEENH")
    check_ae_title(ae_title)
    return DicomListener(
        int(port), Path(options["inbox"]), clock,
        ae_title=ae_title, host=options.get("host", "127.0.0.1"), photometric=photometric,
    )  # fmt: skip


def check_ae_title(title: str) -> None:
    """Raise `UsageError` unless this is an Application Entity title (PS3.8 annex C; VR AE)."""
    if not re.fullmatch(r"[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?", title):
        raise UsageError(f"{title!r} is no AE title, expected 1 to 16 characters of ASCII without a backslash")
