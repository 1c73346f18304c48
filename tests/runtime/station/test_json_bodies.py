"""Bounds on JSON: counted on the bytes, so that nothing large is ever made of a small body."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra station is not installed")

from edgeenh.station.errors import MOST_TEXT, Refused, one_line
from edgeenh.station.json_bodies import MOST_DEPTH, MOST_QUOTES, read_json


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"a": [1, 2.5, null, true, "x"]}', {"a": [1, 2.5, None, True, "x"]}),
        (
            b'"[[[[[[[[[[[[[[[[[[[[[[,,,,,,,,,,,,,,,,"',
            "[" * 22 + "," * 16,
        ),  # brackets and commas in a text count for nothing
        (b'"\\"[[[[[[[[[[[[[[[[[[[["', '"' + "[" * 20),
        (b"[" * MOST_DEPTH + b"]" * MOST_DEPTH, None),
        ('"ä"'.encode(), "ä"),
    ],
)
def test_what_is_within_bounds_is_read(text: bytes, expected: Any) -> None:
    found = read_json(text, 20)
    assert found == expected or expected is None


@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        (b"", 400, "no JSON"),
        (b"\xff", 400, "UTF-8 at byte 0"),
        (b"[NaN]", 400, "NaN"),
        (b"[-Infinity]", 400, "-Infinity"),
        (b"[" + b"9" * 5000 + b"]", 400, "thousands of digits"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', 400, "'c' is there twice"),
        (b"[" * (MOST_DEPTH + 1), 400, f"nests {MOST_DEPTH + 1} deep"),
        (b'{"a":' * (MOST_DEPTH + 1), 400, "deep"),
        (b'"' * (MOST_QUOTES + 2), 400, "quotation marks"),
        (b'"no end [[[[[[[[[[[[[[[[[[[[[[[', 400, "Unterminated"),
        (b"[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", 413, "22 values"),
        (b"[" * 21, 413, "21 lists"),
    ],
)
def test_what_is_not_is_refused_in_one_line(text: bytes, status: int, told: str) -> None:
    with pytest.raises(Refused, match=told) as caught:
        read_json(text, 20)
    assert caught.value.status == status
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", [b"[" * 4_000_000, b"[]," * 1_000_000, b"{}," * 1_000_000, b'"' * 4_000_000, b'\\"' * 2_000_000]
)
def test_no_body_takes_many_times_its_size(text: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Refused):
            read_json(text, 900_000)
        assert tracemalloc.get_traced_memory()[1] < 3 * len(text)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", ["a\nb", "\ud800", "x" * 10_000, "\x00\u2028\r"])
def test_a_line_can_be_sent_whatever_stands_in_it(text: str) -> None:
    line = one_line(text)
    assert len(line.encode("utf-8")) <= MOST_TEXT + 3
    assert len(line.splitlines()) == 1
