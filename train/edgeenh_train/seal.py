"""A seal over a safetensors file: the SHA-256 of all its bytes, kept inside the file.

Safetensors notices a file that is too short or whose header is no JSON; a bit flipped in the weights, or in a name or a number of
the header, it does not. The description in the file's metadata therefore has a field `seal` with the digest of the whole file,
taken with 64 zeros in its own place. It finds damage, not forgery: whoever changes a file can seal it again.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

BLANK = "0" * 64
"""What stands in the seal's place while the digest is taken."""

_BEFORE = rb"\"seal\": \""  # the field as it lies in the file: JSON within a string of JSON


class BrokenSealError(ValueError):
    """The content is not what was sealed."""


def sealable(fields: dict[str, Any]) -> str:
    """A description as JSON with a blank seal; what `sealed` then fills in."""
    return json.dumps({**fields, "seal": BLANK}, sort_keys=True)


def sealed(data: bytes) -> bytes:
    """A safetensors file whose description `sealable` made, with its seal in place."""
    place = _place(data)
    return b"".join((data[:place], _digest(data, place).encode(), data[place + len(BLANK) :]))


def opened(data: bytes, key: str) -> tuple[dict[str, Any], bool]:
    """The description in a safetensors file.

    Args:
        data: The whole file.
        key: The metadata's key that holds the description.

    Returns:
        The description without its seal, and whether there was one; files from before there were seals have none.

    Raises:
        BrokenSealError: There is a seal, and the content is another.
        ValueError, KeyError, TypeError: This is not such a file.
    """
    length = int.from_bytes(data[:8], "little")
    fields: dict[str, Any] = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][key])
    if not isinstance(fields, dict):
        raise TypeError("the description is no JSON object")
    seal = fields.pop("seal", None)
    if seal is None:
        return fields, False
    found = _digest(data, _place(data))
    if seal != found:
        raise BrokenSealError(f"its content has SHA-256 {found[:12]}…, and {str(seal)[:12]}… was sealed")
    return fields, True


def _place(data: bytes) -> int:
    """Where the seal's 64 digits begin; the search ends with the header, for weights may look like anything."""
    header = data[: 8 + int.from_bytes(data[:8], "little")]
    if header.count(_BEFORE) != 1:
        raise BrokenSealError("its seal is not where it belongs")
    return header.index(_BEFORE) + len(_BEFORE)


def _digest(data: bytes, place: int) -> str:
    whole = memoryview(data)
    digest = hashlib.sha256(whole[:place])
    digest.update(BLANK.encode())
    digest.update(whole[place + len(BLANK) :])
    return digest.hexdigest()
