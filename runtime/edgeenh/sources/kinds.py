"""The kinds of source that a text can name: one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeenh.errors import MissingExtra, UsageError
from edgeenh.pixels import RGB

if TYPE_CHECKING:
    from edgeenh.sources.base import Source
    from edgeenh.stream.clock import Clock


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a source besides its name; see `edgeenh.sources.open_source`."""

    clock: Clock
    photometric: str = RGB.photometric
    bits: int | None = None
    loop: bool = False
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of source.

    Attributes:
        example: What a user writes.
        what: What it is, in a few words.
        starts: The beginnings by which a text is of this kind; empty for files, which are told by what they are.
        opens: Opens one.
        grey: Whether it can give grey frames.
    """

    example: str
    what: str
    starts: tuple[str, ...]
    opens: Callable[[str, Wanted], Source]
    grey: bool = True


def open_text(spec: str, wanted: Wanted) -> Source:
    """Open what a text names.

    Raises:
        EdgeenhError: See `edgeenh.sources.open_source`.
    """
    kind = kind_of(spec)
    if wanted.raw is not None and spec != "-":
        raise UsageError(
            f"--raw is for raw frames on stdin, and the source is {spec}: give - as source, or leave out --raw"
        )
    there = bool(kind.starts) or Path(spec).exists()
    if wanted.photometric != RGB.photometric and not kind.grey and there:
        raise UsageError(
            f"{spec} gives frames in colour and the model takes grey pictures: give grey pictures, a grey camera, or a "
            "model for colour"
        )
    return kind.opens(spec, wanted)


def kind_of(spec: str) -> Kind:
    """The kind of a text.

    Raises:
        UsageError: It begins like a kind that there is not.
    """
    for kind in KINDS:
        if spec.startswith(kind.starts) and (kind.starts != ("-",) or spec == "-"):
            return kind
    path = Path(spec)
    if _is_dicom(path):
        return _DICOM
    if "://" in spec and not path.exists():
        examples = ", ".join(kind.example for kind in KINDS)
        raise UsageError(f"{spec} is of no known kind, expected {examples}")
    return _VIDEO if _is_video(path) else _PICTURES


def _is_video(path: Path) -> bool:
    from edgeenh.sources.pictures import is_pattern, is_picture

    return not (path.is_dir() or is_pattern(path) or (is_picture(path) and path.exists()))


def _open_camera(spec: str, wanted: Wanted) -> Source:
    from edgeenh.sources.camera import open_camera

    return open_camera(spec, wanted.clock, wanted.photometric, wanted.bits)


def _open_gige(spec: str, wanted: Wanted) -> Source:
    from edgeenh.sources.gige import open_gige

    return open_gige(spec, wanted.clock, wanted.photometric, wanted.bits)


def _open_network(spec: str, wanted: Wanted) -> Source:
    from edgeenh.sources.network import open_network

    return open_network(spec, wanted.clock)


def _open_watch(spec: str, wanted: Wanted) -> Source:
    from edgeenh.sources.watch import open_watch

    return open_watch(spec, wanted.clock, wanted.photometric, wanted.bits)


def _open_raw(spec: str, wanted: Wanted) -> Source:  # noqa: ARG001 (one form for all)
    from edgeenh.sources.raw import RawSource

    if wanted.raw is None:
        raise UsageError("- is raw frames on stdin: say what they are, e.g. --raw 1280x720:rgb24@30")
    return RawSource(wanted.raw, wanted.clock, photometric=wanted.photometric, bits=wanted.bits)


def _open_synthetic(spec: str, wanted: Wanted) -> Source:
    from edgeenh.sources.synthetic import parse_synthetic

    return parse_synthetic(spec, wanted.clock)


def _is_dicom(path: Path) -> bool:
    """A DICOM file by suffix or content, or a folder with such files and no pictures."""
    from edgeenh.dicom.names import DICOM_SUFFIXES, dicom_files_in, is_dicom_file
    from edgeenh.sources.pictures import pictures_in

    if path.is_dir():
        return bool(dicom_files_in(path)) and not pictures_in(path)
    return path.suffix.lower() in DICOM_SUFFIXES or is_dicom_file(path)


def _open_dicom(spec: str, wanted: Wanted) -> Source:
    from edgeenh.dicom.names import dicom_files_in
    from edgeenh.sources.dicom_files import DicomSource

    path = Path(spec)
    files = dicom_files_in(path) if path.is_dir() else [path]
    return DicomSource(spec, files, wanted.clock, photometric=wanted.photometric, loop=wanted.loop)


def _open_listener(spec: str, wanted: Wanted) -> Source:
    from edgeenh.sources.dicom_listener import open_listener

    return open_listener(spec, wanted.clock, wanted.photometric)


def _open_pictures(spec: str, wanted: Wanted) -> Source:
    from edgeenh.sources.pictures import PictureSource, is_pattern, pictures_in, pictures_matching

    path = Path(spec)
    pictures = pictures_in(path) if path.is_dir() else pictures_matching(spec) if is_pattern(path) else [path]
    return PictureSource(
        spec, pictures, wanted.clock, loop=wanted.loop, photometric=wanted.photometric, bits=wanted.bits
    )


def _open_video(spec: str, wanted: Wanted) -> Source:
    """PyAV where it is installed; otherwise OpenCV, and the source says so."""
    from edgeenh.notices import Notice
    from edgeenh.sources.decoders import AvDecoder, OpenCvDecoder, load_av
    from edgeenh.sources.video import VideoSource

    try:
        load_av()
    except MissingExtra:
        source = VideoSource(Path(spec), wanted.clock, loop=wanted.loop, decoder=OpenCvDecoder)
        told = "is decoded by OpenCV, which leaves out damaged frames without counting them"
        source.notices.append(Notice("decoder", f"{spec} {told}: pip install 'edgeenh[video]' to have them counted"))
        return source
    return VideoSource(Path(spec), wanted.clock, loop=wanted.loop, decoder=AvDecoder)


_DICOM = Kind("scan.dcm", "a DICOM file, or a folder of them", (), _open_dicom)
_VIDEO = Kind("clip.mp4", "a video file", (), _open_video, grey=False)
_PICTURES = Kind("photos/*.png", "a picture, a folder of pictures, or a glob", (), _open_pictures)

KINDS = (
    Kind("camera:0", "a camera on Video4Linux", ("camera:", "/dev/video", "/dev/v4l/"), _open_camera),
    Kind("gige:SERIAL", "a GigE Vision camera", ("gige:",), _open_gige),
    Kind(
        "rtsp://HOST/PATH",
        "a live stream from the network",
        ("rtsp://", "rtsps://", "http://", "https://"),
        _open_network,
        grey=False,
    ),
    Kind("watch:FOLDER", "pictures as they are dropped into a folder", ("watch:",), _open_watch),
    Kind("dicom-listen:PORT", "pictures that others send by DICOM", ("dicom-listen:",), _open_listener),
    Kind("-", "raw frames on stdin", ("-",), _open_raw),
    Kind("synthetic:1280x720@30", "a computed pattern", ("synthetic:",), _open_synthetic, grey=False),
)
"""The kinds that a text's beginning tells, in the order they are tried; pictures and videos are what is left."""
