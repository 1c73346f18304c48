"""Work of requests in a few threads: bounded, with a deadline, and refused rather than piled up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from edgeenh.station.errors import busy

Result = TypeVar("Result")

THREADS = 2
"""One picture is decoded or encoded while another is enhanced."""


class Jobs:
    """A bounded queue. Used by one event loop.

    Args:
        most: Jobs that wait or are at work at a time.
        deadline_s: A job must be done within this.
        threads: That work.
        now: Monotonic seconds.
    """

    def __init__(
        self, most: int, deadline_s: float, *, threads: int = THREADS, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.most, self.deadline_s, self._now = most, deadline_s, now
        self.accepted = self.refused = self.late = 0
        self._open = 0
        self._threads = ThreadPoolExecutor(threads, "edgeenh-service")

    @property
    def open(self) -> int:
        """Jobs that wait or are at work, those whose client has its 503 already included."""
        return self._open

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do `work` in a thread.

        Raises:
            Refused: 503, there is no room, or it was not done in time. What began is finished, and keeps its place until then.
            BaseException: What `work` raised.
        """
        if self._open >= self.most:
            self.refused += 1
            raise busy(f"{self._open} pictures wait or are enhanced, at most {self.most} may: try again")
        self._open += 1
        self.accepted += 1
        deadline = self._now() + self.deadline_s

        def in_time() -> Result:
            if self._now() >= deadline:
                raise self._late()
            return work()

        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()

        def done(work: Future[Result]) -> None:
            self._open -= 1
            _pass_on(work, answer)

        future = self._threads.submit(in_time)
        future.add_done_callback(lambda work: _tell(loop, done, work))
        try:
            async with asyncio.timeout(self.deadline_s):
                return await answer
        except TimeoutError as exc:
            self.late += 1
            future.cancel()
            raise self._late() from exc

    def close(self) -> None:
        """No job begins any more; those at work end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _late(self) -> Exception:
        return busy(f"it was not done within {self.deadline_s * 1e3:g} ms: try again", "deadline")


def _pass_on(work: Future[Result], answer: asyncio.Future[Result]) -> None:
    """What a thread did to who waits for it; whoever does not wait any more was told already."""
    if answer.done():
        return
    if work.cancelled():
        answer.cancel()
    elif (error := work.exception()) is not None:
        answer.set_exception(error)
    else:
        answer.set_result(work.result())


def _tell(loop: asyncio.AbstractEventLoop, done: Callable[[Future[Any]], None], future: Future[Any]) -> None:
    """Back into the loop's thread, unless the service has ended."""
    try:
        loop.call_soon_threadsafe(done, future)
    except RuntimeError:
        done(future)
