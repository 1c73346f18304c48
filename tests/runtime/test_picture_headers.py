"""Pictures made to keep the reader busy: millions of empty blocks end in an error, not in a long wait."""

import struct
import zlib

import pytest

from edgeenh.picture_headers import MalformedPictureError, read_header

BLOCKS = 70_000


def _png():
    def block(name, body=b""):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    return b"\x89PNG\r\n\x1a\n" + block(b"IHDR", bytes(13)) + block(b"teXt") * BLOCKS + block(b"IEND")


def _jpeg():
    return b"\xff\xd8" + b"\xff\xe0\0\2" * BLOCKS + b"\xff\xd9"


def _webp():
    return b"RIFF" + struct.pack("<I", 8 * BLOCKS + 4) + b"WEBP" + b"ABCD\0\0\0\0" * BLOCKS


@pytest.mark.parametrize("picture", [_png, _jpeg, _webp])
def test_a_picture_of_too_many_blocks_is_refused(picture):
    with pytest.raises(MalformedPictureError, match="holds more than 65,536 blocks"):
        read_header(picture())


def test_a_jpeg_that_is_all_padding_is_refused():
    with pytest.raises(MalformedPictureError, match="ends in the middle of its header"):
        read_header(b"\xff\xd8" + b"\xff" * 100_000)
