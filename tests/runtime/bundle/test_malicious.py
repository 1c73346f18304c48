"""Bundles made to do harm, each built here from a good one: all are refused, by the reader and by the command.

The forger knows everything but the private key: he repairs every digest and CRC that he can.
"""

import hashlib
import json
import struct

import onnx
import pytest

from edgeenh.bundle import Bundle, write_bundle
from edgeenh.bundle.archive import pack, unpack
from edgeenh.cli import main
from edgeenh.errors import IntegrityError

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def _members(data):
    return {name: bytes(view) for name, view in unpack(data).items()}


def _renamed(data, name):
    """The bundle with its first member called `name` (of any bytes) everywhere, lengths repaired."""
    old = b"MODEL_CARD.md"
    out = data.replace(old, name)
    delta = struct.pack("<H", len(name))
    out = bytearray(out)
    for magic, at in ((LOCAL, 26), (CENTRAL, 28)):
        start = 0
        while (start := out.find(magic, start)) >= 0:
            head = 30 if magic == LOCAL else 46
            if out[start + head : start + head + len(name)] == name:
                out[start + at : start + at + 2] = delta
            start += 4
    return bytes(out)


def _set(data, magic, offset, value, which=0):
    """`value` over the bytes at `offset` of the header number `which` with this magic."""
    out, start = bytearray(data), -1
    for _ in range(which + 1):
        start = out.index(magic, start + 1)
    out[start + offset : start + offset + len(value)] = value
    return bytes(out)


def _manifest(data, change):
    """The bundle with another text in the place of its manifest."""
    parts = _members(data)
    return pack({**parts, "manifest.json": change(parts["manifest.json"])})


def _redigested(document):
    document.pop("manifest_sha256")
    text = _canonical(document)
    return _canonical({**document, "manifest_sha256": hashlib.sha256(text).hexdigest()})


