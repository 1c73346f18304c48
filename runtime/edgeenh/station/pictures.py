"""A picture file or a DICOM object in, the same kind of file out: what `POST /v1/enhance` does in a thread."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Any

from edgeenh.errors import EdgeenhError, PictureError, WorkerFailed
from edgeenh.frames import Provenance
from edgeenh.picture_headers import MalformedPictureError, read_header
from edgeenh.pictures import decode_frame, encode_frame
from edgeenh.station.errors import Refused

if TYPE_CHECKING:
    from edgeenh.dicom.reading import DicomImage
    from edgeenh.picture_headers import Header
    from edgeenh.pixels import Levels
    from edgeenh.station.model import Model

DICOM = "application/dicom"
TYPES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/tiff": "TIFF", DICOM: "DICOM"}
"""Media types that are taken, and what the file's own first bytes must say then."""

SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "TIFF": ".tif"}

INFLATED_BYTES = 8
"""A deflated DICOM object may have so many bytes for each pixel that is allowed, and is refused before it takes more memory."""

KEPT_SERIES = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client asks for.

    Attributes:
        strength: 0…1; None = the station's.
        bits: Grey pictures: bits per value; None = all of the file's. A DICOM object says it itself.
        passthrough: When the model fails, answer with the client's own bytes, flagged, instead of an error.
    """

    strength: float | None = None
    bits: int | None = None
    passthrough: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client.

    Attributes:
        body: The file.
        media_type: Of the same kind as the client's.
        headers: Provenance.
    """

    body: bytes
    media_type: str
    headers: dict[str, str]


class SeriesBook:
    """Series Instance UIDs of derived objects: those of one series, model and strength stay one series.

    Args:
        new_uid: Gives a UID that nobody had before.
        kept: The series that was used longest ago is forgotten for one more; it then gets a new UID.
    """

    def __init__(self, new_uid: Callable[[], str], kept: int = KEPT_SERIES) -> None:
        self._new_uid, self._kept = new_uid, kept
        self._uids: OrderedDict[tuple[str, ...], str] = OrderedDict()
        self._lock = Lock()

    def of(self, series: str, *made_by: str) -> str:
        """The derived series of `series`; an object that names none, which may be of any patient, gets one of its own."""
        if not series:
            return self._new_uid()
        with self._lock:
            uid = self._uids.setdefault((series, *made_by), self._new_uid())
            self._uids.move_to_end((series, *made_by))
            while len(self._uids) > self._kept:
                self._uids.popitem(last=False)
        return uid


def check_type(media_type: str) -> str:
    """The media type without its parameters.

    Raises:
        Refused: 415, it is none that is taken.
    """
    kind = media_type.partition(";")[0].strip().lower()
    if kind not in TYPES:
        expected = ", ".join(TYPES)
        raise Refused(415, "media_type", f"Content-Type is {kind[:60] or 'missing'}, expected one of {expected}")
    if kind == DICOM and find_spec("pydicom") is None:
        raise Refused(415, "media_type", "this station takes no DICOM: `pip install 'edgeenh[dicom]'` there")
    return kind


