"""Network streams from real servers in this process, and recordings that PyAV decodes."""

from __future__ import annotations

import builtins
import importlib.util
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeenh.errors import MissingExtra, SourceError, UsageError
from edgeenh.frames import Frame
from edgeenh.sources import open_source
from edgeenh.sources.decoders import AvDecoder, OpenCvDecoder
from edgeenh.sources.network import without_password
from edgeenh.sources.pace import PacedSource
from edgeenh.sources.video import VideoSource
from edgeenh.stream import ManualClock

WriteVideo = Callable[..., Path]

needs_av = pytest.mark.skipif(importlib.util.find_spec("av") is None, reason="PyAV is not installed (extra video)")
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def _ffmpeg(*words: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, words)], check=True)


def _jpeg(index: int) -> bytes:
    image = np.full((48, 64, 3), (30, 60, 200), np.uint8)  # red in BGR
    image[:, index % 60 : index % 60 + 4] = 255
    return cv2.imencode(".jpg", image)[1].tobytes()


def _read(source: Any) -> Frame:
    frame = source.read()
    assert frame is not None
    return frame  # type: ignore[no-any-return]


@needs_av
def test_motion_jpeg_comes_frame_by_frame_and_a_cut_one_is_counted(serve_motion_jpeg: Any) -> None:
    done = threading.Event()

    def parts(send: Callable[[bytes], None]) -> None:
        for index in range(400):
            send(_jpeg(index)[:-30] if index == 5 else _jpeg(index))
        done.wait(10)

    server = serve_motion_jpeg(parts)
    source = open_source(server.url)
    frames = [_read(source) for _ in range(30)]
    assert (source.live, source.size, source.id) == (True, (64, 48), server.url)
    assert [frame.sequence for frame in frames] == list(range(30))
    assert frames[0].image[40, 60, 0] > 150 > 80 > frames[0].image[40, 60, 2]
    assert source.lost_upstream == {"corrupt": 1}
    assert source.notices[0].detail.endswith("after frame 4: a packet is cut short")
    source.interrupt()
    source.close()
    done.set()
    server.close()


@needs_av
def test_a_server_that_ends_is_asked_again(serve_motion_jpeg: Any) -> None:
    asked: list[int] = []
    done = threading.Event()

    def parts(send: Callable[[bytes], None]) -> None:
        asked.append(1)
        for index in range(60):
            send(_jpeg(index))
        if len(asked) > 1:
            done.wait(10)

    server = serve_motion_jpeg(parts)
    source = open_source(server.url)
    while not any(notice.kind == "back" for notice in source.notices):
        _read(source)
    assert [notice.kind for notice in source.notices] == ["lost", "back"]
    assert "is lost: the stream broke off" in source.notices[0].detail
    assert len(asked) == 2
    source.interrupt()
    source.close()
    done.set()
    server.close()


@needs_av
@needs_ffmpeg
def test_rtsp_streams_and_comes_back_and_keeps_its_password(tmp_path: Path, serve_rtsp: Any) -> None:
    server = serve_rtsp(tmp_path)
    source = open_source(server.url)
    try:
        frames = [_read(source) for _ in range(5)]
        assert (source.size, source.live, source.fps) == ((96, 64), True, 25.0)
        assert frames[0].image.std() > 30
        assert [frame.sequence for frame in frames] == list(range(5))
        server.drop()
        while not any(notice.kind == "back" for notice in source.notices):
            _read(source)
        server.close()
        reader = threading.Thread(target=lambda: [None for _ in iter(source.read, None)])
        reader.start()
        while not any(notice.kind == "reopening" for notice in source.notices):
            assert reader.is_alive()
        source.interrupt()
        reader.join(10)
        assert "user:***@" in source.id
        assert "secret" not in source.id + "".join(notice.detail for notice in source.notices)
    finally:
        source.interrupt()
        source.close()
        server.close()


@needs_av
def test_what_does_not_answer_says_so_without_the_password() -> None:
    with pytest.raises(SourceError, match=r"user:\*\*\*@127.0.0.1:9/x cannot be opened .*: check the address") as error:
        open_source("rtsp://user:secret@127.0.0.1:9/x")
    assert "secret" not in str(error.value)
    assert without_password("http://host/a@b:c") == "http://host/a@b:c"


@needs_av
@needs_ffmpeg
def test_a_recording_on_a_server_is_to_be_downloaded(tmp_path: Path) -> None:
    _ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=25", "-frames:v", 5, "-c:v", "mjpeg", tmp_path / "c.avi")
    data = (tmp_path / "c.avi").read_bytes()
    import http.server

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *words: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    with pytest.raises(UsageError, match="is a recording, expected a live stream: download it"):
        open_source(f"http://127.0.0.1:{server.server_address[1]}/c.avi")
    server.shutdown()
    server.server_close()


