"""A picture file in, the same kind of file out: what `POST /v1/enhance` does in a thread."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeenh.errors import EdgeenhError, PictureError, WorkerFailed
from edgeenh.frames import Provenance
from edgeenh.picture_headers import MalformedPictureError, read_header
from edgeenh.pictures import decode_frame, encode_frame
from edgeenh.station.errors import Refused

if TYPE_CHECKING:
    from edgeenh.picture_headers import Header
    from edgeenh.station.model import Model

TYPES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/tiff": "TIFF"}
"""Media types that are taken, and what the file's own first bytes must say then."""

SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "TIFF": ".tif"}


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


def check_type(media_type: str) -> str:
    """The media type without its parameters.

    Raises:
        Refused: 415, it is none that is taken.
    """
    kind = media_type.partition(";")[0].strip().lower()
    if kind not in TYPES:
        expected = ", ".join(TYPES)
        raise Refused(415, "media_type", f"Content-Type is {kind[:60] or 'missing'}, expected one of {expected}")
    return kind


def enhance_file(
    body: bytes,
    media_type: str,
    model: Model,
    *,
    strength: float | None,
    bits: int | None,
    most_pixels: int,
    passthrough: bool,
    now_ns: Callable[[], int],
) -> Answer:
    """Decode, enhance, encode.

    Args:
        body: The file; whole, in memory.
        media_type: One of `TYPES`.
        model: What enhances.
        strength: 0…1; None = the station's.
        bits: Grey: bits per value; None = all of the file's.
        most_pixels: A larger picture is refused before it is decoded.
        passthrough: When the model fails, answer with the client's own bytes, flagged, instead of an error.
        now_ns: Monotonic time.

    Raises:
        EdgeenhError: The picture cannot be used, or the model failed on it and `passthrough` is false.
        Refused: 415, the bytes are of another type than the client says.
    """
    started = now_ns()
    header = _header(body, media_type, most_pixels)
    image = decode_frame(body, "the picture", model.pixels.photometric)
    decoded = now_ns()
    try:
        out, provenance = model.enhance(image, strength, bits)
    except WorkerFailed as exc:
        if not passthrough:
            raise
        return Answer(body, media_type, _headers(model, None, {}, passed=exc))
    enhanced = now_ns()
    encoded = encode_frame(out, SUFFIXES[header.format], "the picture")
    times = {"decode": decoded - started, "enhance": enhanced - decoded, "encode": now_ns() - enhanced}
    return Answer(encoded, media_type, _headers(model, provenance, times))


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
