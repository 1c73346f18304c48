"""Frames from a camera on Video4Linux, with the kernel's own frame numbers and times.

OpenCV and FFmpeg hide the numbers, wait ten seconds for a frame that will not come, and show a cut JPEG as if it were
whole; so this talks to the kernel.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import select
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeenh.errors import EdgeenhError, SourceError
from edgeenh.pixels import RGB
from edgeenh.sources import v4l2_structs as k
from edgeenh.sources.device import Capture, Numbers
from edgeenh.sources.v4l2_formats import FORMATS, choose_fourcc
from edgeenh.sources.v4l2_identity import Button, identity

if TYPE_CHECKING:
    from edgeenh.stream.clock import Clock

BUFFERS = 4
_STALE_NS = 10_000_000_000


class System:
    """The calls into the kernel; another one in tests."""

    def open(self, path: Path) -> int:
        """Open without blocking."""
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def ioctl(self, device: int, request: int, argument: ctypes.Structure | ctypes.c_int) -> None:
        """Ask or tell the driver; `argument` is read and written in place."""
        fcntl.ioctl(device, request, argument)

    def map(self, device: int, length: int, offset: int) -> mmap.mmap:
        """One of the driver's buffers as memory of ours, to be read."""
        return mmap.mmap(device, length, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=offset)

    def wait(self, device: int, timeout_s: float) -> bool:
        """Whether there is a frame, or an error, before the time is over."""
        poll = select.poll()
        poll.register(device, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))

    def close(self, device: int) -> None:
        """Close it."""
        os.close(device)


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """What is asked of the camera; None or empty leaves it as it is.

    Attributes:
        photometric: What the frames must be: `RGB` or `grey`.
        pixel_format: A word of `v4l2_formats.FORMATS`, e.g. `mjpeg`.
        size: (width, height).
        fps: Rate.
        bits: Bits per value of grey frames, where the camera fills its format less.
    """

    photometric: str = RGB.photometric
    pixel_format: str = ""
    size: tuple[int, int] | None = None
    fps: float | None = None
    bits: int | None = None


