"""JSON that a client sends, with bounds that are checked on its bytes before a parser makes objects of them.

An empty list is two bytes in a body and 56 in memory, so a body within its limit could still take gigabytes; and Python's
parser takes NaN, and the last of two members of one name, neither of which is JSON that two readers understand alike
(RFC 8259, 4 and 6).
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import numpy as np

from edgeenh.station.errors import Refused

MOST_DEPTH = 16
"""Lists and objects in each other; a request of the Open Inference Protocol has nine at most."""

MOST_QUOTES = 10_000
"""In a request of the protocol there are some fifty."""

_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A string, also one without an end: what follows it then is no JSON in any case. Possessive, so linear in time."""


def read_json(text: bytes, most_values: int) -> Any:
    """Parse a body.

    Args:
        text: UTF-8.
        most_values: So many values it may have, and so many lists and objects.

    Raises:
        Refused: 400, it is no JSON, nests deeper than `MOST_DEPTH`, has very many quotation marks, or names a member twice; 413, it has too many values.
    """
    _check_bounds(text, most_values)
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_members, parse_constant=_no_number)
    except UnicodeDecodeError as exc:
        raise malformed(f"it is not UTF-8 at byte {exc.start}") from exc
    except RecursionError as exc:  # not within `MOST_DEPTH`, but for what calls us
        raise malformed("it nests too deep") from exc
    except ValueError as exc:
        # Python's own bound on digits, against a time that grows with their square.
        why = "a whole number has thousands of digits" if "integer string" in str(exc) else str(exc)[:100]
        raise malformed(why) from exc


def malformed(why: str) -> Refused:
    """400: the body is no JSON that is taken."""
    return Refused(400, "json", f"the body is no JSON that is taken: {why}")


def _check_bounds(text: bytes, most_values: int) -> None:
    if text.count(b'"') > MOST_QUOTES:
        raise malformed(f"it has more than {MOST_QUOTES:,} quotation marks")
    bare = _STRING.sub(b"", text)
    opened = bare.count(b"[") + bare.count(b"{")
    values = bare.count(b",") + 1
    if values > most_values or opened > most_values:
        found = f"the JSON has some {values:,} values in {opened:,} lists and objects"
        raise Refused(413, "too_large", f"{found}, expected at most {most_values:,}: send the tensor as binary")
    brackets = np.frombuffer(bare.translate(None, _ALL_BUT_BRACKETS), np.uint8)
    steps = np.where((brackets == ord("[")) | (brackets == ord("{")), np.int8(1), np.int8(-1))
    depth = int(np.cumsum(steps, dtype=np.int32).max(initial=0))
    if depth > MOST_DEPTH:
        raise malformed(f"it nests {depth} deep, expected at most {MOST_DEPTH}")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:40]!r} is there twice in one object")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")