def test_a_missing_library_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, write_video: WriteVideo, clock: ManualClock
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **options: Any) -> Any:
        if name == "av":
            raise ImportError(name)
        return real(name, *rest, **options)

    path = write_video()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"a network stream needs `pip install 'edgeenh\[video\]'`"):
        open_source("rtsp://127.0.0.1/x")
    source = open_source(path, clock=clock)  # a file goes on with OpenCV, and says what that means
    assert "leaves out damaged frames without counting them" in source.notices[0].detail
    assert _read(source).image.shape == (64, 96, 3)


@needs_av
@needs_ffmpeg
@pytest.mark.parametrize(
    ("matrix", "span"), [("bt709", "tv"), ("smpte170m", "tv"), ("bt709", "pc"), ("smpte170m", "pc"), ("", "")]
)
def test_both_libraries_follow_matrix_and_range(tmp_path: Path, matrix: str, span: str) -> None:
    """The values are computed here; RGB → Y'CbCr by ffmpeg's scaler, told the same matrix."""
    path, colour = tmp_path / "c.mkv", (200, 60, 30)
    cv2.imwrite(str(tmp_path / "p.png"), np.full((64, 96, 3), colour[::-1], np.uint8))
    into = f"scale=out_color_matrix={matrix}:out_range={span}" if matrix else "scale"
    tags = ["-colorspace", matrix, "-color_range", span] if matrix else []
    _ffmpeg("-i", tmp_path / "p.png", "-vf", f"{into},format=yuv444p", *tags, "-c:v", "ffv1", path)
    for decoder in (AvDecoder, OpenCvDecoder):
        decoded = decoder(path).read()
        assert decoded is not None
        assert decoded.image is not None
        assert np.abs(decoded.image[30, 40].astype(int) - colour).max() <= 3, decoder


@needs_av
@needs_ffmpeg
def test_a_recording_that_lies_on_its_side_is_turned(
    tmp_path: Path, write_video: WriteVideo, clock: ManualClock
) -> None:
    flat, turned = write_video("flat.mp4"), tmp_path / "turned.mp4"
    _ffmpeg("-i", flat, "-metadata:s:v", "rotate=90", "-c", "copy", turned)
    by_av, by_cv = (VideoSource(turned, clock, decoder=decoder) for decoder in (AvDecoder, OpenCvDecoder))
    assert by_av.size == by_cv.size == (64, 96)
    assert (_read(by_av).image == _read(by_cv).image).all()


@needs_av
@needs_ffmpeg
def test_a_recording_is_shown_by_its_own_times(tmp_path: Path) -> None:
    path = tmp_path / "variable.mkv"
    times = "setpts='if(lt(N,2),N*0.04,0.52+N*0.12)/TB'"
    _ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "testsrc=size=64x48:rate=25",
        "-frames:v",
        5,
        "-vf",
        times,
        "-vsync",
        "vfr",
        "-c:v",
        "ffv1",
        path,
    )
    clock = ManualClock(jump=True)
    source = open_source(path, clock=clock, pace=True)
    assert isinstance(source, PacedSource)
    stamps = [frame.captured_ns // 1_000_000 for frame in iter(source.read, None)]
    assert stamps == [0, 40, 760, 880, 1000]


@needs_av
def test_a_damaged_packet_costs_what_is_made_of_it_and_nothing_is_shown(
    tmp_path: Path, write_video: WriteVideo, clock: ManualClock
) -> None:
    path = write_video("c.avi", frames=20, codec="MJPG")
    data = bytearray(path.read_bytes())
    frames = [at for at in range(len(data) - 4) if data[at : at + 4] == b"00dc"][:20]
    length = int.from_bytes(data[frames[7] + 4 : frames[7] + 8], "little")
    data[frames[7] + 8 + length // 2 : frames[7] + 8 + length] = bytes(length - length // 2)
    path.write_bytes(data)
    source = open_source(path, clock=clock)
    count = sum(1 for _ in iter(source.read, None))
    assert (count, dict(source.lost_upstream)) == (19, {"corrupt": 1})
    assert "a packet is cut short; damaged frames are left out" in source.notices[0].detail


@needs_av
@needs_ffmpeg
def test_frames_made_of_a_damaged_one_are_not_shown(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "c.mkv"
    _ffmpeg(
        "-f", "lavfi", "-i", "testsrc=size=96x64:rate=25", "-frames:v", 30, "-c:v", "libx264", "-bf", 0, "-g", 10, path
    )
    import av

    out = tmp_path / "damaged.mkv"
    with av.open(str(path)) as given, av.open(str(out), "w") as taken:
        stream = taken.add_stream_from_template(given.streams.video[0])
        for index, packet in enumerate(p for p in given.demux(video=0) if p.size):
            data = bytearray(bytes(packet))
            if index == 12:
                data[4:] = bytes(len(data) - 4)
            copy = av.Packet(bytes(data))
            copy.pts, copy.dts, copy.time_base, copy.stream = packet.pts, packet.dts, packet.time_base, stream
            copy.is_keyframe = packet.is_keyframe
            taken.mux(copy)
    source = open_source(out, clock=clock)
    count = sum(1 for _ in iter(source.read, None))
    assert (count, dict(source.lost_upstream)) == (22, {"corrupt": 8})  # 12 to 19: up to the next key frame
