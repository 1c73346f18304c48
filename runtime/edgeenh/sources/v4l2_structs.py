"""The part of the kernel's Video4Linux interface that streaming from a camera takes: <linux/videodev2.h>.

Sizes and offsets are those of a 64-bit Linux; a test compares them with the C compiler's.
"""

from __future__ import annotations

import ctypes

CAPTURE = 1
"""V4L2_BUF_TYPE_VIDEO_CAPTURE"""
MEMORY_MMAP = 1
CAP_VIDEO_CAPTURE = 0x1
CAP_STREAMING = 0x04000000
CAP_DEVICE_CAPS = 0x80000000
BUF_FLAG_ERROR = 0x40
BUF_FLAG_TIMESTAMP_MASK = 0xE000
BUF_FLAG_TIMESTAMP_MONOTONIC = 0x2000
CAP_TIMEPERFRAME = 0x1000

_U32 = ctypes.c_uint32


class Capability(ctypes.Structure):
    """Kernel struct v4l2_capability."""

    _fields_ = (
        ("driver", ctypes.c_char * 16),
        ("card", ctypes.c_char * 32),
        ("bus_info", ctypes.c_char * 32),
        ("version", _U32),
        ("capabilities", _U32),
        ("device_caps", _U32),
        ("reserved", _U32 * 3),
    )


class FormatDescription(ctypes.Structure):
    """Kernel struct v4l2_fmtdesc."""

    _fields_ = (
        ("index", _U32),
        ("type", _U32),
        ("flags", _U32),
        ("description", ctypes.c_char * 32),
        ("pixelformat", _U32),
        ("mbus_code", _U32),
        ("reserved", _U32 * 3),
    )


class FrameSize(ctypes.Structure):
    """Kernel struct v4l2_frmsizeenum; `sizes` begins with width and height where `type` is 1 (discrete)."""

    _fields_ = (
        ("index", _U32),
        ("pixel_format", _U32),
        ("type", _U32),
        ("sizes", _U32 * 6),
        ("reserved", _U32 * 2),
    )


class PixelArea(ctypes.Structure):
    """Kernel struct v4l2_pix_format."""

    _fields_ = (
        ("width", _U32),
        ("height", _U32),
        ("pixelformat", _U32),
        ("field", _U32),
        ("bytesperline", _U32),
        ("sizeimage", _U32),
        ("colorspace", _U32),
        ("priv", _U32),
        ("flags", _U32),
        ("ycbcr_enc", _U32),
        ("quantization", _U32),
        ("xfer_func", _U32),
    )


class _FormatUnion(ctypes.Union):
    _fields_ = (("pix", PixelArea), ("raw", ctypes.c_uint8 * 200), ("align", ctypes.c_uint64))


class Format(ctypes.Structure):
    """Kernel struct v4l2_format."""

    _fields_ = (("type", _U32), ("fmt", _FormatUnion))


class StreamParameters(ctypes.Structure):
    """Kernel struct v4l2_streamparm with struct v4l2_captureparm in it; the time per frame is numerator ÷ denominator seconds."""

    _fields_ = (
        ("type", _U32),
        ("capability", _U32),
        ("capturemode", _U32),
        ("numerator", _U32),
        ("denominator", _U32),
        ("rest", ctypes.c_uint8 * 184),
    )


class RequestBuffers(ctypes.Structure):
    """Kernel struct v4l2_requestbuffers."""

    _fields_ = (
        ("count", _U32),
        ("type", _U32),
        ("memory", _U32),
        ("capabilities", _U32),
        ("flags", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8 * 3),
    )


class Buffer(ctypes.Structure):
    """Kernel struct v4l2_buffer of one plane; `offset` is the first member of its union `m`."""

    _fields_ = (
        ("index", _U32),
        ("type", _U32),
        ("bytesused", _U32),
        ("flags", _U32),
        ("field", _U32),
        ("seconds", ctypes.c_int64),
        ("microseconds", ctypes.c_int64),
        ("timecode", _U32 * 4),
        ("sequence", _U32),
        ("memory", _U32),
        ("offset", ctypes.c_uint64),
        ("length", _U32),
        ("reserved2", _U32),
        ("request_fd", ctypes.c_int32),
    )


class InputEvent(ctypes.Structure):
    """Kernel struct input_event of <linux/input.h>."""

    _fields_ = (
        ("seconds", ctypes.c_int64),
        ("microseconds", ctypes.c_int64),
        ("type", ctypes.c_uint16),
        ("code", ctypes.c_uint16),
        ("value", ctypes.c_int32),
    )


EV_KEY = 1
KEY_CAMERA = 212

_READ, _WRITE = 2, 1


def _request(direction: int, number: int, size: int) -> int:
    """An ioctl's number as <asm-generic/ioctl.h> makes it."""
    return direction << 30 | size << 16 | ord("V") << 8 | number


def _both(number: int, structure: type[ctypes.Structure]) -> int:
    return _request(_READ | _WRITE, number, ctypes.sizeof(structure))


QUERYCAP = _request(_READ, 0, ctypes.sizeof(Capability))
ENUM_FMT = _both(2, FormatDescription)
G_FMT = _both(4, Format)
S_FMT = _both(5, Format)
REQBUFS = _both(8, RequestBuffers)
QUERYBUF = _both(9, Buffer)
QBUF = _both(15, Buffer)
DQBUF = _both(17, Buffer)
STREAMON = _request(_WRITE, 18, 4)
STREAMOFF = _request(_WRITE, 19, 4)
G_PARM = _both(21, StreamParameters)
S_PARM = _both(22, StreamParameters)
ENUM_FRAMESIZES = _both(74, FrameSize)


def fourcc(name: str) -> int:
    """A pixel format's number, e.g. of `YUYV`."""
    return int.from_bytes(name.encode("ascii"), "little")


def fourcc_name(number: int) -> str:
    """The way back, for messages and tables."""
    return (number & 0x7FFFFFFF).to_bytes(4, "little").decode("ascii", "replace")
