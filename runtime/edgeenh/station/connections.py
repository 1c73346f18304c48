"""Connections that cannot be held open for nothing: uvicorn's HTTP/1.1 protocol with limits on time and number."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 5.0
"""The head of a request must be there within this, once its connection is open or its first byte came."""

KEEP_ALIVE_S = 20
"""Between two requests; who has not taken an answer by then is let go too."""


AT_ONCE = 1 << 20
"""Bytes that are taken from a connection at a time. asyncio's own 256 KiB make four turns of the loop, and as many pauses,
of a 720p PNG: 0.5 ms."""

STALLED_S = 20.0
"""A client that takes nothing of what is sent to it for so long, or is not there any more, is let go."""


def bounded_protocol(most: int, head_s: float = HEAD_S, stalled_s: float = STALLED_S) -> type[H11Protocol]:
    """A protocol class for `uvicorn.Config(http=…)`.

    Args:
        most: Connections at a time; one more is closed at once.
        head_s: See `HEAD_S`.
        stalled_s: See `STALLED_S`; the kernel keeps this time (TCP_USER_TIMEOUT, RFC 5482), where it can (Linux).
    """

    class Bounded(H11Protocol):
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > most:
                transport.abort()
                return
            if hasattr(transport, "max_size"):  # asyncio's transport on a plain socket; TLS has buffers of its own
                transport.max_size = AT_ONCE
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                connection = transport.get_extra_info("socket")
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(stalled_s * 1e3))
            self._arm()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._waits_for_a_head() and self._timer is None:
                self._arm()

        def connection_lost(self, exc: Exception | None) -> None:
            if self._timer is not None:
                self._timer.cancel()
            super().connection_lost(exc)

        def timeout_keep_alive_handler(self) -> None:
            if not self.transport.is_closing() and self.transport.get_write_buffer_size():
                self.transport.abort()  # closing would wait for who does not read
            super().timeout_keep_alive_handler()

        def _arm(self) -> None:
            self._timer = asyncio.get_running_loop().call_later(head_s, self._head_is_late)

        def _head_is_late(self) -> None:
            self._timer = None
            if self._waits_for_a_head() and self._half_a_head():
                self.transport.abort()

        def _waits_for_a_head(self) -> bool:
            return self.cycle is None or bool(self.cycle.response_complete)

        def _half_a_head(self) -> bool:
            """Nothing at all after opening, or some bytes that are no head yet; idle between two requests is another matter."""
            return self.cycle is None or bool(self.conn.trailing_data[0])

    return Bounded
