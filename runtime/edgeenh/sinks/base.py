"""What a sink of frames is."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Protocol, Self

from edgeenh.frames import EnhancedFrame
from edgeenh.notices import KEPT, Notice


class Sink(Protocol):
    """Where frames go. Used by one thread.

    Attributes:
        id: What the sink is called in reports, e.g. a file's path.
        durable: When `write` returns, the frame survives the end of this process and of the power; or nobody wants it to.
            Only such a sink may take exposures.
    """

    id: str
    durable: bool

    def write(self, frame: EnhancedFrame) -> None:
        """Take one frame; it is only read, and not kept after the call.

        Raises:
            OutputFailed: It could not be written. What was written before stays whole; call `abort` next.
            UsageError: The place may not be written to, or the frame does not fit what this sink can hold.
        """
        ...

    def close(self) -> None:
        """Finish: afterwards the result stands under its name, whole. Closing twice is allowed.

        Raises:
            OutputFailed: The result could not be finished; nothing half-written is left.
        """
        ...

    def abort(self) -> None:
        """Finish after a failure: keep what is complete, remove what is not; never raises."""
        ...


class BaseSink:
    """What is the same for all sinks: a name, notices, and `with`, which aborts on an error and closes otherwise.

    Attributes:
        keeps: Frames are kept or passed on, so that one that fails is a loss; False = they are only shown.
        notices: What the sink has to tell; `take_notices` empties it.
    """

    durable = False
    keeps = True

    def __init__(self, name: str) -> None:
        self.id = name
        self.notices: deque[Notice] = deque(maxlen=KEPT)

    def take_notices(self) -> list[Notice]:
        """What there is to tell since the last call, oldest first. Called by the thread that writes."""
        taken = list(self.notices)
        self.notices.clear()
        return taken

    def write(self, frame: EnhancedFrame) -> None:
        """See `Sink.write`."""
        raise NotImplementedError

    def hurry(self) -> None:
        """`close` and `abort` must return soon, whatever is not done then; callable from any thread, more than once."""

    def close(self) -> None:
        """See `Sink.close`."""

    def abort(self) -> None:
        """See `Sink.abort`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()
