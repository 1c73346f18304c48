"""Cameras on Video4Linux: the structures against the C compiler's, the calls against a kernel made of Python, and where
the machine has one (`modprobe vivid`) against the kernel's own test driver."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import struct
import subprocess
import time
from collections import deque
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeenh.errors import SourceError, UsageError
from edgeenh.sources import open_source
from edgeenh.sources import v4l2_structs as k
from edgeenh.sources.recovery import RecoveringSource
from edgeenh.sources.v4l2 import CameraSettings, V4l2Device, find_again
from edgeenh.sources.v4l2_formats import FORMATS, decode_jpeg, jpeg_is_whole
from edgeenh.sources.v4l2_identity import Button, cameras, identity
from edgeenh.stream import ManualClock

STRUCTS = {
    "v4l2_capability": (k.Capability, ["capabilities", "device_caps", "bus_info"]),
    "v4l2_fmtdesc": (k.FormatDescription, ["type", "pixelformat"]),
    "v4l2_frmsizeenum": (k.FrameSize, ["pixel_format", "type"]),
    "v4l2_pix_format": (k.PixelArea, ["pixelformat", "bytesperline", "sizeimage", "quantization"]),
    "v4l2_format": (k.Format, ["fmt"]),
    "v4l2_streamparm": (k.StreamParameters, []),
    "v4l2_requestbuffers": (k.RequestBuffers, ["memory", "flags"]),
    "v4l2_buffer": (k.Buffer, ["bytesused", "flags", "sequence", "memory", "length", "request_fd"]),
    "input_event": (k.InputEvent, ["type", "code", "value"]),
}
REQUESTS = ["QUERYCAP", "ENUM_FMT", "G_FMT", "S_FMT", "REQBUFS", "QUERYBUF", "QBUF", "DQBUF", "STREAMON", "STREAMOFF"]
REQUESTS += ["G_PARM", "S_PARM", "ENUM_FRAMESIZES"]


@pytest.mark.skipif(
    shutil.which("gcc") is None or not Path("/usr/include/linux/videodev2.h").exists(),
    reason="no C compiler, or no kernel headers",
)
def test_sizes_offsets_and_numbers_are_the_kernels(tmp_path: Path) -> None:
    lines = [f'printf("%zu\\n", sizeof(struct {name}));' for name in STRUCTS]
    lines += [
        f'printf("%zu\\n", offsetof(struct {name}, {field}));'
        for name, (_, fields) in STRUCTS.items()
        for field in fields
    ]
    lines += [
        'printf("%zu\\n", offsetof(struct v4l2_streamparm, parm.capture.timeperframe));',
        'printf("%zu\\n", offsetof(struct v4l2_buffer, m.offset));',
        'printf("%zu\\n", offsetof(struct v4l2_frmsizeenum, discrete));',
    ]
    lines += [f'printf("%lu\\n", (unsigned long)VIDIOC_{name});' for name in REQUESTS]
    includes = "#include <stdio.h>\n#include <stddef.h>\n#include <linux/videodev2.h>\n#include <linux/input.h>\n"
    (tmp_path / "sizes.c").write_text(includes + "int main(void) {" + "\n".join(lines) + "return 0; }")
    subprocess.run(["gcc", "-o", tmp_path / "sizes", tmp_path / "sizes.c"], check=True)
    found = subprocess.run([tmp_path / "sizes"], capture_output=True, text=True, check=True).stdout.split()
    ours = [ctypes.sizeof(structure) for structure, _ in STRUCTS.values()]
    ours += [getattr(structure, field).offset for structure, fields in STRUCTS.values() for field in fields]
    ours += [k.StreamParameters.numerator.offset, k.Buffer.offset.offset, k.FrameSize.sizes.offset]
    ours += [getattr(k, name) for name in REQUESTS]
    assert [int(text) for text in found] == ours


class FakeKernel:
    """A camera of 8×6 pixels with two formats; `frames` are what its driver has ready."""

    SIZES = ((8, 6), (16, 12))

    def __init__(self, clock: ManualClock, serial: str = "usb-1") -> None:
        self.clock, self.bus = clock, serial
        self.frames: deque[tuple[int, bytes, int]] = deque()  # number, bytes, flags
        self.formats = ["YUYV", "MJPG", "GREY"]
        self.area = ("YUYV", 8, 6)
        self.rate = (1, 30)
        self.memory = [bytearray(4096) for _ in range(4)]
        self.queued: deque[int] = deque()
        self.opened: list[Path] = []
        self.closed = 0
        self.streaming = False
        self.fails: dict[int, int] = {}

    def open(self, path: Path) -> int:
        if path.name == "video9":
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        self.opened.append(path)
        return 100 + int(path.name.removeprefix("video"))

    def close(self, device: int) -> None:
        self.closed += 1

    def map(self, device: int, length: int, offset: int) -> Any:
        return _Memory(self.memory[offset // 4096])

    def wait(self, device: int, timeout_s: float) -> bool:
        return bool(self.frames) or k.DQBUF in self.fails

    def ioctl(self, device: int, request: int, argument: Any) -> None:
        if request in self.fails:
            raise OSError(self.fails[request], os.strerror(self.fails[request]))
        {
            k.QUERYCAP: self._capability,
            k.ENUM_FMT: self._format,
            k.G_FMT: self._get,
            k.S_FMT: self._set,
            k.G_PARM: self._parameters,
            k.S_PARM: self._parameters,
            k.ENUM_FRAMESIZES: self._size,
            k.REQBUFS: lambda _: None,
            k.QUERYBUF: self._query,
            k.QBUF: self._queue,
            k.DQBUF: self._take,
            k.STREAMON: lambda _: setattr(self, "streaming", True),
            k.STREAMOFF: lambda _: setattr(self, "streaming", False),
        }[request](argument)

    def _capability(self, c: k.Capability) -> None:
        c.card, c.bus_info = b"Fake Cam", self.bus.encode()
        c.capabilities = k.CAP_DEVICE_CAPS | k.CAP_VIDEO_CAPTURE | k.CAP_STREAMING
        c.device_caps = 0 if self.bus == "metadata" else k.CAP_VIDEO_CAPTURE | k.CAP_STREAMING

    def _format(self, f: k.FormatDescription) -> None:
        if f.index >= len(self.formats):
            raise OSError(errno.EINVAL, "no more")
        f.pixelformat = k.fourcc(self.formats[f.index])

    def _get(self, f: k.Format) -> None:
        f.fmt.pix.pixelformat = k.fourcc(self.area[0])
        f.fmt.pix.width, f.fmt.pix.height = self.area[1:]

    def _set(self, f: k.Format) -> None:
        size = (f.fmt.pix.width, f.fmt.pix.height)
        size = size if size in self.SIZES else self.SIZES[0]
        letters = k.fourcc_name(f.fmt.pix.pixelformat)
        self.area = (letters, *size)
        f.fmt.pix.width, f.fmt.pix.height = size
        f.fmt.pix.bytesperline = {"YUYV": 2, "GREY": 1}.get(letters, 0) * size[0]

    def _parameters(self, p: k.StreamParameters) -> None:
        if p.denominator:
            self.rate = (p.numerator, p.denominator) if p.denominator / p.numerator in (15, 30) else self.rate
        p.numerator, p.denominator = self.rate

    def _size(self, s: k.FrameSize) -> None:
        if s.index >= len(self.SIZES):
            raise OSError(errno.EINVAL, "no more")
        s.type = 1
        s.sizes[0], s.sizes[1] = self.SIZES[s.index]

    def _query(self, b: k.Buffer) -> None:
        b.length, b.offset = 4096, b.index * 4096

    def _queue(self, b: k.Buffer) -> None:
        self.queued.append(b.index)
        b.flags = b.sequence = b.bytesused = 0  # the kernel writes into it

    def _take(self, b: k.Buffer) -> None:
        if not self.frames:
            raise OSError(errno.EAGAIN, "nothing")
        number, data, flags = self.frames.popleft()
        b.index = self.queued.popleft()
        self.memory[b.index][: len(data)] = data
        now_ns = time.monotonic_ns() - 5_000_000
        b.sequence, b.bytesused, b.flags = number, len(data), flags | k.BUF_FLAG_TIMESTAMP_MONOTONIC
        b.seconds, b.microseconds = now_ns // 10**9, now_ns % 10**9 // 1000


class _Memory:
    def __init__(self, data: bytearray) -> None:
        self.data = data

    def __getitem__(self, part: slice) -> bytes:
        return bytes(self.data[part])

    def close(self) -> None:
        self.data = bytearray()


def _device(kernel: FakeKernel, **settings: Any) -> V4l2Device:
    return V4l2Device(Path("/dev/video0"), CameraSettings(**settings), kernel.clock, kernel)  # type: ignore[arg-type]


def _jpeg(value: int = 120, width: int = 8, height: int = 6) -> bytes:
    image = np.full((height, width, 3), (30, value, 200), np.uint8)  # blue 30, red 200
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()


def test_frames_carry_the_drivers_numbers_and_times(clock: ManualClock) -> None:
    kernel = FakeKernel(clock)
    clock.advance(1_000)
    device = _device(kernel)
    assert (device.serial, device.size, device.fps) == ("Fake Cam at usb-1", (8, 6), 30.0)
    grey = struct.pack("4B", 180, 128, 180, 128) * 24
    kernel.frames.extend([(4, grey, 0), (9, grey, 0)])
    first, second = device.read(0.1), device.read(0.1)
    assert first is not None
    assert second is not None
    assert first.image is not None
    assert (first.number, second.number, len(kernel.queued)) == (4, 9, 4)  # each buffer went back
    assert (first.image == round((180 - 16) * 255 / 219)).all()  # limited range
    assert 5_000_000 <= clock.now_ns() - first.captured_ns < 1_000_000_000  # the driver had it before us
    assert device.read(0.1) is None
    device.close()
    device.close()
    assert (kernel.closed, kernel.streaming) == (1, False)


def test_format_size_and_rate_are_chosen(clock: ManualClock) -> None:
    kernel = FakeKernel(clock)
    device = _device(kernel, pixel_format="mjpeg", size=(16, 12), fps=15.0)
    assert (kernel.area, device.size, device.fps) == (("MJPG", 16, 12), (16, 12), 15.0)
    kernel.frames.append((0, _jpeg(width=16, height=12) + bytes(64), 0))  # UVC cameras fill up with zeros
    frame = device.read(0.1)
    assert frame is not None
    assert frame.image is not None
    assert np.abs(frame.image[0, 0].astype(int) - (200, 120, 30)).max() < 4
    device.close()
    grey = _device(kernel, photometric="grey")
    assert kernel.area[0] == "GREY"
    kernel.frames.append((0, bytes(range(192)), 0))
    frame = grey.read(0.1)
    assert frame is not None
    assert frame.image is not None
    assert (frame.image.shape, frame.photometric, frame.bits) == ((12, 16), "grey", 8)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"pixel_format": "uyvy"}, "does not give uyvy that a model for colour takes, expected one of mjpeg, yuyv"),
        ({"size": (9, 9)}, "does not give 9x9 as yuyv, expected one of 8x6, 16x12"),
        ({"fps": 17.0}, "sets 30 frames per second where 17 were asked: give fps=30"),
    ],
)
def test_a_setting_that_the_camera_does_not_take_is_refused(
    clock: ManualClock, settings: dict[str, Any], expected: str
) -> None:
    kernel = FakeKernel(clock)
    with pytest.raises(SourceError, match=expected):
        _device(kernel, **settings)
    assert kernel.closed == 1


def test_a_damaged_frame_is_a_fault_and_no_picture(clock: ManualClock) -> None:
    kernel = FakeKernel(clock)
    device = _device(kernel, pixel_format="mjpeg")
    whole = _jpeg()
    for number, (data, flags) in enumerate(
        [(whole[:-20], 0), (whole, k.BUF_FLAG_ERROR), (b"", 0), (_jpeg(width=16, height=12), 0), (whole, 0)]
    ):
        kernel.frames.append((number, data, flags))
    captures = [device.read(0.1) for _ in range(5)]
    assert [c.fault for c in captures if c] == ["incomplete"] * 4 + [""]
    assert "was cut short" in captures[0].detail  # type: ignore[union-attr]
    assert "is 16x12, expected 8x6" in captures[3].detail  # type: ignore[union-attr]
    device.close()
    short = _device(kernel, pixel_format="yuyv")
    kernel.frames.append((0, bytes(95), 0))
    capture = short.read(0.1)
    assert capture is not None
    assert capture.detail.startswith("a frame has 95 bytes, expected 96")


def test_a_camera_that_is_pulled_out_says_so(clock: ManualClock) -> None:
    kernel = FakeKernel(clock)
    device = _device(kernel)
    kernel.fails[k.DQBUF] = errno.ENODEV
    with pytest.raises(SourceError, match="the camera is gone"):
        device.read(0.1)
    kernel.fails[k.STREAMOFF] = errno.ENODEV
    device.close()
    assert kernel.closed == 1


def test_what_is_no_camera_says_so(clock: ManualClock) -> None:
    with pytest.raises(SourceError, match=r"sends no pictures \(Fake Cam\)"):
        _device(FakeKernel(clock, "metadata"))
    with pytest.raises(SourceError, match="another program uses it"):
        V4l2Device(Path("/dev/video9"), CameraSettings(), clock, FakeKernel(clock))  # type: ignore[arg-type]


def test_a_camera_is_found_again_under_another_number(clock: ManualClock) -> None:
    kernel = FakeKernel(clock)

    def card(c: k.Capability) -> None:
        FakeKernel._capability(kernel, c)
        c.bus_info = kernel.opened[-1].name.encode()

    kernel._capability = card  # type: ignore[method-assign]
    there = [Path(f"/dev/video{n}") for n in (9, 2, 4)]
    serial = "Fake Cam at video4"
    assert find_again(Path("/dev/video0"), serial, kernel, there) == Path("/dev/video4")  # type: ignore[arg-type]
    assert find_again(Path("/dev/video0"), "other", kernel, there) == Path("/dev/video0")  # type: ignore[arg-type]
    assert kernel.closed == len(kernel.opened)


def test_a_serial_comes_from_sys_and_a_button_from_its_events(tmp_path: Path) -> None:
    interface = tmp_path / "devices" / "1-1" / "1-1:1.0"
    (interface / "input" / "input7" / "event3").mkdir(parents=True)
    (tmp_path / "sys" / "video0").mkdir(parents=True)
    (tmp_path / "sys" / "video0" / "device").symlink_to(interface)
    assert identity(Path("/dev/video0"), "Cam", "usb-1", tmp_path / "sys") == "Cam at usb-1"
    (interface.parent / "serial").write_text("SN42\n")
    assert identity(Path("/dev/video0"), "Cam", "usb-1", tmp_path / "sys") == "Cam, serial SN42"
    assert Button.of(Path("/dev/video0"), tmp_path / "sys", tmp_path) is None  # it may not be read
    (tmp_path / "input").mkdir()
    os.mkfifo(tmp_path / "input" / "event3")
    button = Button.of(Path("/dev/video0"), tmp_path / "sys", tmp_path)
    assert button is not None
    writer = os.open(tmp_path / "input" / "event3", os.O_WRONLY)
    assert not button.pressed()
    os.write(writer, struct.pack("qqHHi", 0, 0, 1, 212, 1) + struct.pack("qqHHi", 0, 0, 1, 212, 0))
    assert button.pressed()
    assert not button.pressed()
    os.write(writer, struct.pack("qqHHi", 0, 0, 1, 212, 0))
    assert not button.pressed()  # letting go is not pressing
    os.close(writer)
    button.close()
    button.close()
    for name in ("video10", "video2", "videoX"):
        (tmp_path / name).touch()
    assert [path.name for path in cameras(tmp_path)] == ["video2", "video10"]


def test_a_jpeg_is_whole_or_it_is_not() -> None:
    data = _jpeg()
    assert jpeg_is_whole(data)
    assert jpeg_is_whole(data + bytes(9))
    assert not any(jpeg_is_whole(data[:end]) for end in range(len(data)))
    with pytest.raises(SourceError, match="cannot be decoded"):
        decode_jpeg(b"\xff\xd8 nothing \xff\xd9", 8, 6)
    assert len({entry.word for entry in FORMATS.values()}) == len(FORMATS)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("camera:0?format=h264", "there is no format 'h264', expected one of mjpeg, yuyv"),
        ("camera:0?size=big", "has the size 'big'"),
        ("camera:0?api=directshow", "expected api=v4l2, or api=opencv without other options"),
        ("camera:0?api=opencv&fps=30", "expected api=v4l2, or api=opencv without other options"),
        ("camera:0?zoom=2", "'zoom=2' is not an option, expected format=mjpeg"),
    ],
)
def test_a_bad_option_says_what_was_expected(spec: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        open_source(spec)


VIVID = next(
    (p.parent.name for p in sorted(Path("/sys/class/video4linux").glob("video*/name")) if "vid-cap" in p.read_text()),
    None,
)


@pytest.mark.skipif(VIVID is None, reason="the kernel's test driver is not loaded (modprobe vivid)")
@pytest.mark.parametrize(
    ("options", "photometric", "shape"),
    [
        ("format=yuyv&size=320x180", "RGB", (180, 320, 3)),
        ("format=uyvy&size=320x180", "RGB", (180, 320, 3)),
        ("format=grey8&size=320x180", "grey", (180, 320)),
        ("format=grey16&size=320x180", "grey", (180, 320)),
    ],
)
def test_the_kernels_test_driver_streams(options: str, photometric: str, shape: tuple[int, ...]) -> None:
    source = open_source(f"/dev/{VIVID}?{options}", photometric=photometric)
    assert isinstance(source, RecoveringSource)
    frames = [source.read() for _ in range(5)]
    source.close()
    assert all(frame is not None and frame.image.shape == shape for frame in frames)
    assert [frame.sequence for frame in frames if frame] == [0, 1, 2, 3, 4]
    assert source.serial.startswith("vivid at platform:vivid-")
    assert source.notices == []
