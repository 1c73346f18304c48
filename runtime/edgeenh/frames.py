"""A frame on its way through the stream, before and after the enhancer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from edgeenh.pixels import RGB

if TYPE_CHECKING:
    from edgeenh.pixels import Levels


class Status(StrEnum):
    """What the picture to show is."""

    ENHANCED = "enhanced"
    PASSTHROUGH = "passthrough"


class PassthroughReason(StrEnum):
    """Why the original goes out instead of an enhanced picture."""

    BACKEND_ERROR = "backend_error"
    """The backend raised on this frame."""
    UNHEALTHY_OUTPUT = "unhealthy_output"
    """The output was constant, stale or out of its colour band."""
    DEADLINE = "deadline"
    """Enhancing it would have taken longer than `max_age` allows."""
    UNSUPPORTED_FRAME = "unsupported_frame"
    """Size or pixel type that the model does not take."""
    WORKER_STARTING = "worker_starting"
    """The worker process is being started, or prepared for a new size of frame."""
    WORKER_DIED = "worker_died"
    """The worker process ended by itself or was killed; until the next one is ready."""
    WORKER_HUNG = "worker_hung"
    """The worker process did not answer and was killed; until the next one is ready."""
    WORKER_MEMORY = "worker_memory"
    """The worker process held more memory than allowed and was killed; until the next one is ready."""
    GAVE_UP = "gave_up"
    """Workers failed on every backend more often than the budget allows; one is tried again from time to time."""
    DRIFT = "drift"
    """The drift monitor found the pictures too far from the reference, and there is no other backend."""
    STOPPED = "stopped"
    """Exposure: the stream was stopped before its turn, and it is not on the disk: so it goes out as it is."""


class DropReason(StrEnum):
    """Why a captured frame was never shown."""

    SUPERSEDED = "superseded"
    """Live: a newer frame arrived while this one waited."""
    STALE = "stale"
    """Live: it was older than `max_age` when it could have been shown."""
    STOPPED = "stopped"
    """The stream was stopped before the frame's turn came."""
    DAMAGED = "damaged"
    """Exposure: its file in the spool was damaged while it waited there; the file is kept under another name."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What makes a frame an exposure: something that cannot be taken again.

    Attributes:
        id: Never given to another exposure, and the same when the frame is given once more after a restart: two frames of
            one id are one exposure.
        captured_at: Wall time of capture, ISO 8601 in UTC; a label only.
        sha256: Of the pixels' bytes, in lower-case hexadecimal.
        spooled: It was on the disk before anything else was done with it; False = there was no room, or no disk.
        replayed: A former run took it and could not say that it was done with.
    """

    id: str
    captured_at: str
    sha256: str
    spooled: bool = True
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """One captured frame.

    Attributes:
        image: uint8 [H,W,3] RGB, or uint8 or uint16 [H,W] grey; C-contiguous. Owned by the frame: nobody writes to it
            after capture.
        source: The source's id, e.g. `camera:0`.
        sequence: The device's own number where it has one, otherwise counted by the source from 0; never repeats, and a gap is a loss upstream.
        captured_ns: Monotonic time of capture in nanoseconds, from the stream's clock.
        label: What a person calls the frame, e.g. a file name; empty for video.
        photometric: What the values mean: `RGB`, or `grey` with 0 = black.
        bits: Bits per value that the device really delivers: full brightness is 2^bits − 1.
        exposure: In a stream of the mode `exposure`; None in others.
        attributes: What came with the picture, as a DICOM file without pixels; empty where nothing did.
    """

    image: Levels
    source: str
    sequence: int
    captured_ns: int
    label: str = ""
    photometric: str = RGB.photometric
    bits: int = 8
    exposure: Exposure | None = None
    attributes: bytes = b""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which model made a picture, and how: enough to make it again.

    Attributes:
        bundle_sha256, engine_sha256: Digests of the bundle, and of what the backend made of its graph.
        backend, provider, precision: What really computed.
        strength: 0…1.
        model: Id and version of the bundle for people, e.g. `dental-n 3`; empty where nobody knows.
    """

    bundle_sha256: str
    engine_sha256: str
    backend: str
    provider: str
    precision: str
    strength: float
    model: str = ""


@dataclass(frozen=True, slots=True)
class EnhancedFrame:
    """A frame that left the enhancer, enhanced or not; the original always travels with it.

    Attributes:
        image: The picture to show, of the type, shape and bits of the original's: the enhanced one, or the original's own
            memory when `status` is PASSTHROUGH. Owned by whoever holds this object; the stream does not write to it again.
        original: The frame as captured, untouched.
        status: ENHANCED or PASSTHROUGH.
        reason: Why it passed through; None when enhanced.
        detail: One line for a person, e.g. the backend's error; empty when enhanced.
        started_ns: Monotonic time when the enhancer took the frame.
        finished_ns: Monotonic time when `image` was ready.
        provenance: Model, engine, backend, precision, strength; None when no model had a part in `image`.
    """

    image: Levels
    original: Frame
    status: Status
    reason: PassthroughReason | None
    detail: str
    started_ns: int
    finished_ns: int
    provenance: Provenance | None

    @property
    def enhanced(self) -> bool:
        """True when `image` came out of the model."""
        return self.status is Status.ENHANCED

    @property
    def age_ms(self) -> float:
        """Milliseconds from capture until `image` was ready."""
        return (self.finished_ns - self.original.captured_ns) / 1e6
