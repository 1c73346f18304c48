"""The bundle's container: a ZIP of stored members in exactly one possible form, read and written here byte by byte.

The ZIP format lets one content be written in many ways, and lets a file say different things in its local headers and
in its directory; readers then disagree about what is in it. This one form (APPNOTE 6.3, sections 4.3 and 4.4: no
compression, flags only for UTF-8 names, fixed time stamp, no extra fields, no comments, no gaps) leaves no such room:
whatever differs from what `pack` would write is refused. Any ZIP tool can list and extract it.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping

from edgeenh.errors import IntegrityError

MAX_BUNDLE_BYTES = 512 * 1024 * 1024
MAX_MEMBERS = 4096
MEMBER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")
"""Plain relative paths in ASCII: no `..`, no hidden file, no backslash, no drive, no leading or double slash."""
REMEDY = "get the bundle again from its source or export it again"

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_TIME, _DATE = 0, (1980 - 1980) << 9 | 1 << 5 | 1  # the earliest moment a ZIP can name
_MADE_BY_UNIX = 3 << 8 | 20
_PLAIN_FILE = 0o100644 << 16
_MAX_NAME = 200


def pack(members: Mapping[str, bytes]) -> bytes:
    """Pack members, in the order given, into the bytes of a bundle.

    Raises:
        IntegrityError: A name is not allowed, or there is more than a reader would accept.
    """
    parts: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name, data in members.items():
        _check_name(name)
        crc = zlib.crc32(data)
        header = _local_header(name, crc, len(data))
        directory.append(_central_header(name, crc, len(data), offset))
        parts += [header, data]
        offset += len(header) + len(data)
    packed = b"".join([*parts, *directory, _end_record(directory, offset)])
    if len(packed) > MAX_BUNDLE_BYTES or len(directory) > MAX_MEMBERS:
        raise IntegrityError(
            f"the bundle would hold {len(directory)} members in {len(packed):,} bytes, "
            f"expected at most {MAX_MEMBERS} in {MAX_BUNDLE_BYTES:,}: leave some engines or golden frames out"
        )
    return packed


def unpack(data: bytes) -> dict[str, memoryview]:
    """Take a bundle's bytes apart.

    Returns:
        The members in the file's order, as views of `data`.

    Raises:
        IntegrityError: `data` is not exactly what `pack` writes; the message does not name the file.
    """
    if not data.startswith(b"PK\x03\x04"):
        found = f"begins with {data[:4].hex(' ')}" if data else "is empty"
        raise IntegrityError(f"{found}, expected an edgeenh bundle, which is a ZIP file: {REMEDY}")
    members: dict[str, memoryview] = {}
    directory: list[bytes] = []
    offset = 0
    while data.startswith(b"PK\x03\x04", offset):
        name, crc, body = _read_member(data, offset)
        if name in members:
            raise IntegrityError(f"holds the member {name} twice, expected every name once: {REMEDY}")
        if len(members) == MAX_MEMBERS:
            raise IntegrityError(f"holds more than {MAX_MEMBERS} members: {REMEDY}")
        members[name] = body
        directory.append(_central_header(name, crc, len(body), offset))
        offset += len(_local_header(name, crc, len(body))) + len(body)
    _check_directory(data, directory, offset)
    return members


def _read_member(data: bytes, offset: int) -> tuple[str, int, memoryview]:
    """Name, CRC-32 and content of the member whose local header is at `offset`."""
    if offset + _LOCAL.size > len(data):
        raise IntegrityError(f"ends in the middle of a member's header at byte {offset}: {REMEDY}")
    _, _, flags, method, _, _, crc, packed, size, name_length, _ = _LOCAL.unpack_from(data, offset)
    start = offset + _LOCAL.size + name_length
    name = data[offset + _LOCAL.size : start].decode("utf-8", errors="backslashreplace")
    _check_name(name)
    if method != 0 or flags != 0 or packed != size:
        raise IntegrityError(
            f"member {name} is compressed, encrypted or streamed, expected it stored as it is: {REMEDY}"
        )
    if data[offset:start] != _local_header(name, crc, size):
        raise IntegrityError(f"member {name} has a header that edgeenh does not write; damaged or repacked: {REMEDY}")
    body = memoryview(data)[start : start + size]
    if len(body) != size:
        raise IntegrityError(f"ends after {len(body):,} bytes of member {name}, expected {size:,}: {REMEDY}")
    found = zlib.crc32(body)
    if found != crc:
        raise IntegrityError(f"member {name} has the CRC-32 {found:08x}, expected {crc:08x}: {REMEDY}")
    return name, crc, body


def _check_directory(data: bytes, directory: list[bytes], offset: int) -> None:
    expected = b"".join([*directory, _end_record(directory, offset)])
    found = memoryview(data)[offset:]
    if found == expected:
        return
    position = offset
    for header in directory:
        if found[position - offset :][: len(header)] != header:
            name = header[_CENTRAL.size :].decode("ascii")
            link = _is_link(data, position)
            what = (
                "is a link, expected a plain file"
                if link
                else "is described otherwise in the ZIP's directory than where it is stored"
            )
            raise IntegrityError(f"member {name} {what}; damaged or repacked: {REMEDY}")
        position += len(header)
    raise IntegrityError(
        f"ends with {len(data) - offset:,} bytes of directory, expected {len(expected):,} of fixed content: {REMEDY}"
    )


def _is_link(data: bytes, position: int) -> bool:
    """Whether the directory entry at `position` carries the Unix type of a symbolic link."""
    if position + _CENTRAL.size > len(data):
        return False
    attributes: int = _CENTRAL.unpack_from(data, position)[15]
    return attributes >> 28 == 0o12


def _check_name(name: str) -> None:
    if len(name) > _MAX_NAME or not MEMBER_NAME.fullmatch(name):
        shown = ascii(name[:_MAX_NAME])
        raise IntegrityError(
            f"member {shown} has a name that is not allowed, expected a plain relative path without '..': {REMEDY}"
        )


def _local_header(name: str, crc: int, size: int) -> bytes:
    encoded = name.encode("ascii")
    return _LOCAL.pack(b"PK\x03\x04", 20, 0, 0, _TIME, _DATE, crc, size, size, len(encoded), 0) + encoded


def _central_header(name: str, crc: int, size: int, offset: int) -> bytes:
    encoded = name.encode("ascii")
    versions = (_MADE_BY_UNIX, 20)
    lengths = (len(encoded), 0, 0, 0, 0)  # name, extra field, comment, disk, internal attributes
    return (
        _CENTRAL.pack(b"PK\x01\x02", *versions, 0, 0, _TIME, _DATE, crc, size, size, *lengths, _PLAIN_FILE, offset)
        + encoded
    )


def _end_record(directory: list[bytes], offset: int) -> bytes:
    size = sum(map(len, directory))
    return _END.pack(b"PK\x05\x06", 0, 0, len(directory), len(directory), size, offset, 0)
