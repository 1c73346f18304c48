"""The newest picture in a browser: motion JPEG over HTTP that says what it shows, and that it shows nothing."""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from edgeenh.frames import EnhancedFrame
from edgeenh.monitoring.address import Address
from edgeenh.notices import Notice
from edgeenh.sinks.base import BaseSink
from edgeenh.sinks.preview_picture import dead_picture, encode
from edgeenh.stream.clock import Clock, MonotonicClock

if TYPE_CHECKING:
    from edgeenh.monitoring.web import Request

CLIENTS = 8
BOUNDARY = "edgeenh-frame"

LEAST_DEAD_S = 1.0
DEAD_PERIODS = 5
"""No frame for so many periods, and at least `LEAST_DEAD_S`: then what is shown says that there is no live picture."""

REPEAT_S = 1.0
"""The picture that says so is sent again, so that a browser that wakes up sees it."""

_PAGE = b"""<!doctype html><meta charset=utf-8><meta name=viewport content="width=device-width"><title>edgeenh</title>
<style>body{margin:0;background:#111;color:#eee;font:1.2em sans-serif;text-align:center}img{max-width:100%;max-height:90vh}
#s{padding:.4em}.bad{background:#a00}</style><div id=s class=bad>connecting</div><img id=p src=/stream.mjpg alt="live picture">
<script>
const s=document.getElementById('s'),p=document.getElementById('p');let dead=true;
async function look(){let text='NO CONNECTION: the picture is not live',bad=true;
 try{const r=await fetch('/status.json',{cache:'no-store',signal:AbortSignal.timeout(2000)}),v=await r.json();
  bad=!v.live||v.status!=='ENHANCED';text=v.live?v.status+(v.reason?' ('+v.reason+')':''):'NO LIVE PICTURE';
  if(dead){p.src='/stream.mjpg?'+Date.now();dead=false}p.style.visibility='visible'}
 catch(e){dead=true;p.style.visibility='hidden'}
 s.textContent=text;s.className=bad?'bad':'';setTimeout(look,500)}
look()</script>
"""


