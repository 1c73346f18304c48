"""Health, events, frames and metrics of a station with a stream."""

from __future__ import annotations

import json
import os
import shutil
import struct
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeenh.frames import EnhancedFrame, Frame, PassthroughReason, Status
from edgeenh.station.news import News
from edgeenh.station.view import View

from .conftest import Running, Start

FRAME = Path(__file__).parents[3] / "export" / "edgeenh_export" / "frames" / "bright-frontal.png"


def unpack(body: bytes) -> tuple[dict[str, Any], Any, Any]:
    assert body[:4] == b"EEF1"
    [length] = struct.unpack(">I", body[4:8])
    head = json.loads(body[8 : 8 + length])
    first = 8 + length
    before, after = body[first : first + head["before_bytes"]], body[first + head["before_bytes"] :]
    assert len(after) == head["after_bytes"]
    return head, *(cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR) for one in (before, after))


@pytest.fixture
def streaming(start: Start) -> Running:
    return start(sources=("synthetic:64x48@20",))


def next_frame(running: Running, after: int = 0) -> tuple[dict[str, Any], Any, Any]:
    while (reply := running.ask("GET", f"/v1/frame?after={after}")).status == 204:
        assert "state" in json.loads(reply.headers["x-edgeenh-stream"])
    assert reply.status == 200, reply.body
    return unpack(reply.body)


def test_a_frame_carries_its_own_status(streaming: Running) -> None:
    head, before, after = next_frame(streaming)
    assert before.shape == after.shape == (48, 64, 3)
    assert head["status"] == "ENHANCED" or head["reason"]
    assert head["age_ms"] >= 0
    later, *_ = next_frame(streaming, head["number"])
    assert later["number"] > head["number"]
    assert later["sequence"] > head["sequence"]


def test_a_station_without_a_frame_says_so(start: Start) -> None:
    running = start(sources=("synthetic:64x48@20",))
    running.station.lanes.group.stop()
    running.station.lanes.lanes[0].view.close()
    reply = running.ask("GET", "/v1/frame?after=999999")
    assert reply.status == 204
    assert "state" in json.loads(reply.headers["x-edgeenh-stream"])


def test_what_is_not_there_is_404(streaming: Running) -> None:
    for path in ("/v1/frame?stream=other", "/v1/state?stream=../x", "/nothing", "/v2/models/other"):
        reply = streaming.ask("GET", path)
        assert reply.status == 404
        assert reply.json["error"]


def test_state_info_ready_and_metrics_agree(streaming: Running) -> None:
    next_frame(streaming)
    info = streaming.ask("GET", "/v1/info").json
    [stream] = info["streams"]
    state = streaming.ask("GET", f"/v1/state?stream={stream['name']}").json
    assert state["accounting"]["holds"]
    assert state["accounting"]["captured"] >= 1
    assert info["model"]["id"] == streaming.station.model.bundle.manifest.id
    metrics = streaming.ask("GET", "/metrics")
    assert b'edgeenh_frames_captured_total{source="synthetic:64x48@20"}' in metrics.body
    live = streaming.ask("GET", "/live")
    assert (live.status, live.json["ok"]) == (200, True)
    ready = streaming.ask("GET", "/ready")
    assert ready.json["ok"] == (ready.status == 200)


def test_events_arrive_with_numbers_and_can_be_resumed(running: Running) -> None:
    import http.client

    running.station.tell("first", "the first – ünïcode")
    running.station.tell("second", "the second")
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    connection.request("GET", "/v1/events", headers={"Last-Event-ID": str(running.station.news.last - 1)})
    answer = connection.getresponse()
    assert answer.getheader("content-type", "").startswith("text/event-stream")
    lines = iter(answer.readline, b"")
    data = next(line for line in lines if line.startswith(b"data:"))
    assert json.loads(data[5:])["kind"] == "second"
    running.station.tell("third", "as it happens")
    data = next(line for line in lines if line.startswith(b"data:"))
    assert json.loads(data[5:])["kind"] == "third"
    connection.close()


def test_events_that_are_gone_are_counted() -> None:
    news = News(kept=3)
    for number in range(10):
        news.add("kind", str(number))
    found = news.since(2)
    assert [number for number, _ in found] == [7, 8, 9, 10]
    assert found[0][1]["kind"] == "events_lost"
    assert "5 older" in found[0][1]["detail"]
    assert news.since(10) == []


def frame_of(image: Any, bits: int = 8, **changes: Any) -> EnhancedFrame:
    frame = Frame(image, "s", 3, 1_000_000, bits=bits)
    made: dict[str, Any] = {
        "image": image, "original": frame, "status": Status.PASSTHROUGH, "reason": PassthroughReason.WORKER_DIED,
        "detail": "the worker died", "started_ns": 2_000_000, "finished_ns": 3_000_000, "provenance": None, **changes,
    }  # fmt: skip
    return EnhancedFrame(**made)


@pytest.mark.parametrize(("dtype", "bits"), [(np.uint8, 8), (np.uint16, 12), (np.uint16, 16)])
def test_grey_of_any_depth_is_shown(dtype: Any, bits: int) -> None:
    import asyncio

    view = View("s", lambda: 5_000_000)
    image = np.full((20, 30), (1 << bits) - 1, dtype)

    async def look() -> Any:
        asking = asyncio.create_task(view.after(0, 30))
        await asyncio.sleep(0)
        view.write(frame_of(image, bits))
        return await asking

    shot = asyncio.run(look())
    view.close()
    assert (shot.about["status"], shot.about["reason"]) == ("PASSTHROUGH", "worker_died")
    assert cv2.imdecode(np.frombuffer(shot.after, np.uint8), cv2.IMREAD_UNCHANGED).min() >= 254


def test_nothing_is_copied_while_nobody_looks() -> None:
    view = View("s", lambda: 5_000_000)
    view.write(frame_of(np.zeros((20, 30, 3), np.uint8)))
    assert view._images is None
    view.close()
    assert not any(thread.name == "edgeenh-view" and thread is view._encoder for thread in threading.enumerate())


def test_a_source_whose_path_is_no_utf8_is_told_of_all_the_same(start: Start, tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    os.mkdir(folder)  # noqa: PTH102 (the name is bytes that no text has)
    shutil.copy(FRAME, folder)
    running = start(sources=(folder,))
    for path in ("/v1/info", "/v1/state", "/live", "/ready", "/metrics"):
        assert running.ask("GET", path).status in (200, 503), path
