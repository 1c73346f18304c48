"""One pass of a clip: what came, what went out, and how old it was. The same account for a loop and for a stream.

**The camera.** At a pace, frame k is there `k / fps` after the first one that was in hand; whoever asks earlier waits, whoever asks later finds it
waiting, in order, as in the queue of a socket or a pipe. The camera's time ends one period after its last frame; what a loop has not read by then is
*waiting*. A frame's *age* runs from the moment it was there to the moment its enhanced form is in the hand of whoever takes it, by that clock and no
other: a stamp that a reader gives itself would hide the wait before it.

**Lost in silence** is what the clip holds and what neither came out, nor waits, nor was told of.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeenh_bench.other_load import tree_seconds

if TYPE_CHECKING:
    from edgeenh.stream import Stream
    from edgeenh_bench.streams.catalogue import Pace
    from edgeenh_bench.streams.readers import Frames, Picture

Enhance = Callable[["Picture"], object]


@dataclass(slots=True)
class Pass:
    """What became of the frames of one pass.

    Attributes:
        frames: How many the clip holds, and the camera gave.
        read: How many were taken from it.
        out: How many came out enhanced.
        passthrough: How many came out as they were, by the reason that was told.
        dropped: How many never came out, by the reason that was told.
        waiting: How many were there and not yet read when the camera's time ended.
        ages_ms: Of those that came out at a pace, in order.
        due_s: When each of these was there, in seconds after the first.
        first_ms: From the beginning to the first enhanced frame; opening the file is part of it.
        rest_ms: From the first enhanced frame to the last.
        cpu_ms: CPU time of the process and of those that it started, over the whole pass.
    """

    frames: int
    read: int = 0
    out: int = 0
    passthrough: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    ages_ms: list[float] = field(default_factory=list)
    due_s: list[float] = field(default_factory=list)
    first_ms: float = 0.0
    rest_ms: float = 0.0
    cpu_ms: float = 0.0

    @property
    def silent(self) -> int:
        """Frames of which nobody said where they went."""
        told = self.out + sum(self.passthrough.values()) + sum(self.dropped.values()) + self.waiting
        return self.frames - told


class Recorder:
    """Notes frames as they come out of a pass.

    Args:
        frames: How many the clip holds.
        pace: How they come.
        now_ns: Monotonic clock, the one that a stream stamps its frames with.
        sleep_s: How to wait on it.
    """

    def __init__(
        self,
        frames: int,
        pace: Pace,
        now_ns: Callable[[], int] = time.monotonic_ns,
        sleep_s: Callable[[float], object] = time.sleep,
    ) -> None:
        self.seen, self._pace, self._now_ns, self._sleep_s = Pass(frames), pace, now_ns, sleep_s
        self._period_ns = 1e9 / pace.fps if pace.fps else 0.0
        self._camera_ns: int | None = None
        self._cpu_s, self._began, self._last = tree_seconds(), now_ns(), 0

    def camera_began(self, at_ns: float) -> None:
        """Frame 0 was there at that moment; said once, later ones are ignored."""
        if self._camera_ns is None:
            self._camera_ns = round(at_ns)

    def due_ns(self, number: int) -> int:
        """When frame `number` is there; before the camera began, now."""
        return (self._now_ns() if self._camera_ns is None else self._camera_ns) + round(number * self._period_ns)

    def over(self) -> bool:
        """Whether the camera's time is over; without a pace, never."""
        return bool(self._period_ns) and self._now_ns() >= self.due_ns(self.seen.frames)

    def wait_for(self, number: int) -> None:
        """Wait until frame `number` is there."""
        if self._period_ns:
            self._sleep_s(max(0, self.due_ns(number) - self._now_ns()) / 1e9)

    def take(self, number: int, *, enhanced: bool = True) -> None:
        """Frame `number` is in hand; then do with it what takes `sink_ms`."""
        now = self._now_ns()
        self.seen.out += enhanced
        if self._period_ns:
            due = self.due_ns(number)
            self.seen.ages_ms.append((now - due) / 1e6)
            self.seen.due_s.append(number * self._period_ns / 1e9)
        if not self._last:
            self.seen.first_ms = (now - self._began) / 1e6
            self._last = now
        self.seen.rest_ms += (now - self._last) / 1e6
        self._last = now
        self._sleep_s(self._pace.sink_ms / 1e3)

    def end(self) -> Pass:
        """The pass is over."""
        self.seen.cpu_ms = (tree_seconds() - self._cpu_s) * 1e3
        return self.seen


def run_loop(frames: Frames, enhance: Enhance, recorder: Recorder) -> Pass:
    """The loop of a user: read, enhance, hand on, and again."""
    seen = recorder.seen
    try:
        for number, image in enumerate(frames):
            recorder.camera_began(recorder.due_ns(0))
            recorder.wait_for(number)
            if recorder.over():
                seen.waiting = seen.frames - seen.read  # this one, too, was read ahead only
                break
            seen.read += 1
            enhance(image)
            recorder.take(number)
    finally:
        frames.close()  # type: ignore[attr-defined]  # a generator, which ends what it started
    return recorder.end()


def run_stream(stream: Stream, recorder: Recorder, fps: float | None) -> Pass:
    """The same with a stream of edgeenh, whose own account of frames is what it says."""
    for frame in stream:
        number = frame.original.sequence
        recorder.camera_began(frame.original.captured_ns - (number * 1e9 / fps if fps else 0.0))
        recorder.take(number, enhanced=frame.enhanced)
    counts: Any = stream.accounting.counts()
    seen = recorder.seen
    seen.read, seen.passthrough = counts.captured, dict(counts.passthrough)
    lost = {f"lost upstream: {reason}": many for reason, many in counts.lost_upstream.items()}
    seen.dropped = dict(counts.dropped) | lost
    return recorder.end()