class PreviewSink(BaseSink):
    """Serves the newest frame to a few watchers; what they do never reaches the stream.

    `write` copies the picture, and only while somebody watches. One thread makes the JPEG of it, once for all; each watcher
    gets the newest one when it has taken the last, so that a slow one misses frames, and one that takes nothing for
    five seconds is let go. Each part of the stream says in its header, and in a bar drawn on the picture, whether it is
    ENHANCED or PASSTHROUGH. When no frame comes any more the picture is replaced by one that says so: a frozen picture is
    never shown.

    `/` is a page, `/stream.mjpg` the stream, `/frame.jpg` the newest picture (503 when there is no live one), `/status.json`
    what it is. Nothing can be changed through it. There is no password: on another address than the loopback whoever
    reaches the port sees the pictures.

    Args:
        address: Where; port 0 = one that is free.
        fps: The rate of the frames, to know when one is missing; None = unknown.
        clock: The stream's.

    Raises:
        UsageError: The place is taken, or not of this computer.
    """

    keeps = False

    def __init__(self, address: Address, *, fps: float | None = None, clock: Clock | None = None) -> None:
        from edgeenh.monitoring.web import Server

        self._clock = clock or MonotonicClock()
        self._dead_s = max(LEAST_DEAD_S, DEAD_PERIODS / fps if fps else 0.0)
        self._news = threading.Condition()
        self._frame: tuple[EnhancedFrame, Any] | None = None
        self._given = self._encoded = 0
        self._jpeg: tuple[bytes, dict[str, str]] | None = None
        self._shown_ns: int | None = None
        self._status: dict[str, Any] = {}
        self._watchers, self._closed = 0, False
        pages = {"/": self._page, "/stream.mjpg": self._stream, "/frame.jpg": self._one, "/status.json": self._state}
        self._server = Server(address, pages, most=CLIENTS + 4, what="preview")
        self._encoder = threading.Thread(target=self._encode, name="edgeenh-preview-jpeg", daemon=True)
        self._encoder.start()
        super().__init__(f"preview:{self._server.address.text}")
        self.address = self._server.address
        self.notices.append(Notice("preview", f"the newest picture is at http://{self.address.text}/"))

    def write(self, frame: EnhancedFrame) -> None:
        """Show the frame from now on; a microsecond while nobody watches, otherwise a copy of the picture."""
        status = {
            "status": frame.status.value.upper(), "reason": frame.reason.value if frame.reason else "",
            "sequence": frame.original.sequence, "source": frame.original.source,
        }  # fmt: skip
        with self._news:
            picture = frame.image.copy() if self._watchers else None
            self._status, self._shown_ns = status, self._clock.now_ns()
            self._given += 1
            self._frame = (frame, picture) if picture is not None else None
            self._news.notify_all()

    def close(self) -> None:
        """Say to all watchers that the stream has ended, and stop serving."""
        with self._news:
            if self._closed:
                return
            self._closed = True
            self._news.notify_all()
        self._encoder.join(1.0)
        self._server.close()

    def abort(self) -> None:
        """As `close`."""
        self.close()

    def age_s(self) -> float | None:
        """Seconds since the last frame; None when there was none."""
        return None if self._shown_ns is None else (self._clock.now_ns() - self._shown_ns) / 1e9

    def is_live(self) -> bool:
        """Whether what is shown is now."""
        age = self.age_s()
        return not self._closed and age is not None and age <= self._dead_s

    def _encode(self) -> None:
        """The encoding thread: always the newest frame, and none twice."""
        while True:
            with self._news:
                self._news.wait_for(lambda: self._closed or self._frame is not None)
                if self._closed or self._frame is None:
                    return
                (frame, picture), self._frame, number = self._frame, None, self._given
                headers = {f"X-Edgeenh-{name.title()}": str(value) for name, value in self._status.items()}
            jpeg = encode(picture, frame.original.bits, frame.status, frame.reason)
            with self._news:
                self._jpeg, self._encoded = (jpeg, headers), number
                self._news.notify_all()

    def _stream(self, request: Request) -> None:
        """One watcher: the newest picture again and again, or the one that says that there is none."""
        with self._news:
            if self._watchers >= CLIENTS:
                full = True
            else:
                full, self._watchers = False, self._watchers + 1
        if full:
            request.answer(
                HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", b"there are enough watchers\n", {"Retry-After": "5"}
            )
            return
        try:
            request.close_connection = True
            request.send_response(HTTPStatus.OK)
            request.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
            request.send_header("Cache-Control", "no-store")
            request.end_headers()
            if request.command != "HEAD":
                self._send_parts(request)
        finally:
            with self._news:
                self._watchers -= 1

    def _send_parts(self, request: Request) -> None:
        with self._news:
            last = self._given  # not the picture of before: it may be old
        closed = False
        while not closed:
            closed, number, jpeg = self._after(last, REPEAT_S)
            if not closed and number > last and jpeg is not None:
                last = number
                self._send(request, *jpeg)
            elif not self.is_live():
                self._send(request, dead_picture(self.age_s(), ended=closed), {"X-Edgeenh-Status": "DEAD"})

    def _after(self, last: int, wait_s: float) -> tuple[bool, int, tuple[bytes, dict[str, str]] | None]:
        """Wait for a picture after number `last`: whether all is closed, the newest number and picture that there are then."""
        with self._news:
            self._news.wait_for(lambda: self._closed or self._encoded > last, wait_s)
            return self._closed, self._encoded, self._jpeg

    def _send(self, request: Request, jpeg: bytes, headers: dict[str, str]) -> None:
        lines = {"Content-Type": "image/jpeg", "Content-Length": str(len(jpeg)), **headers}
        head = (
            f"--{BOUNDARY}\r\n" + "".join(f"{name}: {_one_line(value)}\r\n" for name, value in lines.items()) + "\r\n"
        )
        # The next boundary follows at once: browsers show a part when they see the one after it begin.
        request.wfile.write(head.encode("latin-1", "replace") + jpeg + b"\r\n")

    def _one(self, request: Request) -> None:
        """The newest picture, made for this request."""
        with self._news:
            self._watchers += 1
            last = self._given
        _, number, newest = self._after(last, self._dead_s)
        jpeg = newest if number > last else None
        with self._news:
            self._watchers -= 1
        if jpeg is None:
            headers = {"X-Edgeenh-Status": "DEAD"}
            body = dead_picture(self.age_s(), ended=self._closed)
            request.answer(HTTPStatus.SERVICE_UNAVAILABLE, "image/jpeg", body, headers)
            return
        request.answer(
            HTTPStatus.OK, "image/jpeg", jpeg[0], {name: _one_line(value) for name, value in jpeg[1].items()}
        )

    def _state(self, request: Request) -> None:
        age = self.age_s()
        state = {"live": self.is_live(), "age_ms": None if age is None else round(age * 1000, 1), **self._status}
        request.answer(HTTPStatus.OK, "application/json", json.dumps(state).encode())

    def _page(self, request: Request) -> None:
        request.answer(HTTPStatus.OK, "text/html; charset=utf-8", _PAGE)


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ").encode("ascii", "replace").decode()
