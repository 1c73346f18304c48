"""A GigE Vision camera on the loopback that also offers packed formats: Aravis' own, with more formats and given bytes.

packed_camera.py XML FRAME    says "ready" when it is; each frame is the bytes that the file FRAME holds at that moment
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import Any

FORMATS = {"Mono12": 0x01100005, "Mono10Packed": 0x010C0004, "Mono12Packed": 0x010C0006, "Mono10p": 0x010A0046}
FORMATS["Mono12p"] = 0x010C0047
"""The numbers of GenICam's convention."""

Fill = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32
)  # the binding frees its callback after the call that sets it


def describe(library: Any, camera: Any) -> bytes:
    """The description of Aravis' fake camera, with `FORMATS`."""
    library.arv_fake_camera_get_genicam_xml.restype = ctypes.c_void_p
    library.arv_fake_camera_get_genicam_xml.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    length = ctypes.c_size_t()
    place = library.arv_fake_camera_get_genicam_xml(hash(camera), ctypes.byref(length))
    own = ctypes.string_at(place, length.value)
    entry = '<EnumEntry Name="{}" NameSpace="Standard"><Value>{}</Value></EnumEntry>'
    more = "".join(entry.format(name, number) for name, number in FORMATS.items()).encode()
    return own.replace(b"<pValue>PixelFormatRegister", more + b"<pValue>PixelFormatRegister", 1)


def main(xml: Path, frame: Path) -> None:
    """Be the camera until killed."""
    import gi

    gi.require_version("Aravis", "0.8")
    from gi.repository import Aravis, GLib

    library = ctypes.CDLL("libaravis-0.8.so.0")
    library.arv_buffer_get_data.restype = ctypes.c_void_p
    library.arv_buffer_get_data.argtypes = [ctypes.c_void_p, ctypes.c_void_p]

    def fill(buffer: int, *_settings: int) -> None:
        data = frame.read_bytes()
        ctypes.memmove(library.arv_buffer_get_data(buffer, ctypes.byref(ctypes.c_size_t())), data, len(data))

    xml.write_bytes(describe(library, Aravis.FakeCamera.new("description")))
    camera = Aravis.GvFakeCamera.new_full("127.0.0.1", "GV01", str(xml))
    inner, filler = camera.get_fake_camera(), Fill(fill)
    library.arv_fake_camera_set_fill_pattern.argtypes = [ctypes.c_void_p, Fill, ctypes.c_void_p]
    library.arv_fake_camera_set_fill_pattern(hash(inner), filler, None)
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
