"""The pack as a file: members, an index with the digest of each, and a signature over the index."""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh.errors import IntegrityError, UsageError
from edgeenh.files import read_once, write_bytes

if TYPE_CHECKING:
    from edgeenh.bundle.keys import PrivateKey, PublicKey

SCHEMA = "edgeenh.evidence/1"
INDEX = "evidence.json"
SIGNATURE = "evidence.sig"
MOST_BYTES = 256_000_000
MOST_MEMBERS = 2000

_HEAD = b"edgeenh evidence signature 1\n"
_FORM = re.compile(re.escape(_HEAD) + rb"key ([0-9a-f]{64})\ned25519 ([0-9a-f]{128})\n")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_WHEN = (1980, 1, 1, 0, 0, 0)
"""The same members make the same bytes, whatever the time: when it was made stands in the index."""


def write_pack(path: Path, members: Mapping[str, bytes], about: Mapping[str, Any], key: PrivateKey | None) -> str:
    """Write a pack, whole or not at all; returns the SHA-256 of its index.

    Args:
        path: The ZIP.
        members: Content by name.
        about: More keys of the index.
        key: Signs the index; None = unsigned, which the index says.

    Raises:
        UsageError: A name is not one that a pack may have; or the place cannot be written to.
        OutputFailed: The disk is full.
    """
    for name in members:
        if not _NAME.fullmatch(name) or name in (INDEX, SIGNATURE):
            raise UsageError(f"{name!r} cannot be a member of a pack")
    files = {name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in members.items()}
    document = {"schema": SCHEMA, **about, "signed": key is not None, "members": dict(sorted(files.items()))}
    index = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()
    whole = {INDEX: index, **dict(sorted(members.items()))}
    if key is not None:
        whole[SIGNATURE] = _HEAD + f"key {key.public.id}\ned25519 {key.sign(_HEAD + index).hex()}\n".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in whole.items():
            archive.writestr(zipfile.ZipInfo(name, _WHEN), data, zipfile.ZIP_DEFLATED)
    write_bytes(path, buffer.getvalue())
    return hashlib.sha256(index).hexdigest()


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that was checked.

    Attributes:
        index: The document `evidence.json`.
        members: Content by name, each of exactly the digest in the index.
        key_id: Whose signature it says to have; None = unsigned.
        checked: The signature was checked against a key.
    """

    index: dict[str, Any]
    members: dict[str, bytes]
    key_id: str | None
    checked: bool

    @property
    def missing(self) -> dict[str, str]:
        """What the pack says that it does not have, and why."""
        return {str(name): str(why) for name, why in self.index.get("missing", {}).items()}


def read_pack(path: Path, key: PublicKey | None) -> Pack:
    """Read and check a pack.

    Args:
        path: The ZIP.
        key: Whose signature it must have; None = digests alone are checked, which finds damage and not forgery.

    Raises:
        UsageError: There is no such file.
        IntegrityError: It is not exactly what its index says, or not signed by the key.
    """
    try:
        data, _ = read_once(path, MOST_BYTES)
    except OSError as exc:
        raise UsageError(f"{path} cannot be read ({exc.strerror}): give a pack that `edgeenh evidence` made") from exc
    members = _unzip(path, data)
    index_bytes, signature = members.pop(INDEX, b""), members.pop(SIGNATURE, None)
    index = _index(path, index_bytes)
    listed = index["members"]
    if set(listed) != set(members):
        odd = ", ".join(sorted(set(listed) ^ set(members))[:5])
        raise _broken(path, f"members and index do not agree: {odd}")
    for name, content in members.items():
        if listed[name] != {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}:
            raise _broken(path, f"{name} is not what the index says")
    key_id = _check_signature(path, index_bytes, signature, key)
    if bool(index.get("signed")) != (key_id is not None):
        raise _broken(path, "its signature was taken away or put in")
    return Pack(index, members, key_id, key is not None)


def _unzip(path: Path, data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if len(names) > MOST_MEMBERS or sum(entry.file_size for entry in entries) > MOST_BYTES:
                raise _broken(path, "it is larger than a pack may be")
            if len(set(names)) != len(names) or not all(_NAME.fullmatch(name) for name in names):
                raise _broken(path, "two members have one name, or one has a name that no pack has")
            if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries):
                raise _broken(path, "a member is packed in a way that no pack is")
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, zlib.error, struct.error, OSError, ValueError, RuntimeError, EOFError) as exc:
        raise _broken(path, f"it is no ZIP that can be read ({exc})") from exc


def _index(path: Path, data: bytes) -> dict[str, Any]:
    try:
        index = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as exc:
        raise _broken(path, f"it has no {INDEX}") from exc
    if not isinstance(index, dict) or index.get("schema") != SCHEMA or not isinstance(index.get("members"), dict):
        raise _broken(path, f"{INDEX} is not of the schema {SCHEMA}")
    if not isinstance(index.get("missing", {}), dict):
        raise _broken(path, f"{INDEX} does not say what is missing as a table")
    return index


def _check_signature(path: Path, index: bytes, signature: bytes | None, key: PublicKey | None) -> str | None:
    if signature is None:
        if key is not None:
            raise IntegrityError(f"{path} is not signed, expected a signature by the key {key.id[:16]}…")
        return None
    found = _FORM.fullmatch(signature)
    if found is None:
        raise _broken(path, f"{SIGNATURE} is no signature that edgeenh writes")
    key_id = found[1].decode()
    if key is not None:
        if key_id != key.id:
            raise IntegrityError(f"{path} is signed by the key {key_id[:16]}…, expected {key.id[:16]}…")
        if not key.verifies(bytes.fromhex(found[2].decode()), _HEAD + index):
            raise _broken(path, "its signature does not fit its index")
    return key_id


def _broken(path: Path, why: str) -> IntegrityError:
    return IntegrityError(f"{path}: {why}; get the pack again from whoever made it")
