"""What is fuzzed: every reader of bytes that come from outside, before any library sees them.

A target takes any bytes and returns; an error of edgeenh is an answer, anything else is a find.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from edgeenh.backends.onnx_file import check_onnx
from edgeenh.bundle import Bundle, Manifest, Signature, canonical
from edgeenh.bundle.archive import pack
from edgeenh.cache.entries import decode, encode
from edgeenh.dicom import decode_dicom
from edgeenh.errors import EdgeenhError, IntegrityError
from edgeenh.loading import parse_floor
from edgeenh.picture_headers import MalformedPictureError, read_header
from edgeenh.picture_metadata import encode_with, read_metadata, upright
from edgeenh.pixels import GREY, RGB
from edgeenh.station.errors import Refused, one_line
from edgeenh.station.inference import parse as parse_request
from edgeenh.stream.spool_entry import DamagedError, VersionError
from edgeenh.stream.spool_entry import unpack as unpack_exposure
from edgeenh_bench.source_frames import parse_size
from edgeenh_export.options import parse_capabilities
from edgeenh_export.serving.folders import contract_of

STATION = b"s" * 32
UNCOMPRESSED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
HERE = Path("fuzzed.edgeenh")
GOOD_REQUEST = json.dumps({
    "id": "7", "parameters": {"binary_data_output": False},
    "inputs": [
        {"name": "image", "datatype": "UINT8", "shape": [1, 2, 2, 3], "data": [7, 8, 9] * 4, "parameters": {}},
        {"name": "strength", "datatype": "FP32", "shape": [1], "data": [0.5]},
    ],
    "outputs": [{"name": "enhanced", "parameters": {"binary_data": False}}],
}).encode()  # fmt: skip


def bundle(data: bytes) -> None:
    """The whole reader: on the bytes as they are, and once more with every CRC and the directory repaired."""
    with suppress(EdgeenhError):
        Bundle.from_bytes(data, HERE)
    with suppress(EdgeenhError):
        Bundle.from_bytes(pack(_members(data)), HERE).golden()


def manifest(data: bytes) -> None:
    """The manifest: on the bytes as they are, and once more in canonical form with its digest repaired."""
    with suppress(EdgeenhError):
        Manifest.from_json(data)
    try:
        document = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return
    if isinstance(document, dict):
        document.pop(canonical.DIGEST, None)
        with suppress(EdgeenhError):
            Manifest.from_json(canonical.dump(document))


def manifest_value(data: bytes) -> None:
    """A good manifest with one value replaced: the first two bytes say which, the others are its JSON; digest repaired."""
    document = json.loads(_good_manifest())
    places = list(_places(document))
    holder, name = places[int.from_bytes(data[:2], "little") % len(places)]
    try:
        holder[name] = json.loads(data[2:].decode("utf-8"))
    except (ValueError, RecursionError):
        del holder[name]
    document.pop(canonical.DIGEST, None)
    with suppress(EdgeenhError):
        read = Manifest.from_json(canonical.dump(document))
        assert Manifest.from_json(read.to_json()) == read


def onnx(data: bytes) -> None:
    """The walk over an ONNX file."""
    with suppress(IntegrityError):
        check_onnx(data, "fuzzed")


def picture(data: bytes) -> None:
    """The headers of picture files, and what stands beside the pixels."""
    with suppress(MalformedPictureError):
        read_header(data)
    read_metadata(data)
    assert len(upright(data, turned=True)) in (0, len(data))


def picture_metadata(data: bytes) -> None:
    """EXIF and colour profile of picture files, and the way back into a PNG."""
    found = read_metadata(data)
    encode_with(np.zeros((16, 16, 3), np.uint8), found, "fuzzed")


def dicom(data: bytes) -> None:
    """DICOM objects: attributes, the description of the pixels, and uncompressed pixels themselves."""
    with suppress(EdgeenhError):
        image = decode_dicom(data, "fuzzed")
        image.attributes()
        if image.dataset.file_meta.TransferSyntaxUID in UNCOMPRESSED:
            image.frame(image.header.frames - 1)


def spooled(data: bytes) -> None:
    """An exposure in a spool, on the bytes as they are and once more with the digest repaired."""
    word, _, rest = data.partition(b"\n")
    repaired = b"\n".join((word, hashlib.sha256(rest[65:]).hexdigest().encode(), rest[65:]))
    for content in (data, repaired):
        with suppress(DamagedError, VersionError):
            unpack_exposure(content, 0)


def signature(data: bytes) -> None:
    """The member manifest.sig: what is read is written again as it was."""
    with suppress(IntegrityError):
        assert Signature.from_member(data).to_member() == data


def cache_entry(data: bytes) -> None:
    """An entry of the cache: nobody writes one without the station's key."""
    found = decode(STATION, "plans", data)
    assert found is None or encode(STATION, "plans", found[0], found[1]) == data


def options(data: bytes) -> None:
    """Words of the command line that are parsed by hand."""
    text = data.decode("utf-8", errors="replace")
    for parse in (parse_size, parse_floor, parse_capabilities):
        with suppress(EdgeenhError):
            parse(text)


def served(data: bytes) -> None:
    """`edgeenh.json` of a model that lies in a server's folder already."""
    with suppress(EdgeenhError):
        assert isinstance(contract_of(data, HERE), dict)


def inference(data: bytes) -> None:
    """A request of the Open Inference Protocol: the first two bytes say how long its JSON is, 0 = all of it."""
    length = int.from_bytes(data[:2], "little")
    _ask_inference(data[2:], str(length) if length else None)


def inference_value(data: bytes) -> None:
    """A good request with one value replaced: the first byte says which, the others are its JSON as they are."""
    document = json.loads(GOOD_REQUEST)
    places = list(_places(document))
    holder, name = places[data[0] % len(places) if data else 0]
    holder[name] = "the place"
    _ask_inference(json.dumps(document).encode().replace(b'"the place"', data[1:]), None)


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__.replace("_", "-"): target
    for target in (
        bundle,
        manifest,
        manifest_value,
        onnx,
        picture,
        picture_metadata,
        dicom,
        spooled,
        signature,
        cache_entry,
        options,
        served,
        inference,
        inference_value,
    )
}


def _ask_inference(body: bytes, length: str | None) -> None:
    """A model of colour and one of grey take a request, or refuse it in a line that can be sent."""
    for pixels in (RGB, GREY):
        model: Any = SimpleNamespace(pixels=pixels)
        try:
            asked = parse_request(body, length, model, 10_000)
        except Refused as exc:
            line = one_line(exc.message).encode("utf-8")  # what cannot be sent raises here
            if b"\n" in line or not 400 <= exc.status < 500:
                raise
            continue
        assert asked.image.size <= 40_000
        assert asked.strength is None or 0 <= asked.strength <= 1


@functools.cache
def _good_manifest() -> bytes:
    from seeds import seeds

    return next(seeds("manifest"))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every holder and name (or number) of a value in a JSON document."""
    names = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for name in names:
        yield value, name
        yield from _places(value[name])


def _members(data: bytes) -> dict[str, bytes]:
    """Members by their local headers, believed as far as they go."""
    members, at = {}, 0
    while data.startswith(b"PK\x03\x04", at) and len(data) >= at + 30:
        size, name_length = (
            int.from_bytes(data[at + 22 : at + 26], "little"),
            int.from_bytes(data[at + 26 : at + 28], "little"),
        )
        start = at + 30 + name_length
        members[data[at + 30 : start].decode("ascii", errors="replace")] = data[start : start + size]
        at = start + size
    return members
