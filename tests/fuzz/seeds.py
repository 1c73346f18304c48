"""Where the fuzzer starts: small good files, and the corpus of malicious bundles."""

import hashlib
import importlib.util
import json
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
from targets import GOOD_REQUEST, STATION

from edgeenh.bundle import Gate, Generator, Golden, Manifest, Onnx, Signature, Training, write_bundle
from edgeenh.bundle.archive import unpack
from edgeenh.cache.entries import encode
from edgeenh.dicom.context import empty_context
from edgeenh.dicom.original import Session, header_of, original_object
from edgeenh.dicom.storing import to_bytes
from edgeenh.errors import IntegrityError
from edgeenh.frames import Exposure, Frame
from edgeenh.stream.spool_entry import pack, pixels_sha256

VALUES = (
    b"null",
    b"true",
    b"-1",
    b"1e308",
    b"9007199254740992",
    b'""',
    b'"../x"',
    b"[]",
    b"{}",
    b"[1,2]",
    b'[{"a":[{}]}]',
    b"",
)
"""JSON of every sort, for a place where another is expected."""

REQUEST_VALUES = (
    b"1e999", b"NaN", b"-Infinity", b"9" * 400, b"9" * 5000, b'{"a":1,"a":1}', b"[[[[[[[[[[[[[[[[[[[[", b'["\\ud800"]', b'"\\ud800"',
    b'"no end', b"[[1,2],[3]]", b'["x",1,1]', b"[true]", b"[" + b"1," * 5000 + b"1]", b'"enhanced","name":"image"',
)  # fmt: skip
"""The same, of a request."""

TESTS = Path(__file__).resolve().parents[1]


def seeds(target: str) -> Iterator[bytes]:
    """The seeds of one target."""
    good = _bundle()
    members = {name: bytes(view) for name, view in unpack(good).items()}
    if target == "bundle":
        yield from (good, *_malicious(good))
    elif target == "manifest":
        yield members["manifest.json"]
        yield from (_text for evil in _malicious(good) if (_text := _manifest_of(evil)))
    elif target == "manifest-value":
        for number, text in enumerate(VALUES * 8):
            yield (7 * number).to_bytes(2, "little") + text
    elif target == "onnx":
        yield from (members["generator.fp32.onnx"], members["generator.fp16.onnx"])
    elif target in ("picture", "picture-metadata"):
        yield from _pictures()
    elif target == "dicom":
        yield from _objects()
    elif target == "spooled":
        frame = Frame(np.arange(48, dtype=np.uint16).reshape(6, 8), "xray", 3, 5, "p", "grey", 12, attributes=b"more")
        yield b"".join(bytes(part) for part in pack(frame, Exposure("1-2", "2026-11-27", pixels_sha256(frame))))
    elif target == "signature":
        yield Signature("0" * 64, bytes(64)).to_member()
    elif target == "cache-entry":
        yield encode(STATION, "plans", {"driver": "550"}, b"plan")
    elif target == "options":
        yield from (b"1280x720", b"0x0", b"-1x5", b"9" * 30, b"12", b"floor.json", b"8.6,8.9")
    elif target == "inference":
        tensor = {"name": "image", "datatype": "UINT8", "shape": [1, 2, 2, 3], "parameters": {"binary_data_size": 12}}
        head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
        yield from (b"\0\0" + GOOD_REQUEST, len(head).to_bytes(2, "little") + head + bytes(12), b"\0\0" + b"[" * 5000)
    elif target == "inference-value":
        for number, text in enumerate((*VALUES, *REQUEST_VALUES) * 3):
            yield bytes([7 * number % 256]) + text
    elif target == "served":
        yield from (b'{"contract": {"scale": 1}}', b'{"contract": []}', b"[" * 5000, b"\xff")


def _bundle() -> bytes:
    small = _load(TESTS / "runtime" / "conftest.py")
    picture = cv2.imencode(".png", np.arange(768, dtype=np.uint8).reshape(16, 16, 3))[1].tobytes()
    manifest = Manifest(
        id="tiny",
        version=1,
        created="2026-11-22T10:00:00Z",
        generator=Generator("tiny", 12, 9.0, 0.2, 16, (16, 16), (512, 512)),
        training=Training("made by hand", "CC0-1.0", 0, "0" * 64),
        onnx=Onnx(20, 10),
        precisions={"fp32": "generator.fp32.onnx", "fp16": "generator.fp16.onnx"},
        golden=(Golden("frame", "golden/frame.png", "golden/frame.png"),),
        gate=Gate(50.0, 0.995),
        tools={"edgeenh": "0.1.0"},
    )
    members = {
        "MODEL_CARD.md": b"# card\n",
        "generator.fp32.onnx": small._contract_onnx("fp32"),
        "generator.fp16.onnx": small._contract_onnx("fp16"),
        "golden/frame.png": picture,
    }
    with tempfile.TemporaryDirectory() as folder:
        return write_bundle(Path(folder, "tiny.edgeenh"), manifest, members).path.read_bytes()


def _malicious(good: bytes) -> Iterator[bytes]:
    for attack in _load(TESTS / "runtime" / "bundle" / "test_malicious.py").CORPUS.values():
        try:
            evil: bytes = attack(good)
        except (KeyError, ValueError):  # made for another bundle
            continue
        if len(evil) < 64 * 1024:
            yield evil


def _manifest_of(data: bytes) -> bytes:
    try:
        return bytes(unpack(data)["manifest.json"])
    except (IntegrityError, KeyError):
        return b""


def _pictures() -> Iterator[bytes]:
    for shape, kind in (((5, 7, 3), np.uint8), ((5, 7), np.uint16), ((5, 7, 4), np.uint8)):
        pixels = np.arange(np.prod(shape)).reshape(shape).astype(kind)
        for suffix in (".png", ".jpg", ".tif", ".webp", ".bmp"):
            if kind == np.uint16 and suffix not in (".png", ".tif"):
                continue
            yield cv2.imencode(suffix, pixels)[1].tobytes()


def _load(path: Path) -> ModuleType:
    """A module of the tests, by its path: they are no package."""
    name = "fuzz_" + hashlib.sha256(str(path).encode()).hexdigest()[:8]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _objects() -> Iterator[bytes]:
    """A sensor's picture and a camera's."""
    session = Session("sc", empty_context(), "2.25.1", "2.25.2")
    for image, photometric, bits in (
        (np.arange(320, dtype=np.uint16).reshape(16, 20), "grey", 12),
        (np.zeros((16, 20, 3), np.uint8), "RGB", 8),
    ):
        header = header_of(image, photometric, bits)
        yield to_bytes(original_object(image, header, session, 1, "2.25.3", datetime(2026, 11, 27)))
