"""Who has an exposure now: the spool, or whoever took it from the stream and did not say yet that it is done with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh.stream.spool import Spool
from edgeenh.stream.spool_entry import DamagedError

if TYPE_CHECKING:
    from edgeenh.frames import EnhancedFrame, Frame
    from edgeenh.notices import Notice


class Custody:
    """The stream's side of its spool; does nothing where there is none. `take` and `hand_on` are called by one thread.

    Args:
        spool: A folder, opened and closed here; a `Spool`, which is not closed; or None.

    Raises:
        UsageError: As `Spool`.
    """

    def __init__(self, spool: str | Path | Spool | None) -> None:
        self._owned = isinstance(spool, str | Path)
        self.spool = Spool(spool) if isinstance(spool, str | Path) else spool
        self._given: EnhancedFrame | None = None

    @property
    def notices(self) -> Iterable[Notice]:
        """The spool's."""
        return self.spool.notices if self.spool else ()

    @property
    def unspooled(self) -> bool:
        """Whether the spool could not be written to when it was last tried."""
        return self.spool is not None and self.spool.trouble

    def hand_on(self, result: EnhancedFrame) -> None:
        """The stream gives this frame to its taker."""
        self._given = result if self.spool else None

    def settle(self) -> None:
        """The taker asks for the next one: it is done with the one before."""
        given, self._given = self._given, None
        if given is not None:
            self.acknowledge(given)

    def keep(self, frame: EnhancedFrame) -> None:
        """The taker could not take it: it stays in the spool."""
        if self._given is frame:
            self._given = None

    def acknowledge(self, frame: EnhancedFrame) -> None:
        """The taker is done with it."""
        if self.spool is not None:
            self.spool.acknowledge(frame.original)

    def with_pixels(self, frame: Frame) -> Frame | None:
        """An exposure that waited on the disk is read back; None when it is damaged or cannot be read, which the spool tells."""
        if self.spool is None or frame.exposure is None or not frame.exposure.spooled or frame.image.size:
            return frame
        try:
            return self.spool.load(frame)
        except DamagedError:
            return None

    def to_json(self) -> dict[str, Any]:
        """The part of a stream's report."""
        return {"spool": self.spool.to_json()} if self.spool else {}

    def close(self) -> None:
        """Close the spool, if it is ours; what the taker holds it may have lost, so that stays."""
        self._given = None
        if self.spool is not None and self._owned:
            self.spool.close()
