"""Events for whoever listens over HTTP: a bounded history with numbers, from any thread into the service's loop."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

KEPT = 1000
HEARTBEAT_S = 5.0


class News:
    """The last events, each with a number that only grows.

    Args:
        kept: So many are kept; who comes too late for one is told how many are gone.
        heartbeat_s: A comment is sent when nothing happened for so long, so that a dead connection is noticed.
    """

    def __init__(self, kept: int = KEPT, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._events: deque[tuple[int, dict[str, Any]]] = deque(maxlen=kept)
        self._number, self._lock = 0, threading.Lock()
        self._heartbeat_s = heartbeat_s
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._closed = False

    @property
    def last(self) -> int:
        """The number of the newest event; 0 = none yet."""
        return self._number

    def add(self, kind: str, detail: str, **more: Any) -> None:
        """One event; returns at once, from any thread."""
        with self._lock:
            self._number += 1
            self._events.append((self._number, {"kind": kind, "detail": detail, **more}))
            self._wake()

    def close(self) -> None:
        """Every listener's stream ends."""
        with self._lock:
            self._closed = True
            self._wake()

    def since(self, number: int) -> list[tuple[int, dict[str, Any]]]:
        """Events after `number`; the first one says so when some are gone."""
        with self._lock:
            found = [event for event in self._events if event[0] > number]
        oldest = found[0][0] if found else number + 1
        if oldest > number + 1:
            gone = oldest - number - 1
            found.insert(0, (oldest - 1, {"kind": "events_lost", "detail": f"{gone} older events are not kept"}))
        return found

    async def listen(self, number: int) -> AsyncIterator[bytes]:
        """Server-sent events after `number` (a client's `Last-Event-ID`), until `close`."""
        woken, loop = asyncio.Event(), asyncio.get_running_loop()
        with self._lock:
            self._waiting[woken] = loop
        number = min(number, self._number)
        yield b": events of edgeenh\nretry: 1000\n\n"
        try:
            while not self._closed:
                woken.clear()
                for newest, event in self.since(number):
                    number = newest
                    yield f"id: {number}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode("utf-8", "replace")
                try:
                    async with asyncio.timeout(self._heartbeat_s):
                        await woken.wait()
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            with self._lock:
                self._waiting.pop(woken, None)

    def _wake(self) -> None:
        for woken, loop in self._waiting.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(woken.set)
