"""What a recovering source needs of a device, and how the device's own frame numbers tell what was lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from edgeenh.pixels import RGB

if TYPE_CHECKING:
    from edgeenh.pixels import Levels


@dataclass(frozen=True, slots=True)
class Capture:
    """What a device gave: a picture, or the certainty that one was lost.

    Attributes:
        captured_ns: Monotonic time at which the device handed it over.
        image: As `Frame` holds it, in memory of its own; None where the picture did not come whole.
        number: The device's own number; None where it has none.
        fault: Why there is no picture, as a reason of `lost_upstream`, e.g. `incomplete`; empty where there is one.
        detail: The fault in one line for people.
        label: See `Frame.label`.
        photometric: See `Frame.photometric`.
        bits: See `Frame.bits`.
    """

    captured_ns: int
    image: Levels | None
    number: int | None = None
    fault: str = ""
    detail: str = ""
    label: str = ""
    photometric: str = RGB.photometric
    bits: int = 8


class Device(Protocol):
    """An opened device that sends frames. Used by one thread at a time.

    Attributes:
        serial: What tells it from every other of its kind; empty where it has nothing of that sort.
        size: (width, height) of its frames; None where nobody knows before the first.
        fps: Its rate; None where it has none, e.g. because it waits for a trigger.
        numbers: How it numbers frames; None where it does not.
    """

    serial: str
    size: tuple[int, int] | None
    fps: float | None
    numbers: Numbers | None

    def read(self, timeout_s: float) -> Capture | None:
        """The next frame; None when none came within `timeout_s`.

        Raises:
            SourceError: The device is gone, or failed so that it must be opened again.
        """
        ...

    def close(self) -> None:
        """Give the device back; never raises, and may be called twice."""
        ...


class Numbers:
    """Finds the frames that a device made and nobody received, by gaps in its numbers.

    The first number after opening may be any: devices begin at 0, at 1, or where they please.

    Args:
        modulus: How many different numbers there are before they begin again.
    """

    def __init__(self, modulus: int) -> None:
        self._modulus = modulus
        self._next: int | None = None

    def missed(self, number: int) -> int | None:
        """How many frames are missing before `number`; None when it is one that was given already.

        A step of more than half the modulus is taken as one backwards.
        """
        missing = 0 if self._next is None else (number - self._next) % self._modulus
        if missing > self._modulus // 2:
            return None
        self._next = number + 1
        return missing

    def widen(self, modulus: int) -> None:
        """There are more numbers than it seemed, because one came that the old modulus does not know."""
        self._modulus = max(self._modulus, modulus)
