"""One enhancer for several streams, each of which sees an enhancer of its own: `SharedEnhancer(enhancer).seat()`."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from edgeenh.errors import WorkerFailed
from edgeenh.frames import PassthroughReason, Provenance
from edgeenh.notices import KEPT, Notice
from edgeenh.stream.turns import Turn, Turns
from edgeenh.stream.worker import FrameEnhancer, pixels_of

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle
    from edgeenh.pixels import Levels, Pixels


class SharedEnhancer:
    """Shares one enhancer, frame by frame and fairly by time (`edgeenh.stream.turns`); an exposure goes first.

    An enhancer keeps `edgeenh.enhancer.SESSIONS` sizes of frame ready: streams of more sizes than that would have it
    prepare all the time.

    Args:
        enhancer: It is not closed.
    """

    def __init__(self, enhancer: FrameEnhancer) -> None:
        self.enhancer: Any = enhancer
        self.free, self.turns, self.seats = threading.Condition(), Turns(), list[Seat]()

    def seat(self, *, first: bool = False) -> Seat:
        """An enhancer for one more stream; `first` for exposures."""
        seat = Seat(self, Turn(first))
        self.seats.append(seat)
        return seat

    def hand_out_notices(self) -> None:
        """What the enhancer has to tell concerns every stream."""
        notices: deque[Notice] = getattr(self.enhancer, "notices", deque())
        with suppress(IndexError):
            while notices:
                notice = notices.popleft()
                for seat in self.seats:
                    seat.own_notices.append(notice)


class Seat:
    """The enhancer as one stream sees it (see `edgeenh.stream.worker.FrameEnhancer`). Used by one thread at a time."""

    keeps_time = True
    """It takes `budget_s`, of which waiting for others is a part."""

    def __init__(self, shared: SharedEnhancer, turn: Turn) -> None:
        self._shared, self._turn = shared, turn
        self.own_notices: deque[Notice] = deque(maxlen=KEPT)

    @property
    def notices(self) -> deque[Notice]:
        """The enhancer's, a copy for each stream."""
        self._shared.hand_out_notices()
        return self.own_notices

    @property
    def pixels(self) -> Pixels:
        """The enhancer's."""
        return pixels_of(self._shared.enhancer)

    @property
    def scale(self) -> int:
        """The enhancer's."""
        scale: int = getattr(self._shared.enhancer, "scale", 1)
        return scale

    @property
    def bundle(self) -> Bundle | None:
        """The enhancer's; None where it has none."""
        bundle: Bundle | None = getattr(self._shared.enhancer, "bundle", None)
        return bundle

    def prepare(self, height: int, width: int) -> object:
        """Have the enhancer ready for frames of this size, when it is this stream's turn."""
        with self._my_turn(None):
            return self._shared.enhancer.prepare(height, width)

    def enhance_into(
        self,
        image: Levels,
        out: Levels,
        strength: float | None = None,
        *,
        bits: int | None = None,
        budget_s: float | None = None,
    ) -> object:
        """Enhance one frame when it is this stream's turn.

        Raises:
            WorkerFailed: It was not within `budget_s` (`deadline`).
            EdgeenhError: What the enhancer raised.
        """
        deadline = None if budget_s is None else time.monotonic() + budget_s
        with self._my_turn(deadline):
            more: dict[str, Any] = {} if bits is None else {"bits": bits}
            if deadline is not None and getattr(self._shared.enhancer, "keeps_time", False):
                more["budget_s"] = deadline - time.monotonic()
            made = self._shared.enhancer.enhance_into(image, out, strength, **more)
            # Asked for now: afterwards the last picture may be another stream's.
            return made if isinstance(made, Provenance) else self.provenance(strength)

    def provenance(self, strength: float | None = None) -> Provenance:
        """Which model made the last picture."""
        made: Provenance = self._shared.enhancer.provenance(strength)
        return made

    def distrust(self, detail: str) -> None:
        """A result of this stream was no picture."""
        getattr(self._shared.enhancer, "distrust", lambda _detail: None)(detail)

    def degrade(self, detail: str) -> bool:
        """Go on with the next backend, for all streams; False when there is none."""
        lowered: bool = getattr(self._shared.enhancer, "degrade", lambda _detail: False)(detail)
        return lowered

    @contextmanager
    def _my_turn(self, deadline: float | None) -> Iterator[None]:
        shared, turn = self._shared, self._turn
        with shared.free:
            shared.turns.ask(turn)
            left = None if deadline is None else deadline - time.monotonic()
            taken = False
            try:
                taken = shared.free.wait_for(lambda: shared.turns.take(turn), left)
            finally:
                if not taken:
                    shared.turns.withdraw(turn)
                    shared.free.notify_all()  # it may have been next: let the others look again
            if not taken:
                raise WorkerFailed("the enhancer was busy with other sources", PassthroughReason.DEADLINE)
        began = time.monotonic()
        try:
            yield
        finally:
            with shared.free:
                shared.turns.done(turn, time.monotonic() - began)
                shared.free.notify_all()
