"""Reading what `edgeenh bench --json` wrote: from another day, another version, or another hand, so nothing in it is taken for granted."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeenh.errors import InputError

Json = Mapping[str, Any]

SCHEMAS = ("edgeenh.bench/1", "edgeenh.bench/2")
"""What can be read; the last is what is written."""

MALFORMED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What work on a document raises that has not the parts, or the kinds of values, that its schema has."""

TARGETS = "edgeenh.target/"
"""Schema of a target's result, which may hold a comparison among its details."""

_PARTS = {"rows": list, "environment": dict, "frames": dict, "method": dict, "model": dict}


def read_json(path: Path, giver: str) -> Any:
    """The JSON value in a file.

    Args:
        path: The file.
        giver: The command whose file is wanted, for the message.

    Raises:
        InputError: It cannot be read, is not JSON, or nests too deep.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not JSON"
        raise InputError(f"{path} cannot be read ({reason}): give a file that `{giver}` wrote") from exc


def read_result(path: Path) -> dict[str, Any]:
    """Read what `edgeenh bench --json` wrote, or the comparison that a target of `edgeenh_bench.targets` made.

    Raises:
        InputError: It cannot be read, is not such a result, is of a newer schema, or holds what no measurement gives.
    """
    document = _comparison_in(read_json(path, "edgeenh bench --json"))
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema not in SCHEMAS:
        newer = isinstance(schema, str) and schema.startswith("edgeenh.bench/")
        how = "update edgeenh" if newer else "give a file that `edgeenh bench --json` wrote"
        raise InputError(f"{path} is of schema {schema!r}, expected {' or '.join(SCHEMAS)}: {how}")
    if fault := _fault(document):
        raise InputError(f"{path} is not whole: {fault}; measure again")
    return dict(document)


def _comparison_in(document: Any) -> Any:
    """The comparison in a target's result; what is none, as it is."""
    if isinstance(document, dict) and str(document.get("schema")).startswith(TARGETS):
        details = document.get("details")
        return details.get("comparison", document) if isinstance(details, dict) else document
    return document


def _fault(document: Json) -> str:
    """The first thing that is not as a result has it; empty where all is."""
    if not all(isinstance(document.get(key), kind) for key, kind in _PARTS.items()):
        return f"{', '.join(_PARTS)} are expected"
    mode = document["method"].get("mode")
    if not isinstance(mode, str) and not (isinstance(mode, dict) and {"name", "fps", "in_flight"} <= mode.keys()):
        return "method.mode is expected to have name, fps and in_flight"
    clocks = document.get("clocks") or {}
    if not isinstance(clocks, dict) or not isinstance(clocks.get("before") or {}, dict):
        return "clocks are expected to have before and after"
    if not _is_number(document.get("cpu_share_of_other_programs") or 0.0):
        return "cpu_share_of_other_programs is expected to be a number"
    faults = (_row_fault(number, row) for number, row in enumerate(document["rows"]))
    return next((fault for fault in faults if fault), "")


def _row_fault(number: int, row: Any) -> str:
    if not isinstance(row, dict) or not isinstance(row.get("available"), bool):
        return f"row {number} does not say whether it is available"
    if not row["available"]:
        return ""
    if not isinstance(row.get("label") or row.get("backend"), str):
        return f"row {number} has no label"
    raw, blocks = row.get("raw_ms"), row.get("blocks") or []
    if not isinstance(raw, list) or not raw or not all(_is_number(one) and one > 0 for one in raw):
        return f"row {number} has no latencies, or some that are no milliseconds above 0"
    if not isinstance(blocks, list) or not all(isinstance(one, int) and one >= 0 for one in blocks):
        return f"row {number} has blocks that are no counts"
    if blocks and sum(blocks) != len(raw):
        return f"row {number} has blocks of {sum(blocks)} frames and {len(raw)} latencies"
    return ""


def _is_number(value: Any) -> bool:
    """A finite number that a float can hold."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False
