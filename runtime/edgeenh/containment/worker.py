"""The worker process: one enhancer, one frame at a time, until its parent is gone.

It is started by `edgeenh.containment.process` and imports the backend library, which the parent never does. It holds no
state that matters: it may be killed at any moment.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh.containment.faults import AFTER, Player, spoil
from edgeenh.containment.frame_memory import FrameMemory
from edgeenh.containment.messages import (
    FrameHeader,
    Kind,
    Message,
    close_all,
    receive,
    send,
    to_json,
    written,
)
from edgeenh.errors import EdgeenhError, IntegrityError

if TYPE_CHECKING:
    from edgeenh.enhancer import Enhancer

_PR_SET_PDEATHSIG = 1
_TEXT = 4000
_NOTICES = 6  # of one size: a message holds no more, and there are no more backends


def main(arguments: Sequence[str]) -> None:
    """Serve the socket with the file descriptor `arguments[0]` of the parent process `arguments[1]`."""
    die_with_parent(int(arguments[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Worker(socket.socket(fileno=int(arguments[0]))).serve()


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the parent's thread that started it ends (prctl(2), PR_SET_PDEATHSIG).

    The end of the socket would say the same, but not to a worker that hangs or is stopped.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it was gone before the kernel knew
        os._exit(1)


class Worker:
    """Answers one message after another."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._enhancer: Enhancer | None = None
        self._memory: FrameMemory | None = None
        self._player = Player()
        self._rest_s = 0.0
        self._large: dict[tuple[int, int], float] = {}  # sizes above `LARGE_FRAME`: when they were last asked for
        self._handlers = {
            Kind.OPEN: self._open,
            Kind.MEMORY: self._share,
            Kind.PREPARE: self._prepare,
            Kind.RUN: self._run,
            Kind.PLAY: self._play,
        }

    def serve(self) -> None:
        """Serve until the parent closes its end; never raises."""
        while (message := self._next()) is not None:
            try:
                self._handlers[message.kind](message)
            except Exception as exc:
                name = type(exc).__name__ if isinstance(exc, EdgeenhError) else ""
                text = str(exc) if name else f"{type(exc).__name__}: {exc}"
                send(self._channel, Kind.FAILED, message.number, to_json(error=name, text=text[:_TEXT]))
            finally:
                close_all(message.fds)
        os._exit(0)  # at once: a library that hangs while it is unloaded shall keep nobody waiting

    def _next(self) -> Message | None:
        """The next message; meanwhile, what large frames took that come no more is given back."""
        while self._large:
            now = time.monotonic()
            for size in [size for size, at in self._large.items() if now - at >= self._rest_s]:
                del self._large[size]
                self._opened().give_back(*size)
            left = min((at + self._rest_s - now for at in self._large.values()), default=None)
            if select.select([self._channel], [], [], left)[0]:
                break
        return receive(self._channel)

    def _note(self, height: int, width: int) -> None:
        from edgeenh.backends.base import LARGE_FRAME

        info = self._opened().info
        # An engine of a GPU takes longer to open again than a frame may take.
        if height * width > LARGE_FRAME and info is not None and info.device.startswith("CPU"):
            self._large[height, width] = time.monotonic()

    def _open(self, message: Message) -> None:
        from edgeenh.bundle import Bundle
        from edgeenh.enhancer import Enhancer

        asked = message.document()
        os.nice(asked["nice"])
        self._rest_s = float(asked["rest_s"])
        with open(message.fds[0], "rb", closefd=False) as file:
            file.seek(0)
            bundle = Bundle.from_bytes(file.read(), Path(asked["path"]))
        if bundle.sha256 != asked["sha256"]:
            raise IntegrityError(f"the worker got another bundle than {asked['path']}: this is a bug in edgeenh")
        for fault in asked["faults"]:
            self._player.add(fault)
            self._player.before()
        self._enhancer = Enhancer(
            bundle,
            backend=asked["backend"],
            precision=asked["precision"],
            threads=asked["threads"],
            device=asked["device"],
            cache_dir=Path(asked["cache_dir"]) if asked["cache_dir"] else None,
        )
        send(self._channel, Kind.OPENED, message.number)

    def _share(self, message: Message) -> None:
        capacity = message.document()["capacity"]
        if self._memory is not None:
            self._memory.close()
        self._memory = FrameMemory(os.dup(message.fds[0]), capacity)

    def _prepare(self, message: Message) -> None:
        enhancer, size = self._opened(), message.document()
        height, width = size["height"], size["width"]
        info = enhancer.prepare(height, width)
        answer: dict[str, Any] = {"info": asdict(info), "frame_s": self._time(enhancer, height, width)}
        self._note(height, width)
        answer["notices"] = [notice.detail[:_TEXT] for notice in enhancer.notices][-_NOTICES:]
        enhancer.notices.clear()
        if enhancer.choice is not None:
            answer["accepted"] = [
                [one.backend, one.precision]
                for one in sorted(enhancer.choice.report.candidates, key=lambda one: one.latency_ms or 0.0)
                if one.accepted
            ]
        send(self._channel, Kind.READY, message.number, to_json(**answer))

    def _time(self, enhancer: Enhancer, height: int, width: int) -> float:
        """Seconds that a black frame takes: what a hang is told from."""
        import numpy as np

        pixels = enhancer.pixels
        black = np.zeros(pixels.shape(height, width), "uint8" if pixels.dtype == "uint8" else "uint16")
        out = np.empty_like(black)
        started = time.monotonic()
        enhancer.enhance_into(black, out)
        return time.monotonic() - started

    def _run(self, message: Message) -> None:
        header, memory = FrameHeader.unpack(message.body), self._memory
        if memory is None:
            raise IntegrityError("a frame came before its memory: this is a bug in edgeenh")
        image, out = (memory.slot(number, header.shape, header.dtype) for number in (0, 1))
        fault = self._player.before()
        former = out.copy() if fault and fault.kind in AFTER else out
        self._opened().enhance_into(image, out, header.strength, bits=header.bits)
        self._note(header.height, header.width)
        send(self._channel, Kind.DONE, message.number, written(spoil(fault, out, former)))

    def _play(self, message: Message) -> None:
        self._player.add(message.document())

    def _opened(self) -> Enhancer:
        if self._enhancer is None:
            raise IntegrityError("the worker was asked before it was opened: this is a bug in edgeenh")
        return self._enhancer


if __name__ == "__main__":
    main(sys.argv[1:])
