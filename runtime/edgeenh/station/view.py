"""What a browser sees of a stream: the newest frame, before and after, with its status in the same answer.

The browser asks for a frame after the one it has (`GET /v1/frame?after=N`), and asks again when it has shown it. So no
more than one picture is on the way to anybody, a slow watcher skips frames instead of falling behind, and nothing is
encoded while nobody asks. Status, reason and age are in the head of the very answer that carries the pixels.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from edgeenh.frames import EnhancedFrame
from edgeenh.sinks.base import BaseSink

QUALITY = 85
MOST_WIDTH = 1920
"""Wider pictures are shown smaller: it is a preview."""

ASKED_S = 3.0
"""Frames are kept and encoded so long after somebody asked."""

ENCODER_NICE = 15
"""Niceness of the thread that encodes: the worker's frames go before pictures of them."""

MAGIC = b"EEF1"


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame, ready to be sent.

    Attributes:
        number: Of frames in this view; grows.
        about: What the head of the answer says.
        before, after: JPEG files.
        captured_ns: By the stream's clock.
    """

    number: int
    about: dict[str, Any]
    before: bytes
    after: bytes
    captured_ns: int


class View(BaseSink):
    """A sink that keeps the newest frame for browsers; nothing that they do reaches the stream.

    Args:
        source: The source's id.
        now_ns: The stream's clock.
    """

    keeps = False

    def __init__(self, source: str, now_ns: Callable[[], int]) -> None:
        super().__init__(f"view:{source}")
        self.source, self._now_ns = source, now_ns
        self._news = threading.Condition()
        self._frame: EnhancedFrame | None = None
        self._images: tuple[Any, Any] | None = None
        self._number = self._encoded = 0
        self._asked_ns: int | None = None
        self._shot: Shot | None = None
        self._closed = False
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._encoder = threading.Thread(target=self._encode, name="edgeenh-view", daemon=True)
        self._encoder.start()

    def write(self, frame: EnhancedFrame) -> None:
        """Keep the frame; its pixels are copied, and only while somebody asks."""
        now = self._now_ns()
        wanted = self._asked_ns is not None and now - self._asked_ns < ASKED_S * 1e9
        images = (_small(frame.original.image), _small(frame.image)) if wanted else None
        with self._news:
            self._number += 1
            self._frame, self._images = (frame, images) if wanted else (None, None)
            if wanted:
                self._news.notify()

    def close(self) -> None:
        """Whoever waits is answered."""
        with self._news:
            self._closed = True
            self._news.notify()
            self._wake()
        self._encoder.join(1.0)

    def abort(self) -> None:
        """As `close`."""
        self.close()

    async def after(self, number: int, wait_s: float) -> Shot | None:
        """The newest frame, when it is newer than `number`; waits for one so long, None when there is none."""
        self._asked_ns = self._now_ns()
        woken, loop = asyncio.Event(), asyncio.get_running_loop()
        with self._news:
            self._waiting[woken] = loop
        try:
            async with asyncio.timeout(wait_s):
                while not self._closed:
                    woken.clear()
                    shot = self._shot
                    # A frame of before anybody asked may be old: only one that is fresh is a picture of now.
                    if shot is not None and shot.number > number and self._now_ns() - shot.captured_ns < ASKED_S * 1e9:
                        return shot
                    await woken.wait()
        except TimeoutError:
            pass
        finally:
            with self._news:
                self._waiting.pop(woken, None)
        return None

    def _encode(self) -> None:
        if sys.platform == "linux":  # where a thread has a niceness of its own (setpriority(2), "BUGS")
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), ENCODER_NICE)
        while True:
            with self._news:
                self._news.wait_for(lambda: self._closed or self._frame is not None)
                if self._closed or self._frame is None or self._images is None:
                    return
                frame, images, number = self._frame, self._images, self._number
                self._frame = self._images = None
            before = _jpeg(images[0], frame.original.bits)
            after = _jpeg(images[1], frame.original.bits) if frame.enhanced else before
            shot = Shot(number, _about(frame), before, after, frame.original.captured_ns)
            with self._news:
                self._shot = shot
                self._wake()

    def _wake(self) -> None:
        for woken, loop in self._waiting.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(woken.set)


def pack(shot: Shot, **more: Any) -> bytes:
    """A shot as one body: `EEF1`, the length of the head (uint32, big-endian), the head (JSON), both JPEG files."""
    head = {
        **shot.about, "number": shot.number, "before_bytes": len(shot.before), "after_bytes": len(shot.after), **more,
    }  # fmt: skip
    text = json.dumps(head, ensure_ascii=False).encode("utf-8", "replace")  # a file's name may be no UTF-8
    return MAGIC + struct.pack(">I", len(text)) + text + shot.before + shot.after


def _about(frame: EnhancedFrame) -> dict[str, Any]:
    made = frame.provenance
    return {
        "status": frame.status.value.upper(),
        "reason": frame.reason.value if frame.reason else "",
        "detail": frame.detail,
        "source": frame.original.source,
        "sequence": frame.original.sequence,
        "label": frame.original.label,
        "width": frame.image.shape[1],
        "height": frame.image.shape[0],
        "latency_ms": round((frame.finished_ns - frame.started_ns) / 1e6, 3) if frame.enhanced else None,
        "ready_ms": round((frame.finished_ns - frame.original.captured_ns) / 1e6, 3),
        "backend": f"{made.backend} {made.precision}" if made else "",
        "bundle": made.bundle_sha256[:12] if made else "",
        "strength": made.strength if made else None,
    }


def _small(image: Any) -> Any:
    """A copy, at most `MOST_WIDTH` wide."""
    height, width = image.shape[:2]
    if width <= MOST_WIDTH:
        return image.copy()
    return cv2.resize(image, (MOST_WIDTH, max(1, height * MOST_WIDTH // width)), interpolation=cv2.INTER_AREA)


def _jpeg(picture: Any, bits: int) -> bytes:
    if picture.dtype == np.uint16:
        picture = (picture >> max(0, bits - 8)).clip(0, 255).astype(np.uint8)
    shown = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 and picture.shape[2] == 3 else picture
    _, jpeg = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return bytes(jpeg)
