"""The manifest as a JSON text: one canonical form, a schema, and a digest of itself.

The form is UTF-8 with sorted keys, an indent of two, and a final newline; it is checked byte for byte. The field
`manifest_sha256` is the SHA-256 of that form without this one field. Together they detect damage: no byte of a manifest
can change unnoticed by accident. They are no protection against a person, who can compute a new digest as easily as we
can; that takes a signature (`edgeenh.bundle.signature`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from edgeenh.bundle.archive import REMEDY
from edgeenh.bundle.schema_failure import SchemaFailure
from edgeenh.errors import IntegrityError

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
DIGEST = "manifest_sha256"
MAX_MANIFEST_BYTES = 2 * 1024 * 1024
"""More than the entries of as many members as a bundle may hold."""

_MAX_NUMBER = 1 << 53
"""Whole numbers up to here are the same in every reader of JSON (RFC 8259, section 6)."""


def load(data: bytes) -> dict[str, Any]:
    """Read a manifest's text and return its JSON values, without the digest of itself.

    Raises:
        IntegrityError: It is not canonical JSON, not by the schema, or its digest is another.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise IntegrityError(f"{MANIFEST} holds {len(data):,} bytes, expected at most {MAX_MANIFEST_BYTES:,}: {REMEDY}")
    try:
        # decoded here: given bytes, json would guess among five encodings
        document = json.loads(data.decode("utf-8"), parse_int=_whole_number, object_pairs_hook=_names_once)
        canonical = _canonical(document)
    except (ValueError, RecursionError) as exc:
        raise IntegrityError(f"{MANIFEST} is not a JSON text that edgeenh can read ({exc}): {REMEDY}") from exc
    _check_version(document)
    _validate(document)
    if canonical != data:
        raise IntegrityError(f"{MANIFEST} is not in the form that edgeenh writes; damaged or edited: {REMEDY}")
    expected = document.pop(DIGEST)
    found = _digest(document)
    if found != expected:
        raise IntegrityError(f"{MANIFEST} has the SHA-256 {found}, expected {expected} as it says itself: {REMEDY}")
    values: dict[str, Any] = document
    return values


def dump(document: dict[str, Any]) -> bytes:
    """Write a manifest's text: `document` with the digest of itself, in canonical form.

    Raises:
        IntegrityError: A value is not what the schema asks for.
    """
    try:
        complete = {**document, DIGEST: _digest(document)}
    except (TypeError, ValueError) as exc:
        raise IntegrityError(
            f"the manifest holds a value that JSON cannot ({exc}): give finite numbers and text"
        ) from exc
    _validate(complete)
    return _canonical(complete)


def _whole_number(text: str) -> int:
    value = int(text)
    if abs(value) > _MAX_NUMBER:
        raise ValueError(f"the number {text[:20]}… is beyond 2^53")
    return value


def _names_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("an object holds a name twice")
    return dict(pairs)


def _canonical(document: Any) -> bytes:
    text = json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8")


def _digest(document: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(document)).hexdigest()


def _check_version(document: Any) -> None:
    if not isinstance(document, dict):
        raise IntegrityError(f"{MANIFEST} holds a JSON {type(document).__name__}, expected an object: {REMEDY}")
    found = document.get("schema_version")
    if isinstance(found, bool) or found != SCHEMA_VERSION:
        shown = json.dumps(found)[:40]
        raise IntegrityError(
            f"{MANIFEST} is of schema version {shown}, expected {SCHEMA_VERSION}: "
            f"use an edgeenh of the version that wrote it, or {REMEDY}"
        )


def _validate(document: Any) -> None:
    from edgeenh.bundle.manifest_validator import validate

    check: Callable[[Any], Any] = validate
    try:
        check(document)
    except SchemaFailure as exc:
        field = exc.name.replace("data", MANIFEST, 1)
        shown = ascii(exc.value)
        shown = shown if len(shown) <= 80 else shown[:77] + "..."
        raise IntegrityError(f"{field} is {shown}, expected its schema's {exc.rule} {_limit(exc)}: {REMEDY}") from exc


def _limit(exc: SchemaFailure) -> str:
    """What the rule that failed asks for, in at most a few words."""
    shown = json.dumps(exc.asked)
    return shown if len(shown) <= 80 else "to hold"
