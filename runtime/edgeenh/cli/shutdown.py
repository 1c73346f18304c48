"""How a run ends when it is asked to: softly, then hard, in any state in less than two seconds, with its report."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from edgeenh.sinks.fan_out import hurry

if TYPE_CHECKING:
    from edgeenh.sinks import Sink
    from edgeenh.stream import Stream

GRACE_S = 0.6
"""What is begun may take so long after the first signal; then the worker is killed and the run ends without it."""

Result = TypeVar("Result")


class Shutdown:
    """The two steps of an end. Each may be called from any thread, and more than once.

    Args:
        streams: What is stopped.
        kill: Ends what enhances, whatever it does at the moment; None = it cannot be ended.
        sinks: What may be waiting for somebody else, e.g. an archive.
        grace_s: Seconds between the two.
    """

    def __init__(
        self,
        streams: list[Stream],
        kill: Callable[[], object] | None,
        sinks: Sequence[Sink] = (),
        *,
        grace_s: float = GRACE_S,
    ) -> None:
        self._streams, self._kill, self._sinks = streams, kill, sinks
        self._timer = threading.Timer(grace_s, self.hard)
        self._timer.daemon = True
        self._once = threading.Lock()

    def soft(self) -> None:
        """Nothing new is begun; `hard` follows after the grace."""
        if self._once.acquire(blocking=False):
            self._timer.start()
        for stream in self._streams:
            stream.stop()

    def hard(self) -> None:
        """What is not finished is not waited for."""
        for stream in self._streams:
            stream.stop(wait=False)
        if self._kill is not None:
            self._kill()
        for sink in self._sinks:
            hurry(sink)

    def done(self) -> None:
        """The run has ended by itself."""
        self._timer.cancel()


@contextmanager
def aborting(sinks: Sequence[Sink]) -> Iterator[None]:
    """Where what is inside fails or is interrupted, no sink stays open: a name in /dev/shm would outlive the run."""
    try:
        yield
    except BaseException:
        for sink in sinks:
            hurry(sink)
            sink.abort()
        raise


def interruptible(work: Callable[[], Result]) -> Result:
    """Do `work` in another thread, so that a signal reaches the main thread also while a library is busy for minutes.

    Raises:
        BaseException: Whatever `work` raised; KeyboardInterrupt at once, the work is then left to its thread.
    """
    done, results, failures = threading.Event(), list[Result](), list[BaseException]()

    def run() -> None:
        try:
            results.append(work())
        except BaseException as exc:
            failures.append(exc)
        done.set()

    threading.Thread(target=run, name="edgeenh-prepare", daemon=True).start()
    done.wait()
    if failures:
        raise failures[0]
    return results[0]
