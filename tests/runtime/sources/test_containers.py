from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.sources.containers import read_container


def _box(kind: bytes, payload: int) -> bytes:
    return struct.pack(">I4s", 8 + payload, kind) + bytes(payload)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("containers") / "file"


def test_a_whole_mp4_is_not_cut_and_a_byte_less_is(path: Path) -> None:
    whole = _box(b"ftyp", 16) + _box(b"moov", 40) + _box(b"mdat", 500)
    path.write_bytes(whole)
    assert not read_container(path).cut
    path.write_bytes(whole[:-1])
    assert read_container(path).cut


def test_an_mp4_without_index_is_cut(path: Path) -> None:
    path.write_bytes(_box(b"ftyp", 16) + _box(b"mdat", 500))
    assert read_container(path).cut


def test_64_bit_and_open_ended_boxes(path: Path) -> None:
    large = struct.pack(">I4sQ", 1, b"mdat", 16 + 100) + bytes(100)
    open_ended = struct.pack(">I4s", 0, b"mdat") + bytes(77)
    for last in (large, open_ended):
        path.write_bytes(_box(b"ftyp", 8) + _box(b"moov", 8) + last)
        assert not read_container(path).cut
    path.write_bytes(_box(b"ftyp", 8) + _box(b"moov", 8) + large[:-1])
    assert read_container(path).cut


def test_an_avi_that_was_never_finished_is_cut(path: Path) -> None:
    for declared, cut in ((0, True), (100, True), (4 + 88, False)):
        path.write_bytes(b"RIFF" + struct.pack("<I", declared) + b"AVI " + bytes(88))
        assert read_container(path).cut is cut


def test_a_live_matroska_of_unknown_length_is_not_cut(path: Path) -> None:
    header = b"\x1a\x45\xdf\xa3\x84" + bytes(4)
    for size, cut in ((b"\x01" + b"\xff" * 7, False), (b"\x8a", False), (b"\x8b", True)):
        path.write_bytes(header + b"\x18\x53\x80\x67" + size + bytes(10))
        assert read_container(path).cut is cut


@given(st.sampled_from([b"", b"\0\0\0\x18ftyp", b"RIFF\0\0\0\0AVI ", b"\x1a\x45\xdf\xa3"]), st.binary(max_size=80))
def test_no_bytes_make_the_reader_fail(path: Path, start: bytes, rest: bytes) -> None:
    path.write_bytes(start + rest)
    assert read_container(path).bytes == len(start) + len(rest)
