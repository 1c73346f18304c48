"""A camera that fails when it is told to, below everything that recovers a real one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from edgeenh.errors import SourceError
from edgeenh.sources.device import Capture, Device, Numbers
from edgeenh.sources.recovery import RecoveringSource

if TYPE_CHECKING:
    from edgeenh.sources import Source
    from edgeenh.stream.clock import Clock


class CameraFaults:
    """What the camera does at this moment; asked for by the rehearsal, acted by the device.

    Attributes:
        asked: Nanoseconds of each fault that begins when the device is next looked at.
        incomplete: So many of the next frames come without all of their bytes.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.asked: dict[str, int] = {}
        self.incomplete = 0
        self._until_ns: dict[str, int] = {}

    def remaining_ns(self, kind: str) -> int:
        """How much longer a fault lasts; 0 = it does not."""
        now_ns = self.clock.now_ns()
        if (asked_ns := self.asked.pop(kind, None)) is not None:
            self._until_ns[kind] = now_ns + asked_ns
        return max(0, self._until_ns.get(kind, 0) - now_ns)

    def check_there(self) -> None:
        """Raise `SourceError` while the camera is unplugged."""
        if self.remaining_ns("camera-lost"):
            raise SourceError("the camera is unplugged (a fault that was asked for)")


class FaultyDevice:
    """A device through which the faults of a camera go; see `edgeenh.sources.device.Device`."""

    def __init__(self, device: Device, faults: CameraFaults) -> None:
        self._device, self._faults = device, faults
        self.serial, self.size, self.fps, self.numbers = device.serial, device.size, device.fps, device.numbers
        self._never = threading.Event()

    def read(self, timeout_s: float) -> Capture | None:
        """See `Device.read`."""
        faults = self._faults
        faults.check_there()
        if stalled_ns := faults.remaining_ns("camera-stall"):
            faults.clock.wait_until(faults.clock.now_ns() + min(stalled_ns, round(timeout_s * 1e9)), self._never)
            return None
        capture = self._device.read(timeout_s)
        if capture is None or capture.image is None:
            return capture
        if faults.incomplete > 0:
            faults.incomplete -= 1
            detail = "a frame came without all of its bytes (a fault that was asked for)"
            return Capture(capture.captured_ns, None, capture.number, "incomplete", detail)
        return self._smaller(capture) if faults.remaining_ns("resize") else capture

    def _smaller(self, capture: Capture) -> Capture:
        assert capture.image is not None
        height, width = (max(16, side // 4 * 2) for side in capture.image.shape[:2])
        return replace(capture, image=capture.image[:height, :width].copy())

    def close(self) -> None:
        """See `Device.close`."""
        self._device.close()


class SourceDevice:
    """A source that is shown at its rate, as a device: so what recovers a camera can be tried without one.

    Args:
        source: Never closed here: it outlives the device, as what a camera looks at does.
        at_end: Called when it ends.
    """

    serial = ""
    numbers: Numbers | None = None

    def __init__(self, source: Source, at_end: Callable[[], None], missed: int) -> None:
        self._source, self._at_end, self._missed = source, at_end, missed
        self.size, self.fps = source.size, source.fps

    def read(self, timeout_s: float) -> Capture | None:  # noqa: ARG002 (it comes within a period)
        """See `Device.read`; what went by while nobody looked is thrown away."""
        while self._missed > 0 and self._source.read() is not None:
            self._missed -= 1
        frame = self._source.read()
        if frame is None:
            self._at_end()
            return None
        return Capture(frame.captured_ns, frame.image, None, "", "", frame.label, frame.photometric, frame.bits)

    def close(self) -> None:
        """See the class."""


class CameraSource(RecoveringSource):
    """A paced source that is lost and found as a camera is."""

    def __init__(self, source: Source, faults: CameraFaults) -> None:
        self._inner, self._faults = source, faults
        self._left_ns: int | None = None
        super().__init__(source.id, self._open, faults.clock)
        self.length = source.length
        self.lost_upstream = source.lost_upstream
        self.notices = source.notices

    def interrupt(self) -> None:
        """See `Source.interrupt`."""
        super().interrupt()
        self._inner.interrupt()

    def close(self) -> None:
        """See `Source.close`."""
        super().close()
        self._inner.close()

    def _open(self, _serial: str | None) -> Device:
        self._faults.check_there()
        silent_s = 0.0 if self._left_ns is None else (self._clock.now_ns() - self._frame_ns) / 1e9
        self._left_ns = self._faults.clock.now_ns()
        missed = int(silent_s * (self._inner.fps or 0))
        return FaultyDevice(SourceDevice(self._inner, self.interrupt, missed), self._faults)


def with_camera_faults(source: Source, faults: CameraFaults) -> Source:
    """The source, or one around it, whose camera fails as `faults` say.

    Raises:
        SourceError: The camera cannot be opened.
    """
    if isinstance(source, RecoveringSource):
        source.through(lambda device: FaultyDevice(device, faults), faults.check_there)
        return source
    return CameraSource(source, faults)
