import io
import stat
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.bundle import archive
from edgeenh.bundle.archive import pack, unpack
from edgeenh.errors import IntegrityError

PARTS = st.builds(str.__add__, st.sampled_from("aZ0"), st.text("bY9._-", max_size=5))
NAMES = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
MEMBERS = st.dictionaries(NAMES, st.binary(max_size=64), min_size=1, max_size=6)


def zipped(*entries, **options):
    """A ZIP by Python's own writer: `(ZipInfo or name, content)` each."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as file:
        for info, content in entries:
            file.writestr(info, content)
    return buffer.getvalue()


@given(MEMBERS)
def test_what_is_packed_is_unpacked(members):
    assert {name: bytes(view) for name, view in unpack(pack(members)).items()} == members


@given(MEMBERS)
def test_any_zip_tool_reads_it(members):
    with zipfile.ZipFile(io.BytesIO(pack(members))) as file:
        assert file.testzip() is None
        assert {name: file.read(name) for name in file.namelist()} == members
        assert not any(stat.S_ISLNK(info.external_attr >> 16) for info in file.infolist())


@given(MEMBERS, st.data())
def test_no_changed_byte_is_unpacked(members, data):
    packed = bytearray(pack(members))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(IntegrityError):
        unpack(bytes(packed))


@given(MEMBERS, st.data())
def test_no_cut_and_no_addition_is_unpacked(members, data):
    packed = pack(members)
    cut = data.draw(st.integers(0, len(packed) - 1))
    extra = data.draw(st.binary(min_size=1, max_size=8))
    for wrong in (packed[:cut], packed + extra, extra + packed, packed[:cut] + extra + packed[cut:]):
        with pytest.raises(IntegrityError):
            unpack(wrong)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_in_one_way(data):
    for hostile in (data, b"PK\x03\x04" + data):
        with pytest.raises(IntegrityError):
            unpack(hostile)


@pytest.mark.parametrize(
    "name", ["../up", "a/../b", "/abs", "a\\b", "C:x", "a//b", ".hidden", "a/", "", "ä", "a\0b", "n" * 201]
)
def test_names_that_could_leave_the_bundle_are_refused(name):
    with pytest.raises(IntegrityError, match="name that is not allowed"):
        pack({name: b""})
    packed, encoded = pack({"x": b""}), name.encode()
    hostile = packed[:26] + len(encoded).to_bytes(2, "little") + packed[28:30] + encoded + packed[31:]
    with pytest.raises(IntegrityError, match="name that is not allowed"):
        unpack(hostile)


def test_a_compressed_member_is_refused():
    with pytest.raises(IntegrityError, match=r"member m\.onnx is compressed"):
        unpack(zipped(("m.onnx", b"a" * 99), compression=zipfile.ZIP_DEFLATED))


def test_a_member_twice_is_refused():
    twice = pack({"a": b"1", "b": b"2"}).replace(b"b2", b"a2")
    with pytest.raises(IntegrityError, match="holds the member a twice"):
        unpack(twice)


def test_a_link_is_refused():
    link = bytearray(pack({"a": b"target"}))
    at = link.index(b"PK\x01\x02") + 38
    link[at : at + 4] = ((stat.S_IFLNK | 0o777) << 16).to_bytes(4, "little")
    with pytest.raises(IntegrityError, match="member a is a link"):
        unpack(bytes(link))


def test_a_repacked_zip_is_refused():
    with pytest.raises(IntegrityError, match="damaged or repacked"):
        unpack(zipped(("a", b"1"), compression=zipfile.ZIP_STORED))


@pytest.mark.parametrize(("data", "found"), [(b"", "is empty"), (b"\x08\x0aonnx", "begins with 08 0a 6f 6e")])
def test_a_file_that_is_no_zip_is_named(data, found):
    with pytest.raises(IntegrityError, match=f"{found}, expected an edgeenh bundle"):
        unpack(data)


def test_limits_hold_on_both_sides(monkeypatch):
    packed = pack({"a": b"1", "b": b"2"})
    monkeypatch.setattr(archive, "MAX_MEMBERS", 1)
    with pytest.raises(IntegrityError, match="more than 1 members"):
        unpack(packed)
    with pytest.raises(IntegrityError, match="expected at most 1"):
        pack({"a": b"1", "b": b"2"})
