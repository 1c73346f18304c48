"""What the stream's process and its worker say to each other, one message per packet of a Unix socket.

A message is a kind, a number and a body. An answer carries the number of its request, so an answer that comes late can
never be taken for that of a newer frame. Frames themselves do not go through the socket, but through `FrameMemory`.

    kind      body                              answered by
    OPEN      JSON; the bundle as a memfd       OPENED, or FAILED
    MEMORY    JSON; frame memory as a memfd     nothing: the next RUN uses it
    PREPARE   JSON                              READY with JSON, or FAILED
    RUN       `FrameHeader`                     DONE with the number of bytes written, or FAILED
    PLAY      JSON: a fault to play             nothing
    FAILED    JSON: class and text of an error
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from enum import IntEnum
from typing import Any, NamedTuple

from edgeenh.errors import IntegrityError

LONGEST = 32_768
"""Bytes of the longest message; an error's text is cut to fit."""

_HEAD = struct.Struct("<BQ")
_FRAME = struct.Struct("<dIIBBB")
_WRITTEN = struct.Struct("<Q")


class Kind(IntEnum):
    """What a message is."""

    OPEN = 1
    MEMORY = 2
    PREPARE = 3
    RUN = 4
    PLAY = 5
    OPENED = 11
    READY = 12
    DONE = 13
    FAILED = 14


class Message(NamedTuple):
    """One received message; `fds` belong to the receiver."""

    kind: Kind
    number: int
    body: bytes
    fds: tuple[int, ...] = ()

    def document(self) -> dict[str, Any]:
        """The body as JSON.

        Raises:
            IntegrityError: It is none.
        """
        try:
            document = json.loads(self.body)
        except ValueError as exc:
            raise IntegrityError(f"the body of {self.kind.name} is not JSON: the other process is broken") from exc
        if not isinstance(document, dict):
            raise IntegrityError(f"the body of {self.kind.name} is no JSON object: the other process is broken")
        return document

    def written(self) -> int:
        """The bytes that DONE says were written; -1 when it does not say so properly."""
        return int(_WRITTEN.unpack(self.body)[0]) if len(self.body) == _WRITTEN.size else -1


class FrameHeader(NamedTuple):
    """What a frame in the frame memory is: `channels` 0 = [H,W], otherwise [H,W,channels]; uint8 or uint16."""

    strength: float
    height: int
    width: int
    channels: int
    itemsize: int
    bits: int

    def pack(self) -> bytes:
        """The body of RUN."""
        return _FRAME.pack(*self)

    @classmethod
    def unpack(cls, body: bytes) -> FrameHeader:
        """The header in the body of RUN."""
        return cls(*_FRAME.unpack(body))

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return (self.height, self.width, self.channels)[: 3 if self.channels else 2]

    @property
    def dtype(self) -> str:
        """The array's type, in NumPy's word."""
        return {1: "uint8", 2: "uint16"}[self.itemsize]


def written(nbytes: int) -> bytes:
    """The body of DONE."""
    return _WRITTEN.pack(nbytes)


def to_json(**values: Any) -> bytes:
    """A JSON body."""
    return json.dumps(values).encode()


def send(channel: socket.socket, kind: Kind, number: int, body: bytes = b"", fds: Sequence[int] = ()) -> None:
    """Send one message.

    Raises:
        OSError: The other process is gone.
    """
    packet = _HEAD.pack(kind, number) + body
    if fds:
        socket.send_fds(channel, [packet], list(fds))
    else:
        channel.send(packet)


def receive(channel: socket.socket) -> Message | None:
    """The next message, waited for as long as the channel's time-out says; None when the other process is gone.

    Raises:
        TimeoutError: None came in time.
        IntegrityError: What came is no message.
    """
    try:
        packet, fds, _flags, _address = socket.recv_fds(channel, LONGEST, 1)
    except ConnectionError:
        return None
    if not packet:
        return None
    for fd in fds:
        os.set_inheritable(fd, False)  # noqa: FBT003 – recv_fds ignores the flag that would have done it
    try:
        kind, number = _HEAD.unpack_from(packet)
        return Message(Kind(kind), number, packet[_HEAD.size :], tuple(fds))
    except (struct.error, ValueError) as exc:
        close_all(fds)
        raise IntegrityError(f"{len(packet)} bytes came that are no message: the other process is broken") from exc


def close_all(fds: Sequence[int]) -> None:
    """Close file descriptors; one that is closed already is none of our business."""
    for fd in fds:
        with suppress(OSError):
            os.close(fd)
