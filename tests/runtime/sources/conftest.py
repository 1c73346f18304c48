"""Small videos and pictures, and small servers: motion JPEG over HTTP, and RTSP that hands on what ffmpeg sends."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeenh.sources.packed import PACKINGS
from edgeenh.stream import ManualClock

WriteVideo = Callable[..., Path]


def _slow_pack(values: list[int], name: str) -> bytes:
    """Bit by bit, as the standards draw it."""
    bits = PACKINGS[name].bits
    if name.endswith("p"):  # one stream, lowest bit first
        stream = [value >> place & 1 for value in values for place in range(bits)]
        stream += [0] * (-len(stream) % 8)
        return bytes(sum(bit << i for i, bit in enumerate(stream[at : at + 8])) for at in range(0, len(stream), 8))
    out = bytearray()
    low = bits - 8
    for at in range(0, len(values), 2):
        pair = values[at : at + 2]
        shared = sum((value & ((1 << low) - 1)) << 4 * place for place, value in enumerate(pair))
        out += bytes([pair[0] >> low, shared, *(value >> low for value in pair[1:])])
    return bytes(out)


@pytest.fixture(scope="session")
def pack() -> Callable[[list[int], str], bytes]:
    """pack(values, name): a packed picture, written in another way than it is read."""
    return _slow_pack


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_000)


@pytest.fixture
def image() -> NDArray[np.uint8]:
    """A picture whose left half is red and whose right half is blue."""
    image = np.zeros((32, 48, 3), np.uint8)
    image[:, :24, 0], image[:, 24:, 2] = 200, 200
    return image


@pytest.fixture
def write_video(tmp_path: Path) -> WriteVideo:
    """Write `frames` frames of red left and blue right; frame k has a white column at k."""

    def write(name: str = "clip.mp4", frames: int = 20, codec: str = "mp4v") -> Path:
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), 25.0, (96, 64))
        noise = np.random.default_rng(7).integers(0, 40, (64, 96, 3), np.uint8)
        for index in range(frames):
            bgr = noise.copy()
            bgr[:, :48, 2] += 180
            bgr[:, 48:, 0] += 180
            bgr[:, index : index + 2] = 255
            writer.write(bgr)
        writer.release()
        return path

    return write


@pytest.fixture
def serve_motion_jpeg() -> type[MotionJpegServer]:
    return MotionJpegServer


@pytest.fixture
def serve_rtsp() -> type[RtspServer]:
    return RtspServer


Parts = Callable[[Callable[[bytes], None]], None]


class MotionJpegServer:
    """Serves what `parts` sends, a JPEG at a time, to everyone who asks.

    Args:
        parts: Gets a function that sends one picture; when it returns, the connection ends.
        port: 0 = any that is free.
    """

    def __init__(self, parts: Parts, port: int = 0) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()

                def send(data: bytes) -> None:
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                    self.wfile.write(head.encode() + data + b"\r\n")

                with contextlib.suppress(OSError):  # whoever asked went away
                    parts(send)

            def log_message(self, *words: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/stream.mjpg"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class RtspServer:
    """RTSP over TCP (RFC 2326, interleaved) for one client; the packets are those of an ffmpeg that sends RTP to us.

    Args:
        folder: Where ffmpeg writes the description of the session.
    """

    def __init__(self, folder: Path) -> None:
        self._packets = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._packets.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._packets.bind(("127.0.0.1", 0))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rtsp://user:secret@127.0.0.1:{self._listener.getsockname()[1]}/live"
        sdp = folder / "session.sdp"
        target = f"rtp://127.0.0.1:{self._packets.getsockname()[1]}"
        words = (
            "-v error -re -f lavfi -i testsrc=size=96x64:rate=25 -c:v libx264 -tune zerolatency -g 10 -pix_fmt yuv420p"
        )
        ffmpeg = shutil.which("ffmpeg") or "ffmpeg"
        self._sender = subprocess.Popen([ffmpeg, *words.split(), "-f", "rtp", "-sdp_file", str(sdp), target])
        self._packets.recv(2000)  # the description is written before the first packet
        self._sdp = re.sub(r"m=video \d+", "m=video 0", sdp.read_text()).strip() + "\r\na=control:track1\r\n"
        self._client: socket.socket | None = None
        threading.Thread(target=self._serve, daemon=True).start()

    def drop(self) -> None:
        """Break the connection, as a camera that restarts."""
        if self._client is not None:
            with contextlib.suppress(OSError):  # it is broken already
                self._client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._sender.kill()
        self._sender.wait()
        self._listener.close()
        self.drop()
        self._packets.close()

    def _serve(self) -> None:
        try:
            while True:
                self._client, _ = self._listener.accept()
                self._talk(self._client)
        except OSError:
            return  # closed

    def _talk(self, client: socket.socket) -> None:
        try:
            for request in iter(lambda: self._request(client), ""):
                if request.startswith("PLAY"):
                    while True:
                        packet = self._packets.recv(65536)
                        client.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)
        except OSError:
            client.close()

    def _request(self, client: socket.socket) -> str:
        text = ""
        while "\r\n\r\n" not in text:
            part = client.recv(4096).decode(errors="replace")
            if not part:
                return ""
            text += part
        sequence = re.search(r"CSeq: (\d+)", text)
        assert sequence is not None
        lines = [
            "RTSP/1.0 200 OK",
            f"CSeq: {sequence[1]}",
            "Session: 1",
            "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN",
        ]
        body = ""
        if text.startswith("DESCRIBE"):
            body = self._sdp
            lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
        if text.startswith("SETUP"):
            lines.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        client.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        return text
