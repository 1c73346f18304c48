"""Several sinks as one: a preview that fails does not end a recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from edgeenh.errors import EdgeenhError, UsageError
from edgeenh.files import is_of_place
from edgeenh.frames import EnhancedFrame
from edgeenh.notices import Notice
from edgeenh.sinks.base import BaseSink, Sink


class FanOut(BaseSink):
    """Gives every frame to every sink, in their order.

    A sink that fails is told, and from then on left out; one that keeps each frame as it comes (`durable`) is tried again
    with the next frame. What a failure means for the whole is a matter of the contract:

    - `strict` (exposure, offline): a sink that keeps frames (a folder, a video) and fails fails the frame, after
      the others got it; one that only shows them (`keeps` is false: shared memory, preview, raw) does not.
    - otherwise (live): the frame fails only when no sink took it.

    Args:
        sinks: Two or more; they belong to the fan-out from now on.
        strict: See above.

    Raises:
        UsageError: Two have the same name.
    """

    def __init__(self, sinks: Sequence[Sink], *, strict: bool) -> None:
        super().__init__(", ".join(sink.id for sink in sinks))
        twice = {sink.id for sink in sinks if [other.id for other in sinks].count(sink.id) > 1}
        if twice:
            raise UsageError(f"--out names {', '.join(sorted(twice))} more than once, expected each place once")
        self.durable = any(getattr(sink, "durable", False) for sink in sinks)
        self.keeps = any(getattr(sink, "keeps", True) for sink in sinks)
        self.sinks, self._strict = list(sinks), strict
        self._written, self._missed = [0] * len(sinks), [0] * len(sinks)
        self._failed: list[EdgeenhError | None] = [None] * len(sinks)
        self._out: set[int] = set()

    def write(self, frame: EnhancedFrame) -> None:
        """Give the frame to every sink that is not out; see the class for what is raised."""
        taken, fatal, last = 0, None, None
        for index, sink in enumerate(self.sinks):
            if index in self._out:
                self._missed[index] += 1
                last = last or self._failed[index]
                continue
            if (error := self._give(index, frame)) is None:
                taken += 1
                continue
            last = error
            if self._strict and getattr(sink, "keeps", True):
                fatal = fatal or error
        if fatal is not None:
            raise fatal
        if not taken and last is not None:
            raise last

    def _give(self, index: int, frame: EnhancedFrame) -> EdgeenhError | None:
        sink = self.sinks[index]
        try:
            sink.write(frame)
        except EdgeenhError as exc:
            self._missed[index] += 1
            self._tell_failure(index, exc, frame)
            return exc
        self._written[index] += 1
        if self._failed[index] is not None:
            self._failed[index] = None
            self.notices.append(
                Notice("sink_back", f"{sink.id} takes frames again from frame {frame.original.sequence} on")
            )
        return None

    def _tell_failure(self, index: int, error: EdgeenhError, frame: EnhancedFrame) -> None:
        sink = self.sinks[index]
        again = getattr(sink, "durable", False) and is_of_place(error)
        if self._failed[index] is None:
            further = "it is tried again with every frame" if again else "it gets no more"
            detail = f"{sink.id} did not take frame {frame.original.sequence}, the others go on and {further}: {error}"
            self.notices.append(Notice("sink_failed", detail))
        self._failed[index] = error
        if not again:
            self._out.add(index)
            sink.abort()

    def take_notices(self) -> list[Notice]:
        """Its own and those of the sinks."""
        return [*super().take_notices(), *(notice for sink in self.sinks for notice in notices_of(sink))]

    def hurry(self) -> None:
        """Hurry all; see `BaseSink.hurry`."""
        for sink in self.sinks:
            hurry(sink)

    def close(self) -> None:
        """Close all; the first error is raised when all had their turn."""
        self._end(lambda sink: sink.close())

    def abort(self) -> None:
        """Abort all."""
        self._end(lambda sink: sink.abort())

    def _end(self, end: Callable[[Sink], None]) -> None:
        failures: list[EdgeenhError] = []
        for index, sink in enumerate(self.sinks):
            if index in self._out:
                continue
            try:
                end(sink)
            except EdgeenhError as exc:
                self._failed[index] = exc
                sink.abort()
                if getattr(sink, "keeps", True):
                    failures.append(exc)
        if failures:
            raise failures[0]

    def to_json(self) -> list[dict[str, Any]]:
        """What became of each, for the report."""
        return [
            {
                "id": sink.id,
                "keeps": getattr(sink, "keeps", True),
                "written": written,
                "missed": missed,
                "failure": str(failed) if failed else None,
            }
            for sink, written, missed, failed in zip(self.sinks, self._written, self._missed, self._failed, strict=True)
        ]


def notices_of(sink: Sink) -> list[Notice]:
    """What a sink has to tell; one that was not made by us may have no word for it."""
    taken: list[Notice] = getattr(sink, "take_notices", list)()
    return taken


def hurry(sink: Sink) -> None:
    """Have `close` and `abort` of a sink return soon; one that was not made by us may have no word for it."""
    getattr(sink, "hurry", _nothing)()


def _nothing() -> None:
    """What hurries by itself."""