def _canonical(document):
    return (json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def _documented(change):
    def apply(text):
        document = json.loads(text)
        change(document)
        return _redigested(document)

    return lambda data: _manifest(data, apply)


def _escaping_member(document):
    document["files"]["../../.ssh/authorized_keys"] = document["files"].pop("MODEL_CARD.md")


def _wrong_hash(document):
    document["files"]["generator.fp32.onnx"]["sha256"] = "0" * 64


def _wrong_length(document):
    document["files"]["generator.fp32.onnx"]["bytes"] = 1 << 50


def _foreign_precision(document):
    document["precisions"]["fp32"] = "/etc/passwd"


def _version_beyond(document):
    document["version"] = 10**40


NAMES = {
    "path traversal": b"../MODEL_CARD",
    "absolute path": b"/MODEL_CARD.m",
    "backslashes": b"..\\MODEL_CARD",
    "drive": b"C:\\MODEL.md",
    "NUL": b"MODEL\0CARD.md",
    "unicode": "MODEL‮.md".encode(),
    "overlong UTF-8": b"\xc0\xae\xc0\xae/MODEL",
    "hidden": b".MODEL_CARD.md",
    "device": b"a//b",
    "dot": b"./MODEL.md",
}

CORPUS = {
    **{f"name: {what}": lambda data, name=name: _renamed(data, name) for what, name in NAMES.items()},
    "compressed member": lambda data: _set(data, LOCAL, 8, b"\x08\0"),
    "encrypted member": lambda data: _set(data, LOCAL, 6, b"\x01\0"),
    "sizes after the data": lambda data: _set(data, LOCAL, 6, b"\x08\0"),
    "zip bomb: huge declared size": lambda data: _set(data, LOCAL, 18, b"\xfe\xff\xff\xff" * 2),
    "ZIP64 sizes": lambda data: _set(data, LOCAL, 18, b"\xff\xff\xff\xff" * 2),
    "ZIP64 extra field": lambda data: _set(data, LOCAL, 28, b"\x14\0"),
    "ZIP64 end record": lambda data: data[:-22] + b"PK\x06\x06" + bytes(52) + b"PK\x06\x07" + bytes(16) + data[-22:],
    "overlapping members": lambda data: _set(data, CENTRAL, 42, bytes(4), which=1),
    "central name differs": lambda data: _set(data, CENTRAL, 46, b"M", which=0),
    "central size differs": lambda data: _set(data, CENTRAL, 24, b"\1\0\0\0"),
    "central CRC differs": lambda data: _set(data, CENTRAL, 16, b"\1\0\0\0"),
    "link": lambda data: _set(data, CENTRAL, 38, struct.pack("<I", 0o120777 << 16)),
    "folder": lambda data: _set(data, CENTRAL, 38, struct.pack("<I", 0o040755 << 16)),
    "device file": lambda data: _set(data, CENTRAL, 38, struct.pack("<I", 0o020666 << 16)),
    "set-uid": lambda data: _set(data, CENTRAL, 38, struct.pack("<I", 0o104755 << 16)),
    "more entries than members": lambda data: _set(data, END, 10, b"\xff\xff"),
    "fewer entries than members": lambda data: _set(data, END, 10, b"\1\0"),
    "second disk": lambda data: _set(data, END, 4, b"\1\0"),
    "archive comment": lambda data: _set(data, END, 20, b"\4\0") + b"evil",
    "trailing data": lambda data: data + b"#!/bin/sh\n",
    "leading data": lambda data: b"#!/bin/sh\n" + data,
    "two archives in one": lambda data: data + data,
    "gap before the directory": lambda data: data.replace(CENTRAL, b"\0" * 8 + CENTRAL, 1),
    "cut": lambda data: data[:-1],
    "duplicate member": lambda data: data[: data.index(CENTRAL)] + data,
    "member extra": lambda data: pack({**_members(data), "zz.so": b"\x7fELF"}),
    "wrong content, CRC repaired": lambda data: pack({**_members(data), "MODEL_CARD.md": b"# evil\n"}),
    "manifest: key twice": lambda data: _manifest(data, lambda text: text.replace(b"{\n", b'{\n  "version": 9,\n', 1)),
    "manifest: NaN": lambda data: _manifest(data, lambda text: text.replace(b"50.0", b"NaN", 1)),
    "manifest: infinity": lambda data: _manifest(data, lambda text: text.replace(b"50.0", b"1e999", 1)),
    "manifest: huge number": lambda data: _manifest(data, lambda text: text.replace(b"1234", b"9" * 5000, 1)),
    "manifest: large number": _documented(_version_beyond),
    "manifest: deep nesting": lambda data: _manifest(data, lambda text: b"[" * 200_000),
    "manifest: deep objects": lambda data: _manifest(data, lambda text: b'{"a":' * 200_000),
    "manifest: not UTF-8": lambda data: _manifest(data, lambda text: text.replace(b"zahnbilder", b"zahn\xffilder")),
    "manifest: UTF-16": lambda data: _manifest(data, lambda text: text.decode().encode("utf-16")),
    "manifest: byte order mark": lambda data: _manifest(data, lambda text: b"\xef\xbb\xbf" + text),
    "manifest: surrogate": lambda data: _manifest(data, lambda text: text.replace(b"zahnbilder", b"\\ud800")),
    "manifest: too large": lambda data: _manifest(data, lambda text: text + b" " * (3 << 20)),
    "manifest: empty": lambda data: _manifest(data, lambda text: b""),
    "manifest: member escapes": _documented(_escaping_member),
    "manifest: wrong hash": _documented(_wrong_hash),
    "manifest: wrong length": _documented(_wrong_length),
    "manifest: graph elsewhere": _documented(_foreign_precision),
}


@pytest.mark.parametrize("attack", CORPUS.values(), ids=CORPUS.keys())
def test_every_file_of_the_corpus_is_refused(attack, bundle, tmp_path, capsys):
    good = bundle.path.read_bytes()
    evil = attack(good)
    assert evil != good, "the attack must have changed something"
    path = tmp_path / "evil.edgeenh"
    path.write_bytes(evil)
    with pytest.raises(IntegrityError):
        Bundle.open(path)
    assert main(["verify", str(path)]) == 4
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)


@pytest.mark.parametrize("location", ["/etc/passwd", "../../../etc/passwd", "weights.bin", ""])
def test_a_graph_that_points_out_of_the_bundle_is_refused(location, manifest, members, tmp_path):
    model = onnx.load_from_string(members["generator.fp32.onnx"])
    tensor = model.graph.initializer[0]
    tensor.external_data.add(key="location", value=location)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    with pytest.raises(IntegrityError, match=r"member generator\.fp32\.onnx keeps weights in another file"):
        write_bundle(tmp_path / "e.edgeenh", manifest, {**members, "generator.fp32.onnx": model.SerializeToString()})


def test_a_graph_with_a_custom_operator_is_refused(manifest, members, tmp_path):
    model = onnx.load_from_string(members["generator.fp32.onnx"])
    model.graph.node[0].domain = "com.evil"
    with pytest.raises(IntegrityError, match=r"custom domain 'com\.evil'"):
        write_bundle(tmp_path / "e.edgeenh", manifest, {**members, "generator.fp32.onnx": model.SerializeToString()})


def test_a_file_larger_than_any_bundle_is_refused_unread(tmp_path):
    path = tmp_path / "huge.edgeenh"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # sparse: a terabyte that takes no room
    with pytest.raises(IntegrityError, match="larger than"):
        Bundle.open(path)
