"""A sink that keeps nothing."""

from __future__ import annotations

from edgeenh.frames import EnhancedFrame
from edgeenh.sinks.base import BaseSink


class NullSink(BaseSink):
    """Takes frames and forgets them."""

    durable = True

    def __init__(self) -> None:
        super().__init__("null")

    def write(self, frame: EnhancedFrame) -> None:
        """Do nothing with `frame`."""
