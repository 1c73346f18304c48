"""Frames from a GigE Vision camera, through Aravis.

Needs the extra `gige` (PyGObject) and the system's Aravis 0.8 with its introspection data; on Debian
`apt install gir1.2-aravis-0.8`.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeenh.errors import BackendUnavailable, EdgeenhError, MissingExtra, SourceError, UsageError
from edgeenh.pixels import RGB
from edgeenh.sources.device import Capture, Numbers
from edgeenh.sources.formats import FORMATS, choose_format
from edgeenh.sources.grammar import rate_of, size_of, split_options
from edgeenh.sources.recovery import RecoveringSource

if TYPE_CHECKING:
    from edgeenh.stream.clock import Clock

BUFFERS = 10
"""Frames that the library may hold for us; more only hide that we are too slow."""

SOCKET_BYTES = 8 << 20
"""Room for packets that were not taken from the socket yet; the kernel grants as much as net.core.rmem_max."""

STALE_NS = 10_000_000_000
"""No frame waits longer than this; an age beyond it comes from a clock that was set."""

NUMBERS_16 = 65535
"""GigE Vision block ids have 16 bits and leave out 0, which says that there is none."""

OPTIONS = {"format": "Mono16", "size": "512x512", "fps": "25", "packet": "9000"}


@dataclass(frozen=True, slots=True)
class GigeSettings:
    """What is asked of the camera; None or empty leaves it as the camera has it.

    Attributes:
        photometric: What the frames must be: `RGB` or `grey`.
        pixel_format: Name of GenICam's convention, e.g. `Mono12p`.
        size: (width, height) of the region, from the sensor's first pixel.
        fps: Rate.
        packet: Bytes of a packet, at most what the network carries.
        bits: Bits per value of grey frames, where the camera fills its format less.
    """

    photometric: str = RGB.photometric
    pixel_format: str = ""
    size: tuple[int, int] | None = None
    fps: float | None = None
    packet: int | None = None
    bits: int | None = None


class GigeDevice:
    """An opened camera that is sending.

    Args:
        which: Serial number, IP address or Aravis' name of the camera; empty = the first one found.
        settings: What is asked of it.
        clock: What stamps the frames, with the moment at which they came.

    Raises:
        MissingExtra: PyGObject is not installed.
        BackendUnavailable: Aravis is not installed.
        SourceError: There is no such camera, it is in use, or it refuses a setting.
    """

    def __init__(self, which: str, settings: GigeSettings, clock: Clock) -> None:
        self._aravis, self._error = load_aravis()
        self._clock, self._settings, self._name = clock, settings, f"gige:{which}"
        self._gone = threading.Event()
        self._camera: Any = None
        self._stream: Any = None
        try:
            self._camera = self._find(which)
            self._configure()
            self._start()
        except self._error as exc:
            self.close()
            raise SourceError(
                f"{self._name} cannot be used ({_words(exc)}): check its power and cable, that no other program has "
                "it, and that it has these settings"
            ) from exc
        except EdgeenhError:
            self.close()
            raise

    def read(self, timeout_s: float) -> Capture | None:
        """See `Device.read`; a frame that lacks packets comes as a fault."""
        buffer = self._stream.timeout_pop_buffer(round(timeout_s * 1e6))
        if buffer is None:
            if self._gone.is_set():
                raise SourceError("the camera no longer answers")
            return None
        try:
            return self._capture(buffer, self._moment(buffer))
        finally:
            self._stream.push_buffer(buffer)

    def _moment(self, buffer: Any) -> int:
        """When the frame came, on our clock: it may have waited in the library while nobody read.

        The library stamps with wall time, so a step of that while the frame waited makes it older, or new.
        """
        age_ns = time.time_ns() - int(buffer.get_system_timestamp())
        return self._clock.now_ns() - (age_ns if 0 <= age_ns < STALE_NS else 0)

    def close(self) -> None:
        """See `Device.close`; takes seconds when the camera does not answer any more."""
        camera, stream = self._camera, self._stream
        self._camera = self._stream = None
        if stream is not None:
            with contextlib.suppress(self._error):  # the camera is gone: there is nobody to tell
                camera.stop_acquisition()
        # The library's thread, socket and buffers go with the last reference to the stream, so it must go first.
        del stream
        del camera

    def _find(self, which: str) -> Any:
        """The camera, looked for in what is known already and then, for a second, in the network."""
        aravis = self._aravis
        for look in (False, True):
            if look:
                aravis.update_device_list()
            known = range(aravis.get_n_devices())
            for index in known:
                names = (
                    aravis.get_device_serial_nbr(index),
                    aravis.get_device_address(index),
                    aravis.get_device_id(index),
                )
                if aravis.get_device_protocol(index) == "GigEVision" and (not which or which in names):
                    return aravis.Camera.new(names[2])
        if _is_address(which):  # in another network than ours, where a search does not reach
            return aravis.Camera.new(which)
        found = ", ".join(f"gige:{aravis.get_device_serial_nbr(i)}" for i in known) or "none"
        raise SourceError(f"{self._name} is not there; cameras found: {found}. Check its power, cable and network")

    def _configure(self) -> None:
        camera, settings = self._camera, self._settings
        offered = list(camera.dup_available_pixel_formats_as_strings())
        current = camera.get_pixel_format_as_string()
        self._format = choose_format(self._name, offered, current, settings.pixel_format, settings.photometric)
        camera.set_pixel_format_from_string(self._format)
        if settings.size is not None:
            self._set_size(*settings.size)
        if settings.fps is not None:
            self._set_rate(settings.fps)
        if settings.packet is not None:
            camera.gv_set_packet_size(settings.packet)
        # Raw packet sockets need a privilege, and bring no frame at all on a loopback.
        camera.gv_set_stream_options(self._aravis.GvStreamOption.PACKET_SOCKET_DISABLED)

    def _set_size(self, width: int, height: int) -> None:
        largest = (self._camera.get_width_bounds()[1], self._camera.get_height_bounds()[1])
        if width <= largest[0] and height <= largest[1]:
            self._camera.set_region(0, 0, width, height)
        region = self._camera.get_region()
        if (region.width, region.height) != (width, height):
            raise SourceError(
                f"{self._name} does not give {width}x{height}, expected at most {largest[0]}x{largest[1]} in the "
                f"camera's steps: it would give {region.width}x{region.height}"
            )

    def _set_rate(self, wanted: float) -> None:
        self._camera.set_frame_rate(wanted)
        rate = self._camera.get_frame_rate()
        if abs(rate - wanted) > 0.01 * wanted:
            raise SourceError(
                f"{self._name} sets {rate:g} frames per second where {wanted:g} were asked: give fps={rate:g}"
            )

    def _start(self) -> None:
        camera = self._camera
        region = camera.get_region()
        self.size: tuple[int, int] | None = (region.width, region.height)
        triggered = camera.is_feature_available("TriggerMode") and camera.get_string("TriggerMode") == "On"
        self.fps = camera.get_frame_rate() if camera.is_frame_rate_available() and not triggered else None
        self.serial: str = camera.get_device_serial_number() or camera.get_device_id()
        self.numbers: Numbers | None = Numbers(NUMBERS_16)
        self._stream = camera.create_stream(None, None)
        if self._stream is None:
            raise SourceError(f"{self._name} opens no stream: another program may have it")
        payload = camera.get_payload()
        # The system's own default loses nearly every large frame, and a buffer of one frame nearly every small one.
        self._stream.set_property("socket-buffer", self._aravis.GvStreamSocketBuffer.FIXED)
        self._stream.set_property("socket-buffer-size", SOCKET_BYTES)
        for _ in range(BUFFERS):
            self._stream.push_buffer(self._aravis.Buffer.new_allocate(payload))
        gone = self._gone  # not self: a handler that holds the device would keep it alive
        camera.get_device().connect("control-lost", lambda *_: gone.set())
        camera.start_acquisition()

    def _capture(self, buffer: Any, captured_ns: int) -> Capture:
        number = int(buffer.get_frame_id())
        if number > NUMBERS_16 and self.numbers is not None:  # GigE Vision 2 with extended ids
            self.numbers.widen(1 << 64)
        status = buffer.get_status()
        if status != self._aravis.BufferStatus.SUCCESS:
            return Capture(captured_ns, None, number, "incomplete", self._describe(status))
        width, height = buffer.get_image_width(), buffer.get_image_height()
        entry = FORMATS[self._format]
        try:
            image = entry.decode(buffer.get_data(), width, height, buffer.get_image_padding()[0])
        except SourceError as exc:
            return Capture(captured_ns, None, number, "incomplete", str(exc))
        bits = self._settings.bits if self._settings.bits and image.ndim == 2 else entry.bits
        return Capture(captured_ns, image, number, photometric=entry.photometric, bits=bits)

    def _describe(self, status: Any) -> str:
        """What is wrong with a frame, and how the network did so far."""
        count = {
            name: self._stream.get_info_uint64_by_name(name)
            for name in ("n_missing_packets", "n_resent_packets", "n_underruns")
        }
        return (
            f"a frame is not whole ({status.value_nick}); since it was opened {count['n_missing_packets']} packets are "
            f"missing, {count['n_resent_packets']} were sent again, {count['n_underruns']} frames found no room: check "
            "the network, its cable, or set packet= to what it carries"
        )


def load_aravis() -> tuple[Any, type[Exception]]:
    """Aravis, and the exception that its functions raise.

    Raises:
        MissingExtra: PyGObject is not installed.
        BackendUnavailable: Aravis is not installed.
    """
    try:
        import gi
    except ImportError as exc:
        raise MissingExtra("a GigE Vision camera", "gige") from exc
    try:
        gi.require_version("Aravis", "0.8")
        from gi.repository import Aravis, GLib
    except (ValueError, ImportError) as exc:
        raise BackendUnavailable(
            f"Aravis 0.8 is not installed ({exc}): sudo apt install gir1.2-aravis-0.8, or build it from its source"
        ) from exc
    return Aravis, GLib.Error


def open_gige(spec: str, clock: Clock, photometric: str, bits: int | None) -> RecoveringSource:
    """Open `gige:SERIAL`, `gige:IP` or `gige:` (the first one found), with options as in `OPTIONS`.

    Raises:
        UsageError: `spec` is not of this form.
        EdgeenhError: As `GigeDevice`.
    """
    body, options = split_options(spec, OPTIONS)
    which = body.removeprefix("gige:")
    packet = options.get("packet")
    if packet is not None and not (packet.isascii() and packet.isdigit() and 576 <= int(packet) <= 16000):
        raise UsageError(f"{spec!r} has the packet size {packet!r}, expected 576 to 16000 bytes")
    settings = GigeSettings(
        photometric,
        options.get("format", ""),
        size_of(spec, options["size"]) if "size" in options else None,
        rate_of(spec, options["fps"]) if "fps" in options else None,
        int(packet) if packet else None,
        bits,
    )
    return RecoveringSource(body, lambda serial: GigeDevice(serial or which, settings, clock), clock)


def _words(exc: Exception) -> str:
    return getattr(exc, "message", "") or str(exc)


def _is_address(which: str) -> bool:
    parts = which.split(".")
    return len(parts) == 4 and all(part.isascii() and part.isdigit() and int(part) < 256 for part in parts)
