"""Frames from the network: RTSP, and HTTP with motion JPEG or any other live stream that FFmpeg reads."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from edgeenh.errors import SourceError, UsageError
from edgeenh.sources.decoders import AvDecoder
from edgeenh.sources.device import Capture, Numbers
from edgeenh.sources.recovery import NETWORK, RecoveringSource

if TYPE_CHECKING:
    from edgeenh.stream.clock import Clock

SCHEMES = ("rtsp://", "rtsps://", "http://", "https://")
OPEN_S, READ_S = 5.0, 3.0
"""Time-outs for opening and for the next bytes."""

AHEAD = 2
"""Decoded frames that wait for the reader; then the network does."""


class NetworkDevice:
    """A live stream, decoded in a thread of its own, because the library blocks while it waits for bytes.

    Args:
        url: Where it is.
        clock: What stamps the frames, when they are decoded.

    Raises:
        MissingExtra: PyAV is not installed.
        SourceError: There is no live stream.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self.serial = ""  # a place is all that a URL names
        self._clock = clock
        # UDP would lose packets without anybody asking for them again.
        try:
            self._decoder = AvDecoder(url, {"rtsp_transport": "tcp"}, (OPEN_S, READ_S))
        except SourceError as exc:
            found = str(exc).replace(url, without_password(url))
            raise SourceError(f"{found}: check the address, the network and the password") from exc
        if self._decoder.duration is not None:
            self._decoder.close()
            raise UsageError(
                f"{without_password(url)} is a recording, expected a live stream: download it, and give the file"
            )
        self.size, self.fps = self._decoder.size, self._decoder.fps
        self.numbers: Numbers | None = None
        self._stopped = threading.Event()
        self._queue: queue.Queue[Capture | SourceError] = queue.Queue(AHEAD)
        threading.Thread(target=self._run, name="edgeenh-network", daemon=True).start()

    def read(self, timeout_s: float) -> Capture | None:
        """See `Device.read`; a damaged frame comes as a fault."""
        try:
            found = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(found, SourceError):
            raise found
        return found

    def close(self) -> None:
        """See `Device.close`; the thread closes the connection when its wait for bytes is over."""
        self._stopped.set()

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                decoded = self._decoder.read()
                if decoded is None:
                    raise SourceError("the server ended the stream")
                now_ns = self._clock.now_ns()
                if decoded.image is None:
                    self._put(Capture(now_ns, None, fault="corrupt", detail=decoded.detail))
                else:
                    self._put(Capture(now_ns, decoded.image))
        except SourceError as exc:
            self._put(exc)
        finally:
            self._decoder.close()

    def _put(self, item: Capture | SourceError) -> None:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            return


def open_network(url: str, clock: Clock) -> RecoveringSource:
    """Open a live stream; the password of its URL appears in no report.

    Raises:
        MissingExtra: PyAV is not installed.
        SourceError: Nobody answers, or it is no video.
        UsageError: It is a recording.
    """
    return RecoveringSource(without_password(url), lambda _serial: NetworkDevice(url, clock), clock, patience=NETWORK)


def without_password(url: str) -> str:
    """`rtsp://user:secret@host/path` as `rtsp://user:***@host/path`."""
    scheme, mark, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    user, at, host = place.rpartition("@")
    if not at or ":" not in user:
        return url
    return f"{scheme}{mark}{user.partition(':')[0]}:***@{host}{slash}{path}"
