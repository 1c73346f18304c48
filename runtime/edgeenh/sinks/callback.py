"""A sink that hands every frame to a function."""

from __future__ import annotations

from collections.abc import Callable

from edgeenh.errors import EdgeenhError, OutputFailed
from edgeenh.frames import EnhancedFrame
from edgeenh.sinks.base import BaseSink


class CallbackSink(BaseSink):
    """Calls `function(frame)` for every frame; the frame and its pictures may be kept by the function.

    An exposure is done with when the function returns: it must have put it where it is safe.
    """

    durable = True

    def __init__(self, function: Callable[[EnhancedFrame], object]) -> None:
        super().__init__(getattr(function, "__name__", "callback"))
        self._function = function

    def write(self, frame: EnhancedFrame) -> None:
        """Call the function.

        Raises:
            OutputFailed: The function raised; errors of edgeenh pass as they are.
        """
        try:
            self._function(frame)
        except EdgeenhError:
            raise
        except Exception as exc:
            raise OutputFailed(
                f"{self.id} raised {type(exc).__name__} on frame {frame.original.sequence}: {exc}"
            ) from exc