class V4l2Device:
    """An opened camera that is sending.

    Args:
        path: The device file, e.g. /dev/video0.
        settings: What is asked of it; refused unless the driver takes it exactly.
        clock: What stamps the frames.
        system: The calls into the kernel.

    Raises:
        SourceError: It cannot be opened, is no camera, or refuses a setting.
    """

    def __init__(self, path: Path, settings: CameraSettings, clock: Clock, system: System | None = None) -> None:
        self._path, self._settings, self._clock = path, settings, clock
        self._system = system or System()
        self._buffers: list[mmap.mmap] = []
        self._streaming = False
        self._device = -1
        self._button: Button | None = None
        self.numbers: Numbers | None = Numbers(1 << 32)
        try:
            self._device = self._system.open(path)
            self.serial = serial_of(path, self._device, self._system)
            self._set_format()
            self.fps = self._set_rate()
            self._start()
        except OSError as exc:
            self.close()
            raise SourceError(f"{path} cannot be used as a camera: {_reason(exc)}") from exc
        except EdgeenhError:
            self.close()
            raise

    def read(self, timeout_s: float) -> Capture | None:
        """See `Device.read`; a frame that the driver marks, or that is cut short, comes as a fault."""
        try:
            if not self._system.wait(self._device, timeout_s):
                return None
            buffer = self._buffer(0)
            self._system.ioctl(self._device, k.DQBUF, buffer)
            captured_ns = self._moment(buffer)
            data = bytes(self._buffers[buffer.index][: buffer.bytesused])
            # Another structure: the driver writes into the one that it is given, number and flags included.
            self._system.ioctl(self._device, k.QBUF, self._buffer(buffer.index))
        except OSError as exc:
            if exc.errno == errno.EAGAIN:
                return None
            raise SourceError(f"the camera is gone ({_reason(exc)})") from exc
        return self._capture(data, buffer, captured_ns)

    def close(self) -> None:
        """See `Device.close`."""
        device, self._device = self._device, -1
        if self._button is not None:
            self._button.close()
        for buffer in self._buffers:
            buffer.close()
        self._buffers.clear()
        if device < 0:
            return
        try:
            if self._streaming:
                self._system.ioctl(device, k.STREAMOFF, ctypes.c_int(k.CAPTURE))
        except OSError:
            pass  # it is gone: there is nothing to stop
        self._system.close(device)

    def _set_format(self) -> None:
        form = k.Format(type=k.CAPTURE)
        self._system.ioctl(self._device, k.G_FMT, form)
        current = k.fourcc_name(form.fmt.pix.pixelformat)
        wanted = self._settings
        letters = choose_fourcc(str(self._path), self._offered(), current, wanted.pixel_format, wanted.photometric)
        width, height = wanted.size or (form.fmt.pix.width, form.fmt.pix.height)
        form.fmt.pix.pixelformat = k.fourcc(letters)
        form.fmt.pix.width, form.fmt.pix.height = width, height
        form.fmt.pix.bytesperline = form.fmt.pix.sizeimage = 0
        self._system.ioctl(self._device, k.S_FMT, form)
        area = form.fmt.pix
        if wanted.size is not None and (area.width, area.height) != wanted.size:
            raise SourceError(
                f"{self._path} does not give {width}x{height} as {FORMATS[letters].word}, expected one of {self._sizes(letters)}"
            )
        if k.fourcc_name(area.pixelformat) != letters:
            raise SourceError(
                f"{self._path} sets {k.fourcc_name(area.pixelformat)} where {letters} was asked: choose format="
            )
        self._format, self._line = FORMATS[letters], area.bytesperline
        self.size: tuple[int, int] | None = (area.width, area.height)

    def _offered(self) -> list[str]:
        found: list[str] = []
        while True:
            entry = k.FormatDescription(index=len(found), type=k.CAPTURE)
            try:
                self._system.ioctl(self._device, k.ENUM_FMT, entry)
            except OSError:  # EINVAL: there are no more
                return found
            found.append(k.fourcc_name(entry.pixelformat))

    def _sizes(self, letters: str) -> str:
        found: list[str] = []
        while True:
            entry = k.FrameSize(index=len(found), pixel_format=k.fourcc(letters))
            try:
                self._system.ioctl(self._device, k.ENUM_FRAMESIZES, entry)
            except OSError:
                return ", ".join(found) or "what the driver does not say"
            if entry.type != 1:
                low, high = (entry.sizes[0], entry.sizes[3]), (entry.sizes[1], entry.sizes[4])
                return f"{low[0]}x{low[1]} to {high[0]}x{high[1]}"
            found.append(f"{entry.sizes[0]}x{entry.sizes[1]}")

    def _set_rate(self) -> float | None:
        parameters = k.StreamParameters(type=k.CAPTURE)
        try:
            self._system.ioctl(self._device, k.G_PARM, parameters)
        except OSError:  # a driver without a rate
            return None
        wanted = self._settings.fps
        if wanted is not None:
            parameters.numerator, parameters.denominator = 1000, round(wanted * 1000)
            self._system.ioctl(self._device, k.S_PARM, parameters)
        rate = parameters.denominator / parameters.numerator if parameters.numerator else None
        if wanted is not None and (rate is None or abs(rate - wanted) > 0.01 * wanted):
            raise SourceError(
                f"{self._path} sets {rate or 0:g} frames per second where {wanted:g} were asked: give fps={rate or 0:g}"
            )
        return rate

    def _start(self) -> None:
        request = k.RequestBuffers(count=BUFFERS, type=k.CAPTURE, memory=k.MEMORY_MMAP)
        self._system.ioctl(self._device, k.REQBUFS, request)
        for index in range(request.count):
            buffer = self._buffer(index)
            self._system.ioctl(self._device, k.QUERYBUF, buffer)
            self._buffers.append(self._system.map(self._device, buffer.length, buffer.offset & 0xFFFFFFFF))
            self._system.ioctl(self._device, k.QBUF, buffer)
        self._system.ioctl(self._device, k.STREAMON, ctypes.c_int(k.CAPTURE))
        self._streaming = True
        self._button = Button.of(self._path)

    def _buffer(self, index: int) -> k.Buffer:
        return k.Buffer(index=index, type=k.CAPTURE, memory=k.MEMORY_MMAP)

    def _moment(self, buffer: k.Buffer) -> int:
        """When the driver had the frame, on our clock; now, where it does not tell on the monotonic clock."""
        now_ns = self._clock.now_ns()
        if buffer.flags & k.BUF_FLAG_TIMESTAMP_MASK != k.BUF_FLAG_TIMESTAMP_MONOTONIC:
            return now_ns
        age_ns = time.monotonic_ns() - (buffer.seconds * 1_000_000 + buffer.microseconds) * 1000
        return now_ns - age_ns if 0 <= age_ns < _STALE_NS else now_ns

    def _capture(self, data: bytes, buffer: k.Buffer, captured_ns: int) -> Capture:
        assert self.size is not None
        try:
            if buffer.flags & k.BUF_FLAG_ERROR or not data:
                raise SourceError("the driver says that a frame is damaged: check the cable and the USB hub")
            image = self._format.decode(data, *self.size, self._line)
        except SourceError as exc:
            return Capture(captured_ns, None, buffer.sequence, "incomplete", str(exc))
        bits = self._settings.bits if self._settings.bits and image.ndim == 2 else self._format.bits
        label = "still" if self._button is not None and self._button.pressed() else ""
        photometric = self._format.photometric
        return Capture(captured_ns, image, buffer.sequence, label=label, photometric=photometric, bits=bits)


def serial_of(path: Path, device: int, system: System) -> str:
    """What tells an opened camera from any other.

    Raises:
        OSError: The kernel does not answer.
        SourceError: It is no camera, or not one that can stream.
    """
    capability = k.Capability()
    system.ioctl(device, k.QUERYCAP, capability)
    caps = capability.device_caps if capability.capabilities & k.CAP_DEVICE_CAPS else capability.capabilities
    card, bus = (text.decode(errors="replace") for text in (capability.card, capability.bus_info))
    if not (caps & k.CAP_VIDEO_CAPTURE and caps & k.CAP_STREAMING):
        raise SourceError(f"{path} sends no pictures ({card}): give another number")
    return identity(path, card, bus)


def find_again(path: Path, serial: str, system: System, present: list[Path]) -> Path:
    """Where the camera of that serial is now: its number may have changed; `path` when it is nowhere."""
    for candidate in [path, *present]:
        try:
            device = system.open(candidate)
        except OSError:
            continue
        try:
            if serial_of(candidate, device, system) == serial:
                return candidate
        except (OSError, SourceError):
            continue
        finally:
            system.close(device)
    return path


def _reason(exc: OSError) -> str:
    if exc.errno == errno.EBUSY:
        return "another program uses it; close that first"
    if exc.errno == errno.EACCES:
        return "you may not; sudo usermod -aG video $USER, and log in again"
    return f"{exc.strerror or exc}; check that it is a camera and its cable"
