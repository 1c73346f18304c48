"""One entry of the cache as bytes: what it was made from, the content, and an HMAC-SHA256 over both.

    "edgeenh cache 1" and a line break · HMAC (32 bytes) · length of the key (8 bytes, little-endian) · key (JSON) · content

The HMAC covers everything but itself, the kind included, under the station's key: an entry that was written by anybody
else, changed, or put in the place of another is told from one that this station wrote.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SUFFIX = ".entry"

_MAGIC = b"edgeenh cache 1\n"
_MAC = slice(len(_MAGIC), len(_MAGIC) + 32)
_HEAD_BYTES = _MAC.stop + 8


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that this station wrote.

    Attributes:
        kind: What sort of thing it is, e.g. `plans`; a folder of the cache.
        key: Everything it was made from, by name.
        path: Where it is.
        data: The content; empty where only the head was asked for.
        size: Length of the file in bytes.
        used_ns: When it was last written or used, by the file system; only an order.
    """

    kind: str
    key: Mapping[str, str]
    path: Path
    data: bytes = field(repr=False)
    size: int
    used_ns: int

    @property
    def name(self) -> str:
        """Short name, unique in practice."""
        return self.path.name.removesuffix(SUFFIX)[:12]


def file_name(kind: str, key: Mapping[str, str]) -> str:
    """The file name for a key: the SHA-256 of kind and key."""
    return hashlib.sha256(kind.encode() + b"\0" + _text(key)).hexdigest() + SUFFIX


def encode(secret: bytes, kind: str, key: Mapping[str, str], data: bytes) -> bytes:
    """The bytes of an entry."""
    text = _text(key)
    body = len(text).to_bytes(8, "little") + text + data
    return _MAGIC + _mac(secret, kind, body) + body


def decode(secret: bytes, kind: str, raw: bytes) -> tuple[dict[str, str], bytes] | None:
    """Key and content of an entry, or None where this station did not write exactly these bytes for this kind."""
    if len(raw) < _HEAD_BYTES or not raw.startswith(_MAGIC):
        return None
    body = raw[_MAC.stop :]
    if not hmac.compare_digest(raw[_MAC], _mac(secret, kind, body)):
        return None
    length = int.from_bytes(body[:8], "little")  # believed from here on: this station wrote it
    key: dict[str, str] = json.loads(body[8 : 8 + length])
    return key, body[8 + length :]


def _mac(secret: bytes, kind: str, body: bytes) -> bytes:
    return hmac.digest(secret, kind.encode() + b"\0" + body, "sha256")


def _text(key: Mapping[str, str]) -> bytes:
    return json.dumps(dict(key), sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()
