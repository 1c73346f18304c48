"""The preview in a browser, by its HTTP: what is shown is live, and says what it is."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from edgeenh.errors import UsageError
from edgeenh.frames import EnhancedFrame, PassthroughReason
from edgeenh.sinks import open_sink
from edgeenh.sinks.preview import CLIENTS, PreviewSink
from edgeenh.stream import ManualClock

MakeFrame = Callable[..., EnhancedFrame]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(10**9)


@pytest.fixture
def sink(clock: ManualClock) -> Iterator[PreviewSink]:
    opened = open_sink("preview:0", fps=30, clock=clock)
    assert isinstance(opened, PreviewSink)
    yield opened
    opened.close()


def get(sink: PreviewSink, path: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(*sink.address, timeout=30)
    connection.request("GET", path)
    return connection.getresponse()


@contextmanager
def watching(sink: PreviewSink) -> Iterator[Callable[[], tuple[dict[str, str], bytes]]]:
    """A watcher: a function that gives the next part of the stream."""
    connection = http.client.HTTPConnection(*sink.address, timeout=30)
    connection.request("GET", "/stream.mjpg")
    answer = connection.getresponse()
    assert answer.status == 200

    def part() -> tuple[dict[str, str], bytes]:
        assert answer.readline() == b"--edgeenh-frame\r\n"
        headers: dict[str, str] = {}
        while (line := answer.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            headers[name] = value.strip()
        jpeg = answer.read(int(headers["Content-Length"]))
        answer.read(2)
        return headers, jpeg

    try:
        yield part
    finally:
        answer.close()
        connection.close()


@contextmanager
def writing(sink: PreviewSink, frames: Callable[[int], EnhancedFrame]) -> Iterator[None]:
    """Frames that come while the block runs."""
    ended = threading.Event()

    def run() -> None:
        number = 0
        while not ended.wait(0.005):
            sink.write(frames(number))
            number += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_every_part_says_what_it_is_in_its_header_and_its_picture(sink: PreviewSink, make_frame: MakeFrame) -> None:
    made = make_frame(7, size=(320, 200))
    failed = make_frame(8, size=(320, 200), reason=PassthroughReason.WORKER_DIED)
    for frame, status, reason, colour in ((made, "ENHANCED", "", 1), (failed, "PASSTHROUGH", "worker_died", 2)):
        with watching(sink) as part, writing(sink, lambda _, frame=frame: frame):  # type: ignore[misc]
            headers, jpeg = part()
        assert (headers["X-Edgeenh-Status"], headers["X-Edgeenh-Reason"]) == (status, reason)
        assert headers["X-Edgeenh-Sequence"] == str(frame.original.sequence)
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (228, 320, 3)
        assert int(picture[2:26, 300:].reshape(-1, 3).mean(axis=0).argmax()) == colour  # green, or red


def test_a_stream_that_is_dead_is_told_and_no_old_picture_shown(
    sink: PreviewSink, clock: ManualClock, make_frame: MakeFrame
) -> None:
    with watching(sink) as part:
        with writing(sink, lambda _: make_frame(0)):
            assert part()[0]["X-Edgeenh-Status"] == "ENHANCED"
            assert json.load(get(sink, "/status.json"))["live"] is True
        clock.advance(1001)
        while (found := part())[0]["X-Edgeenh-Status"] != "DEAD":
            pass
        state = json.load(get(sink, "/status.json"))
        assert (state["live"], state["age_ms"] >= 1001) == (False, True)
        picture = cv2.imdecode(np.frombuffer(found[1], np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (240, 480, 3)
        answer = get(sink, "/frame.jpg")
        assert (answer.status, answer.getheader("X-Edgeenh-Status")) == (503, "DEAD")
        answer.read()
        with writing(sink, lambda _: make_frame(1)):
            while part()[0]["X-Edgeenh-Status"] != "ENHANCED":
                pass


def test_a_new_watcher_never_gets_an_old_picture(sink: PreviewSink, clock: ManualClock, make_frame: MakeFrame) -> None:
    with watching(sink) as part, writing(sink, lambda _: make_frame(0)):
        part()
    clock.advance(60_000)
    with watching(sink) as part:
        assert part()[0]["X-Edgeenh-Status"] == "DEAD"


def test_the_end_is_told(sink: PreviewSink, make_frame: MakeFrame) -> None:
    with watching(sink) as part, writing(sink, lambda _: make_frame(0)):
        part()
        sink.close()
        while (found := part())[0]["X-Edgeenh-Status"] != "DEAD":
            pass
        assert found[1][:2] == b"\xff\xd8"


def test_a_watcher_that_takes_nothing_holds_nothing_up(sink: PreviewSink, make_frame: MakeFrame) -> None:
    large = make_frame(0, size=(1920, 1080))
    with socket.create_connection(sink.address, 30) as stalled, watching(sink) as part:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.sendall(b"GET /stream.mjpg HTTP/1.0\r\nHost: localhost\r\n\r\n")
        with writing(sink, lambda _: large):
            for _ in range(10):  # the other one still gets its pictures
                part()


def test_so_many_watch_and_no_more(sink: PreviewSink) -> None:
    with sink._news:
        sink._watchers = CLIENTS
    answer = get(sink, "/stream.mjpg")
    assert (answer.status, answer.getheader("Retry-After")) == (503, "5")
    answer.read()
    with sink._news:
        sink._watchers = 0


def test_pictures_are_copied_only_while_somebody_watches(sink: PreviewSink, make_frame: MakeFrame) -> None:
    sink.write(make_frame(0))
    assert sink._frame is None
    assert get(sink, "/").read().startswith(b"<!doctype html>")


def test_one_picture_and_grey_of_16_bits(sink: PreviewSink) -> None:
    from edgeenh.frames import Frame, Status

    image = np.full((64, 96), 4095, np.uint16)
    frame = EnhancedFrame(image, Frame(image, "gige:1", 0, 0, "", "grey", 12), Status.ENHANCED, None, "", 0, 0, None)
    with writing(sink, lambda _: frame):
        answer = get(sink, "/frame.jpg")
        picture = cv2.imdecode(np.frombuffer(answer.read(), np.uint8), cv2.IMREAD_COLOR)
    assert (answer.status, answer.getheader("X-Edgeenh-Source")) == (200, "gige:1")
    assert picture[60:].min() >= 250


def test_places_that_cannot_be_used_are_one_line(sink: PreviewSink) -> None:
    with pytest.raises(UsageError, match=f"preview: 127.0.0.1:{sink.address.port} is taken"):
        open_sink(f"preview:{sink.address.port}")
    with pytest.raises(UsageError, match="'preview:x' names no place"):
        open_sink("preview:x")


def test_the_address_is_told(sink: PreviewSink) -> None:
    [notice] = sink.take_notices()
    assert notice.detail.endswith(f"http://127.0.0.1:{sink.address.port}/")
