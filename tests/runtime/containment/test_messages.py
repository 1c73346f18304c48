from __future__ import annotations

import fcntl
import os
import resource
import socket
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeenh.containment.frame_memory import FrameMemory, memory_file
from edgeenh.containment.messages import LONGEST, FrameHeader, Kind, Message, receive, send, to_json, written
from edgeenh.errors import IntegrityError, OutputFailed

Pair = tuple[socket.socket, socket.socket]


def _pair() -> Pair:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


@given(st.sampled_from(Kind), st.integers(0, 2**64 - 1), st.binary(max_size=2000))
def test_a_message_arrives_as_it_was_sent(kind: Kind, number: int, body: bytes) -> None:
    ours, theirs = _pair()
    with ours, theirs:
        send(ours, kind, number, body)
        assert receive(theirs) == Message(kind, number, body)


@given(st.binary(min_size=1, max_size=64))
def test_any_bytes_are_a_message_or_refused(packet: bytes) -> None:
    ours, theirs = _pair()
    with ours, theirs:
        ours.send(packet)
        try:
            message = receive(theirs)
        except IntegrityError as exc:
            assert len(packet) < 9 or packet[0] not in set(Kind)
            assert "no message" in str(exc)  # noqa: PT017
        else:
            assert message is not None
            assert message.kind == packet[0]
            for reading in (message.document, message.written):
                try:
                    reading()
                except IntegrityError:
                    assert reading == message.document


@given(st.builds(
    FrameHeader, st.floats(0, 1), st.integers(1, 8192), st.integers(1, 8192), st.sampled_from([0, 1, 3]),
    st.sampled_from([1, 2]), st.integers(8, 16),
))  # fmt: skip
def test_a_frame_header_comes_back(header: FrameHeader) -> None:
    assert FrameHeader.unpack(header.pack()) == header
    assert len(header.shape) == (3 if header.channels else 2)


def test_the_end_of_the_other_process_is_no_message() -> None:
    ours, theirs = _pair()
    theirs.close()
    with ours:
        assert receive(ours) is None


def test_a_descriptor_travels_and_the_bytes_written_are_read_back() -> None:
    ours, theirs = _pair()
    fd = memory_file("test", 5, memoryview(b"hello"))
    with ours, theirs:
        send(ours, Kind.MEMORY, 0, to_json(capacity=5), (fd,))
        message = receive(theirs)
    assert message is not None
    assert message.document() == {"capacity": 5}
    assert os.pread(message.fds[0], 9, 0) == b"hello"
    assert not os.get_inheritable(message.fds[0])
    for each in (fd, *message.fds):
        os.close(each)
    assert Message(Kind.DONE, 1, written(77)).written() == 77
    assert Message(Kind.DONE, 1, b"").written() == -1
    assert LONGEST > 4000


def test_frame_memory_has_no_name_and_a_size_that_nobody_can_change() -> None:
    before = set(Path("/dev/shm").iterdir())
    memory = FrameMemory.create(100)
    assert set(Path("/dev/shm").iterdir()) == before
    for size in (0, 1 << 20):
        with pytest.raises(OSError, match="not permitted"):
            os.ftruncate(memory.fd, size)
    with pytest.raises(OSError, match="not permitted"):
        fcntl.fcntl(memory.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
    memory.slot(0, (5, 5, 3), "uint8")[...] = 7
    memory.slot(1, (5, 5), "uint16")[...] = 9
    assert (memory.slot(0, (5, 5, 3), "uint8") == 7).all()
    other = FrameMemory(os.dup(memory.fd), memory.capacity)
    assert (other.slot(1, (5, 5), "uint16") == 9).all()
    kept = memory.slot(0, (5, 5, 3), "uint8")
    memory.close()
    other.close()
    assert np.array_equal(kept, np.full((5, 5, 3), 7))  # a view outlives the file


def test_no_memory_left_is_said_in_our_words() -> None:
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, former[1]))
    try:
        with pytest.raises(OutputFailed, match="there are no 1,048,576 bytes of memory for test"):
            memory_file("test", 1 << 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