class Desk:
    """Takes files in and gives them back enhanced; callable from several threads.

    Args:
        model: What enhances; not closed.
        most_pixels: A larger picture is refused before it is decoded; of a DICOM object, all frames together.
        now_ns: Monotonic time.
        now: Local time, for DICOM objects.
    """

    def __init__(
        self, model: Model, most_pixels: int, *, now_ns: Callable[[], int], now: Callable[[], datetime] = datetime.now
    ) -> None:
        from edgeenh.dicom.derived import new_uid

        self._model, self._most_pixels, self._now_ns, self._now = model, most_pixels, now_ns, now
        self._series = SeriesBook(new_uid)

    def enhance(self, body: bytes, media_type: str, wanted: Wanted) -> Answer:
        """Decode, enhance, encode.

        Args:
            body: The file; whole, in memory.
            media_type: One of `TYPES`.
            wanted: As the client asks.

        Raises:
            EdgeenhError: The picture cannot be used, or the model failed on it and `wanted.passthrough` is false.
            Refused: 415, the bytes are of another type than the client says; 422, a parameter does not fit.
        """
        work = self._object if media_type == DICOM else self._picture
        try:
            return work(body, media_type, wanted)
        except WorkerFailed as exc:
            if not wanted.passthrough:
                raise
            return Answer(body, media_type, _headers(self._model, None, {}, passed=exc))

    def _picture(self, body: bytes, media_type: str, wanted: Wanted) -> Answer:
        started = self._now_ns()
        header = _header(body, media_type, self._most_pixels)
        image = decode_frame(body, "the picture", self._model.pixels.photometric)
        decoded = self._now_ns()
        out, provenance = self._model.enhance(image, wanted.strength, wanted.bits)
        enhanced = self._now_ns()
        encoded = encode_frame(out, SUFFIXES[header.format], "the picture")
        times = {"decode": decoded - started, "enhance": enhanced - decoded, "encode": self._now_ns() - enhanced}
        return Answer(encoded, media_type, _headers(self._model, provenance, times))

    def _object(self, body: bytes, media_type: str, wanted: Wanted) -> Answer:
        from edgeenh.dicom.enhancing import enhance_object

        started, spent = self._now_ns(), 0
        image = self._read_object(body, wanted)

        def enhance(frame: Levels, bits: int) -> tuple[Levels, Provenance]:
            nonlocal spent
            began = self._now_ns()
            result = self._model.enhance(frame, wanted.strength, bits)
            spent += self._now_ns() - began
            return result

        def series(made: Provenance) -> str:
            origin = str(image.dataset.get("SeriesInstanceUID") or "")
            return self._series.of(origin, made.bundle_sha256, f"{made.strength:g}")

        made = enhance_object(image, enhance, series=series, now=self._now())
        times = {"enhance": spent, "decode_and_encode": self._now_ns() - started - spent}
        return Answer(made.content, media_type, _headers(self._model, made.provenance, times))

    def _read_object(self, body: bytes, wanted: Wanted) -> DicomImage:
        """The object, checked; its pixels are not decoded yet."""
        from edgeenh.dicom.enhancing import check_enhanceable
        from edgeenh.dicom.names import is_dicom
        from edgeenh.dicom.reading import decode_dicom

        if not is_dicom(body):
            raise Refused(
                415, "media_type", f"Content-Type is {DICOM}, and the body is no DICOM file: DICM is not at byte 128"
            )
        if wanted.bits is not None:
            raise Refused(422, "parameters", "bits is not for DICOM: an object says itself how many it has")
        image = decode_dicom(body, "the object", INFLATED_BYTES * self._most_pixels)
        check_enhanceable(image, self._model.pixels.photometric, 1)
        header = image.header
        if header.width * header.height * header.frames > self._most_pixels:
            found = f"the object has {header.frames} frames of {header.width}×{header.height} pixels"
            raise PictureError(
                f"{found}, expected at most {self._most_pixels / 1e6:g} megapixels together: use `edgeenh enhance`"
            )
        return image


def _header(body: bytes, media_type: str, most_pixels: int) -> Header:
    """What the file says it holds; nothing was decoded yet, so a bomb is refused here."""
    try:
        header = read_header(body)
    except MalformedPictureError as exc:
        raise PictureError(f"the picture {exc}") from exc
    if header.format != TYPES[media_type]:
        raise Refused(415, "media_type", f"Content-Type is {media_type}, and the body is {header.format}")
    if header.width * header.height > most_pixels:
        found = f"the picture is {header.width}×{header.height} pixels"
        raise PictureError(f"{found}, expected at most {most_pixels / 1e6:g} megapixels: make it smaller")
    if header.format == "JPEG" and header.colour == "grey":
        # A grey JPEG would come back as another kind of file: there is no lossless grey JPEG that all can read.
        raise Refused(
            415, "media_type", "the picture is a grey JPEG: send it as PNG or TIFF, in which grey stays exact"
        )
    return header


def _headers(
    model: Model, made: Provenance | None, times: dict[str, int], passed: EdgeenhError | None = None
) -> dict[str, str]:
    """`X-Edgeenh-*`: what the picture is, and which model made it, how."""
    found: dict[str, Any] = {"Status": "PASSTHROUGH" if passed else "ENHANCED", "Model": model.name}
    if isinstance(passed, WorkerFailed):
        found |= {"Reason": str(passed.reason), "Detail": str(passed)}
    if made is not None:
        found |= {
            "Bundle-Sha256": made.bundle_sha256, "Engine-Sha256": made.engine_sha256, "Backend": made.backend,
            "Provider": made.provider, "Precision": made.precision, "Strength": f"{made.strength:g}",
        }  # fmt: skip
        found["Times-Ms"] = json.dumps({name: round(ns / 1e6, 3) for name, ns in times.items()})
    return {f"X-Edgeenh-{name}": header_text(value) for name, value in found.items()}


def header_text(value: object) -> str:
    """A value as one line of ASCII."""
    return " ".join(str(value).encode("ascii", "replace").decode().split())
