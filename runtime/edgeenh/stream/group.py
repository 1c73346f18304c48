"""Several streams, one taker: frames of all of them, each with the stream it belongs to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from edgeenh.errors import EdgeenhError, UsageError
from edgeenh.stream.sharing import SharedEnhancer
from edgeenh.stream.stream import LOOK_S, Stream

if TYPE_CHECKING:
    from edgeenh.frames import EnhancedFrame
    from edgeenh.stream.worker import FrameEnhancer


class StreamGroup:
    """Iterate it to get pairs of a stream and one of its frames, whichever has one; exposures come first.

        group = StreamGroup(enhancer)
        camera = group.add("camera:0", mode="live")
        xray = group.add("watch:/srv/xray", mode="exposure", spool="/var/spool/xray")
        for stream, frame in group:
            (show if stream is camera else archive)(frame)

    Every stream keeps its own contract, accounting, events and report. They share the enhancer fairly by time: a fast
    camera does not slow a slow one down, and an exposure goes before both. A stream whose source fails ends alone; what
    ended it is raised when the others have ended too.

    Args:
        enhancer: What enhances; not closed.
    """

    def __init__(self, enhancer: FrameEnhancer) -> None:
        self._shared = SharedEnhancer(enhancer)
        self.streams: list[Stream] = []
        self._running: list[Stream] = []
        self._changed = threading.Event()
        self._failures: list[Exception] = []

    def add(self, source: Any, *, mode: str = "offline", **options: Any) -> Stream:
        """One more stream, before the first frame is taken; arguments as of `Stream`, without the enhancer.

        Raises:
            EdgeenhError: As `Stream`; `UsageError` also when its frames would be of one size too many.
        """
        from edgeenh.enhancer import SESSIONS

        seat = self._shared.seat(first=mode == "exposure")
        stream = Stream(source, seat, mode=mode, **options)  # type: ignore[arg-type] # checked there
        sizes = {one.source.size for one in (*self.streams, stream)} - {None}
        if len(sizes) > SESSIONS:
            stream.close()
            found = ", ".join(f"{size[0]}x{size[1]}" for size in sorted(filter(None, sizes)))
            raise UsageError(
                f"frames of {len(sizes)} sizes ({found}), and one enhancer keeps {SESSIONS} ready: use another"
            )
        stream.on_change = self._changed.set
        self.streams.append(stream)
        return stream

    def prepare(self) -> None:
        """Prepare the enhancer for every stream; the first iteration does it if nobody did before. Raises as `Stream.prepare`."""
        for stream in self.streams:
            stream.prepare()

    def __iter__(self) -> Iterator[tuple[Stream, EnhancedFrame]]:
        """Give every frame; leaving the loop early closes all streams."""
        try:
            self.prepare()
            for stream in self.streams:
                stream.start()
            self._running = sorted(self.streams, key=lambda stream: stream.mode != "exposure")
            while self._running:
                yield from self._round()
        finally:
            self.close()
        if self._failures:
            raise self._failures[0]

    def stop(self, *, wait: bool = True) -> None:
        """End all streams; see `Stream.stop`."""
        for stream in self.streams:
            stream.stop(wait=wait)

    def close(self) -> None:
        """End all streams at once; see `Stream.close`."""
        self.stop(wait=False)
        for stream in self.streams:
            stream.close()

    def report(self) -> list[dict[str, Any]]:
        """The report of each stream, with its source."""
        return [{"source": stream.source.id, **stream.report()} for stream in self.streams]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _round(self) -> Iterator[tuple[Stream, EnhancedFrame]]:
        """One frame of each stream that has one, exposures first; waits when none has."""
        self._changed.clear()
        found = False
        for stream in tuple(self._running):
            if (frame := self._poll(stream)) is not None:
                found = True
                yield stream, frame
                stream.settle()
        if not found and self._running:
            self._changed.wait(LOOK_S)

    def _poll(self, stream: Stream) -> EnhancedFrame | None:
        try:
            frame = stream.poll()
        except EdgeenhError as exc:
            self._failures.append(exc)
            frame = None
        if frame is None and stream.over:
            self._running.remove(stream)
        return frame
