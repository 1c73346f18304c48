"""What a source of frames is, and what all of ours have in common."""

from __future__ import annotations

import threading
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from edgeenh.files import readable
from edgeenh.frames import Frame
from edgeenh.notices import Notice
from edgeenh.pixels import RGB

if TYPE_CHECKING:
    from edgeenh.pixels import Levels
    from edgeenh.stream.clock import Clock


class Source(Protocol):
    """Where frames come from. One thread reads; `interrupt` alone may be called from another.

    Attributes:
        id: What the source is called in frames and reports, e.g. `camera:0` or a file's path.
        size: (width, height) of the frames; None where they differ or nobody knows before the first.
        fps: The rate at which the frames were made; None where they have none (a folder of pictures).
        length: How many frames there will be; None where nobody knows (a camera). A damaged file may hold fewer.
        live: True for a device that does not wait for its reader.
        lost_upstream: Frames that are known to exist and never reached us, counted by reason.
        notices: What the source has to tell, oldest first; whoever reads the source takes them out.
    """

    id: str
    size: tuple[int, int] | None
    fps: float | None
    length: int | None
    live: bool
    lost_upstream: Counter[str]
    notices: list[Notice]

    def read(self) -> Frame | None:
        """The next frame, or None at the end; blocks until there is one.

        Raises:
            SourceError: The source failed and cannot go on.
        """
        ...

    def interrupt(self) -> None:
        """Make a waiting `read` return None soon, where that is possible; callable from any thread, more than once."""
        ...

    def close(self) -> None:
        """Give back the file or device; closing twice is allowed."""
        ...


class BaseSource:
    """The part of a source that is the same for all: its description, numbering of frames, `with`.

    A subclass implements `read`, usually through `_frame`, and `close` where it holds something.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self.id = readable(name)
        self.size: tuple[int, int] | None = None
        self.fps: float | None = None
        self.length: int | None = None
        self.live = False
        self.ends = False  # by itself, also where nobody knows after how many frames
        self.position_s: float | None = None  # where the last frame lies in a recording that says so
        self.lost_upstream: Counter[str] = Counter()
        self.notices: list[Notice] = []
        self._clock = clock
        self._sequence = 0
        self._interrupted = threading.Event()

    def read(self) -> Frame | None:
        """See `Source.read`."""
        raise NotImplementedError

    def interrupt(self) -> None:
        """See `Source.interrupt`."""
        self._interrupted.set()

    def close(self) -> None:
        """See `Source.close`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _frame(
        self,
        image: Levels,
        captured_ns: int,
        label: str = "",
        photometric: str = RGB.photometric,
        bits: int = 8,
        attributes: bytes = b"",
    ) -> Frame:
        """Wrap `image` (as `Frame` holds it, handed over to the frame) and give it the next sequence number."""
        frame = Frame(image, self.id, self._sequence, captured_ns, label, photometric, bits, attributes=attributes)
        self._sequence += 1
        return frame
