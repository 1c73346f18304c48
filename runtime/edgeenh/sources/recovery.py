"""A device that is lost and found again: every live source goes through here.

STREAMING ── no frame for three periods ──▶ LOST ── none within the grace ──▶ REOPENING ── a frame ──▶ STREAMING
                                             │                                    ▲
                                             └── a frame ──▶ STREAMING            └── the device failed

The gap between frames decides, never the driver: GigE libraries tell of a lost camera after six seconds, Video4Linux
after ten, network decoders never.
"""

from __future__ import annotations

import random as random_module
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from edgeenh.errors import EdgeenhError, SourceError
from edgeenh.frames import Frame
from edgeenh.notices import Notice
from edgeenh.sources.attempt import Attempt, close_within
from edgeenh.sources.base import BaseSource

if TYPE_CHECKING:
    from edgeenh.sources.device import Capture, Device
    from edgeenh.stream.clock import Clock

CLOSE_S = 1.0
"""How long a device may take to close; one that hangs longer is left to its thread."""


class State(StrEnum):
    """Where a recovering source stands."""

    STREAMING = "streaming"
    LOST = "lost"
    REOPENING = "reopening"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a source waits for what.

    Attributes:
        periods: A gap of so many frame periods means that the device is lost.
        least_s: A shorter gap than this never does, however fast the device.
        grace_s: So long a lost device may come back by itself before it is opened again.
        first_s: So long a device may take for its first frame after it was opened.
        delay_s: The wait after the first failed attempt to open it; it doubles with each one.
        longest_s: The longest wait between two attempts.
        jitter: The share by which a wait is made shorter or longer by chance, so that two stations on one camera or
            one network do not knock in step.
    """

    periods: float = 3.0
    least_s: float = 0.1
    grace_s: float = 0.2
    first_s: float = 3.0
    delay_s: float = 0.1
    longest_s: float = 2.0
    jitter: float = 0.25

    def gap_ns(self, fps: float | None) -> int | None:
        """The gap after which a device of this rate is lost; None where it has no rate."""
        return None if fps is None else round(1e9 * max(self.periods / fps, self.least_s))

    def back_off_ns(self, failures: int, chance: float) -> int:
        """The wait after so many failed attempts; `chance` in 0…1."""
        delay = min(self.delay_s * 2.0 ** min(failures - 1, 30), self.longest_s)
        return round(1e9 * min(delay * (1 + self.jitter * (2 * chance - 1)), self.longest_s))


CAMERA = Patience()
NETWORK = Patience(least_s=2.0, grace_s=0.0, first_s=10.0, longest_s=5.0)
"""Networks deliver in bursts: a pause of half a second is no loss."""


class RecoveringSource(BaseSource):
    """Frames of a live device that may be lost and found again.

    Numbers of frames follow the device's: a gap in them is a loss that nobody knows the reason of, and the stream
    counts it. A frame whose loss has a known reason is counted in `lost_upstream` under that reason and takes no
    number, so that none is counted twice. Devices number from the beginning after they were opened again: what one
    made in between cannot be counted, and the notice says how long it was.

    Args:
        name: What the source is called, e.g. `gige:GV01`.
        open_device: Opens the device of a serial, or for None whatever fits; it may be called in any thread.
        clock: Tells what a gap is.
        patience: How long to wait for what.
        random: Gives numbers in 0…1 for the jitter.

    Raises:
        EdgeenhError: The device cannot be opened the first time.
    """

    def __init__(
        self,
        name: str,
        open_device: Callable[[str | None], Device],
        clock: Clock,
        *,
        patience: Patience = CAMERA,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        super().__init__(name, clock)
        self._open_device, self._patience, self._random = open_device, patience, random
        self.live = True
        self.state = State.STREAMING
        self._device: Device | None = open_device(None)
        self._given_up: Device | None = None  # to be closed before the next is opened
        self.serial, self.size, self.fps = self._device.serial, self._device.size, self._device.fps
        self._frame_ns = clock.now_ns()  # when the last frame came
        self._opened_ns: int | None = self._frame_ns  # when the device was opened; None once it gave a frame
        self._failures = 0  # attempts since the last frame
        self._fault = ""
        self._repeated = False  # a number came again
        self._refused: set[str] = set()

    def through(self, wrap: Callable[[Device], Device], before: Callable[[], None]) -> None:
        """From now on, see the device through `wrap`, and call `before` before it is opened again: for playing faults."""
        open_device = self._open_device

        def open_wrapped(serial: str | None) -> Device:
            before()
            return wrap(open_device(serial))

        self._open_device = open_wrapped
        self._device = None if self._device is None else wrap(self._device)

    def read(self) -> Frame | None:
        """The next frame; None only after `interrupt`. A lost device is waited for, however long it takes."""
        while not self._interrupted.is_set():
            if self._device is None and not self._reopen():
                return None
            capture = self._capture()
            frame = None if capture is None else self._receive(capture)
            if frame is not None:
                return frame
        return None

    def close(self) -> None:
        """See `Source.close`; returns within `CLOSE_S` also when the device hangs."""
        for device in (self._device, self._given_up):
            if device is not None:
                close_within(device, CLOSE_S)
        self._device = self._given_up = None

    def _capture(self) -> Capture | None:
        """What the device gives within a short while; it is given up when it fails or is silent for too long."""
        assert self._device is not None
        gap_ns = self._patience.gap_ns(self._device.fps)
        try:
            capture = self._device.read(0.05 if gap_ns is None else min(0.05, gap_ns / 2e9))
        except EdgeenhError as exc:
            self._lose(str(exc))
            self._give_up()
            return None
        if capture is None:
            self._judge(gap_ns)
        return capture

    def _judge(self, gap_ns: int | None) -> None:
        """Decide by the time since the last frame whether the device is lost, and whether to open it again."""
        if gap_ns is None:
            return
        since_ns = self._frame_ns if self._opened_ns is None else self._opened_ns
        silent_ns = self._clock.now_ns() - since_ns
        limit_ns = gap_ns if self._opened_ns is None else max(gap_ns, round(1e9 * self._patience.first_s))
        if silent_ns > limit_ns:
            self._lose(f"no frame for {silent_ns / 1e6:.0f} ms, expected one every {1000 / (self.fps or 1):.0f} ms")
        if silent_ns > limit_ns + 1e9 * self._patience.grace_s:
            self._give_up()

    def _lose(self, reason: str) -> None:
        if self.state is State.STREAMING:
            self.state = State.LOST
            self._tell("lost", f"{self.id} is lost: {reason}; waiting for it")

    def _give_up(self) -> None:
        self.state = State.REOPENING
        self._device, self._given_up = None, self._device

    def _reopen(self) -> bool:
        """Open the device again, for as long as it takes; False when interrupted."""
        told = ""
        while self._back_off():
            self._failures += 1  # until a frame comes: a device that opens and fails at once is not tried in a rush
            try:
                device = Attempt(self._close_and_open()).wait(self._interrupted)
                if device is None:
                    return False
                self._accept(device)
            except EdgeenhError as exc:
                if str(exc) != told:
                    told = str(exc)
                    self._tell("reopening", f"{self.id} cannot be opened again yet: {told}")
            else:
                return True
        return False

    def _close_and_open(self) -> Callable[[], Device]:
        """Closing first, in the same thread: what a library still sends to a lost camera must not reach the new session."""
        old, self._given_up = self._given_up, None

        def work() -> Device:
            if old is not None:
                old.close()
            return self._open_device(self.serial or None)

        return work

    def _back_off(self) -> bool:
        """Wait before the next attempt, the first excepted; False when interrupted."""
        if not self._failures:
            return not self._interrupted.is_set()
        due_ns = self._clock.now_ns() + self._patience.back_off_ns(self._failures, self._random())
        return self._clock.wait_until(due_ns, self._interrupted)

    def _accept(self, device: Device) -> None:
        """Take an opened device, unless it is another one."""
        if device.serial != self.serial:
            close_within(device, CLOSE_S)
            found = f"another device is there, {device.serial or 'without a serial'}, expected {self.serial or 'none'}"
            if device.serial not in self._refused:
                self._refused.add(device.serial)
                self._tell("another_device", f"{self.id}: {found}; it is not used: plug the first one in again")
            raise SourceError(found)
        self._device, self._opened_ns = device, self._clock.now_ns()

    def _receive(self, capture: Capture) -> Frame | None:
        """Count what came, and make a frame of it; None where it is not whole."""
        assert self._device is not None
        self._come_back(capture)
        if capture.number is not None and self._device.numbers is not None:
            missed = self._device.numbers.missed(capture.number)
            if missed is None and not self._repeated:
                self._repeated = True
                self._tell("number_repeated", f"{self.id} gave number {capture.number} again; such frames are used")
            self._sequence += missed or 0  # the stream counts the gap
        if capture.image is None:
            self._count(capture)
            return None
        self._fault = ""
        self._compare(capture.image.shape[1], capture.image.shape[0])
        return self._frame(capture.image, capture.captured_ns, capture.label, capture.photometric, capture.bits)

    def _come_back(self, capture: Capture) -> None:
        if self.state is not State.STREAMING:
            silent_s = (capture.captured_ns - self._frame_ns) / 1e9
            unknown = "; what it saw meanwhile is not numbered" if self.state is State.REOPENING else ""
            self._tell("back", f"{self.id} is back after {silent_s:.2f} s without a frame{unknown}")
            self.state = State.STREAMING
        self._frame_ns, self._opened_ns, self._failures = self._clock.now_ns(), None, 0

    def _count(self, capture: Capture) -> None:
        self.lost_upstream[capture.fault] += 1
        if capture.fault != self._fault:  # the first of a series is told, all are counted
            self._fault = capture.fault
            self._tell(capture.fault, f"{self.id}, after frame {self._sequence - 1}: {capture.detail}")

    def _compare(self, width: int, height: int) -> None:
        if self.size is not None and self.size != (width, height):
            was = f"{self.size[0]}x{self.size[1]}"
            self._tell("size_changed", f"{self.id} now gives {width}x{height} pixels, it was {was}")
        self.size = (width, height)

    def _tell(self, kind: str, detail: str) -> None:
        self.notices.append(Notice(kind, detail))
