"""Bodies of requests: into memory, up to a limit, within a time, and never into a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from edgeenh.station.errors import Refused, busy

if TYPE_CHECKING:
    from starlette.requests import Request

IDLE_S = 5.0
"""A client that sends nothing for so long is let go."""

TOGETHER = 4
"""Bodies that are being read hold at most so many times the largest one, all together."""


class Readers:
    """How many bodies are read at a time, and how large and slow each may be.

    Args:
        most_bytes: The largest body.
        within_s: It must be there within this.
        at_a_time: One more is refused with 503.
        idle_s: As `IDLE_S`.
    """

    def __init__(self, most_bytes: int, within_s: float, at_a_time: int = 16, idle_s: float = IDLE_S) -> None:
        self.most_bytes, self._within_s, self._idle_s = most_bytes, within_s, idle_s
        self._left, self._held = at_a_time, 0

    async def read(self, request: Request, most_bytes: int | None = None) -> bytes:
        """The whole body.

        Args:
            request: Whose body it is.
            most_bytes: The largest body here; None = the largest of all.

        Raises:
            Refused: 400 length and content do not fit, 408 too slow, 411 no length, 413 too large, 415 compressed, 503 too many at a time.
        """
        announced = self._announced(
            request, self.most_bytes if most_bytes is None else min(most_bytes, self.most_bytes)
        )
        if self._left <= 0:
            raise busy("too many requests are being read: try again")
        self._left -= 1
        try:
            async with asyncio.timeout(self._within_s):
                return await self._collect(request.stream(), announced)
        except TimeoutError as exc:
            text = f"the body was not there within {self._within_s:g} s, or nothing came for {self._idle_s:g} s"
            raise Refused(408, "slow", text, {"Connection": "close"}) from exc
        except ClientDisconnect as exc:
            raise Refused(400, "gone", "the client went away in the middle of the body") from exc
        finally:
            self._left += 1

    def _announced(self, request: Request, most_bytes: int) -> int:
        """The length that the client says; checked before a byte is read."""
        encoding = request.headers.get("content-encoding", "identity")
        if encoding.strip().lower() not in ("", "identity"):
            raise Refused(415, "encoding", f"the body is encoded as {encoding[:40]}, expected none: send it as it is")
        text = request.headers.get("content-length")
        if text is None:
            raise Refused(411, "length", "the request has no Content-Length: say how long its body is")
        if not (text.isascii() and text.isdigit() and len(text) < 20):
            raise Refused(400, "length", "Content-Length is no number: say how long the body is")
        if int(text) > most_bytes:
            raise _too_large(int(text), most_bytes)
        return int(text)

    async def _collect(self, chunks: AsyncIterator[bytes], announced: int) -> bytes:
        collected: list[bytes] = []
        try:
            await self._fill(collected, chunks)
            if (found := sum(map(len, collected))) != announced:
                raise Refused(400, "length", f"{found} bytes came, Content-Length says {announced}")
            return b"".join(collected)  # of one chunk, the chunk itself
        finally:
            self._held -= sum(map(len, collected))

    async def _fill(self, collected: list[bytes], chunks: AsyncIterator[bytes]) -> None:
        found = 0
        while True:
            async with asyncio.timeout(self._idle_s):
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            if not chunk:
                continue
            collected.append(chunk)
            found += len(chunk)
            self._held += len(chunk)
            if found > self.most_bytes:
                raise _too_large(found, self.most_bytes)
            if self._held > TOGETHER * self.most_bytes:
                raise busy("too much is being read at a time: try again")


def _too_large(found: int, most_bytes: int) -> Refused:
    text = f"the body has {found:,} bytes, expected at most {most_bytes:,}"
    return Refused(413, "too_large", text, {"Connection": "close"})
