"""Where frames come from: a video, pictures, a camera, a computed pattern, or arrays that a program already has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from edgeenh.errors import UsageError
from edgeenh.pixels import RGB
from edgeenh.sources.base import BaseSource, Notice, Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeenh.stream.clock import Clock

__all__ = ["BaseSource", "Notice", "Source", "open_source"]

_LATER = {
    "gige:": "a GigE Vision camera",
    "rtsp:": "a network stream",
    "http:": "a network stream",
    "https:": "a network stream",
}


def open_source(
    spec: str | Path | Source | Iterable[NDArray[Any]],
    *,
    clock: Clock | None = None,
    pace: bool = False,
    loop: bool = False,
    photometric: str = RGB.photometric,
    bits: int | None = None,
) -> Source:
    """Open a source of frames.

    Args:
        spec: A video file, a picture, a folder of pictures, a glob, `camera:N`, `/dev/videoN`, `synthetic:WxH@fps`;
            or an iterable of arrays (uint8 [H,W,3] RGB, or uint8 or uint16 [H,W] grey); or a source, which is used as
            it is.
        clock: What stamps the frames; None = the machine's monotonic clock.
        pace: Show a recorded source at its own rate, as a camera would; live sources have their pace already.
        loop: Begin a file again at its end, for ever.
        photometric: `RGB`, or `grey` for a bundle for grey: then pictures alone can be the source.
        bits: Bits per value of grey pictures, where they have fewer than their files could hold; None = as many.

    Raises:
        SourceError: It is missing, unreadable or holds no frame.
        PictureError: It is one picture, and that cannot be used.
        UsageError: It is of a kind that this release does not read, or never grey where grey is wanted, or `pace` is
            asked of something without a rate.
    """
    from edgeenh.sources.pace import PacedSource
    from edgeenh.stream.clock import MonotonicClock

    clock = clock or MonotonicClock()
    text = isinstance(spec, str | Path)
    source = (
        _open_text(str(spec), clock, loop=loop, photometric=photometric, bits=bits)
        if text
        else _open_object(spec, clock)
    )
    if not pace or source.live:
        return source
    try:
        return PacedSource(source, clock)
    except UsageError:
        source.close()
        raise


def _open_object(spec: Any, clock: Clock) -> Source:
    from edgeenh.sources.frames import FramesSource

    if hasattr(spec, "read") and hasattr(spec, "interrupt"):
        return cast("Source", spec)
    if isinstance(spec, Iterable):
        return FramesSource(spec, clock)
    found = f"{type(spec).__name__} is not a source"
    raise UsageError(f"{found}: expected a path, a text such as camera:0, an iterable of arrays, or a Source")


def _open_text(spec: str, clock: Clock, *, loop: bool, photometric: str, bits: int | None) -> Source:
    from edgeenh.sources.camera import CameraSource, camera_index
    from edgeenh.sources.pictures import PictureSource, is_pattern, is_picture, pictures_in, pictures_matching
    from edgeenh.sources.synthetic import parse_synthetic
    from edgeenh.sources.video import VideoSource

    path, index = Path(spec), camera_index(spec)
    if index is not None:
        _refuse_colour(spec, photometric)
        return CameraSource(index, clock)
    if spec.startswith("synthetic:"):
        _refuse_colour(spec, photometric)
        return parse_synthetic(spec, clock)
    _refuse_later(spec, path)
    if path.is_dir():
        pictures = pictures_in(path)
    elif is_pattern(path):
        pictures = pictures_matching(spec)
    elif is_picture(path) and path.exists():
        pictures = [path]
    else:
        if path.exists():
            _refuse_colour(spec, photometric)
        return VideoSource(path, clock, loop=loop)
    return PictureSource(spec, pictures, clock, loop=loop, photometric=photometric, bits=bits)


def _refuse_colour(spec: str, photometric: str) -> None:
    """Say of a source that is never grey that it is not what is wanted, where grey is."""
    if photometric != RGB.photometric:
        raise UsageError(
            f"{spec} gives frames in colour and the model takes grey pictures: give a picture, a folder or a glob of "
            "grey pictures, or a model for colour"
        )


def _refuse_later(spec: str, path: Path) -> None:
    """Say of a kind of source that the design names and this release does not read that it is so."""
    what = next((kind for start, kind in _LATER.items() if spec.startswith(start)), None)
    what = what or ("raw frames on stdin" if spec == "-" else None)
    what = what or ("a DICOM file" if path.suffix.lower() in (".dcm", ".dicom") else None)
    if what:
        expected = "a video, pictures, camera:0 or synthetic:1280x720@30"
        raise UsageError(f"{spec} is {what}, which this release does not read: use {expected}")
    if spec.startswith(("camera:", "/dev/video")):
        raise UsageError(f"{spec!r} is not a camera, expected camera:NUMBER, e.g. camera:0")
