"""The parent's end of one worker process: start it, ask it, kill it. Imports no backend."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeenh import errors
from edgeenh.backends.base import SessionInfo
from edgeenh.containment.frame_memory import FrameMemory, memory_file
from edgeenh.containment.messages import FrameHeader, Kind, Message, close_all, receive, send, to_json
from edgeenh.enhancer import SESSIONS
from edgeenh.errors import BackendUnavailable, EdgeenhError, InferenceFailed, IntegrityError, WorkerFailed
from edgeenh.frames import PassthroughReason
from edgeenh.padding import padded_size
from edgeenh.stream.health import unwritten_mark

if TYPE_CHECKING:
    from edgeenh.bundle import Bundle
    from edgeenh.pixels import Levels

_BOOT = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); from edgeenh.containment.worker import main; main(sys.argv[1:])"

REST_S = 5.0
"""What a frame larger than `LARGE_FRAME` took is given back when none of its size came for so long."""

GONE_S = 0.5
"""How long the end of a killed process is waited for; one that a driver holds in the kernel is left to it."""


class LateError(Exception):
    """A worker did not answer in time; it may still do."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a worker said about one size of frame.

    Attributes:
        info: What its session really uses.
        frame_s: Seconds that one frame took.
        accepted: Backend and precision of all that passed the gate, the fastest first; empty when nothing was chosen.
    """

    info: SessionInfo
    frame_s: float
    accepted: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a worker shall be: see `edgeenh.enhancer.Enhancer`; `nice` is added to its niceness, `rest_s` is as `REST_S`."""

    backend: str
    precision: str | None = None
    threads: int | None = None
    device: str = "auto"
    cache_dir: Path | None = None
    nice: int = 0
    rest_s: float = REST_S


class WorkerProcess:
    """A running worker. One thread asks at a time; `kill` may be called from any.

    Args:
        spawner: Whose thread starts the process. The kernel kills a worker when the *thread* that started it ends, so
            it must outlive the worker.
        tell: Takes kind and detail of what the worker's enhancer has to tell (`Enhancer.notices`).

    Raises:
        BackendUnavailable: No process can be started.
    """

    def __init__(self, spawner: Executor, tell: Callable[[str, str], None] = lambda _kind, _detail: None) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = spawner.submit(_start, theirs.fileno()).result()
        except (OSError, RuntimeError) as exc:
            ours.close()
            raise BackendUnavailable(f"no worker process can be started ({exc}): use --in-process") from exc
        finally:
            theirs.close()
        self._channel, self._number, self._pending = ours, 0, 0
        self._tell = tell
        self._memory: FrameMemory | None = None
        self._multiple = 1
        self.prepared: OrderedDict[tuple[int, int], Prepared] = OrderedDict()
        self.bundle: Bundle | None = None  # what it was given by `open`
        self.frames = 0

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def open(
        self, bundle: Bundle, assignment: Assignment, within_s: float, faults: Sequence[dict[str, Any]] = ()
    ) -> None:
        """Give it the bundle, which it checks again.

        Raises:
            EdgeenhError: What the worker raised, `WorkerFailed` when it ended; `LateError` when it did not answer.
        """
        self._multiple = bundle.manifest.generator.size_multiple
        self.bundle = bundle
        fd = memory_file("edgeenh-bundle", bundle.size, bundle.data)
        try:
            names = ("backend", "precision", "threads", "device", "nice", "rest_s")
            asked = {name: getattr(assignment, name) for name in names}
            body = to_json(
                **asked,
                path=str(bundle.path),
                sha256=bundle.sha256,
                cache_dir=None if assignment.cache_dir is None else str(assignment.cache_dir),
                faults=list(faults),
            )
            self._ask(Kind.OPEN, body, (fd,))
        finally:
            os.close(fd)
        self._answer(Kind.OPENED, within_s)

    def prepare(self, height: int, width: int, within_s: float) -> Prepared:
        """Have it choose, open and warm up for frames of this size. Raises as `open`."""
        self._ask(Kind.PREPARE, to_json(height=height, width=width))
        document = self._answer(Kind.READY, within_s).document()
        try:
            accepted = tuple((str(backend), str(precision)) for backend, precision in document.get("accepted", ()))
            prepared = Prepared(SessionInfo(**document["info"]), float(document["frame_s"]), accepted)
            notices = [str(detail) for detail in document["notices"]]
        except (KeyError, TypeError, ValueError) as exc:
            raise IntegrityError("the worker's answer is not understood: kill it and start another") from exc
        for detail in notices:
            self._tell("engine_notice", detail)
        if len(self.prepared) >= SESSIONS:
            self.prepared.popitem(last=False)  # as the enhancer in the worker does
        self.prepared[self._size(height, width)] = prepared
        return prepared

    def ready_for(self, height: int, width: int) -> Prepared | None:
        """What is prepared for frames of this size; None when nothing is."""
        return self.prepared.get(self._size(height, width))

    def prepared_for(self, height: int, width: int) -> Prepared:
        """What is prepared for frames of this size, which must have been."""
        return self.prepared[self._size(height, width)]

    def run(self, image: Levels, out: Levels, strength: float, bits: int, within_s: float) -> Prepared:
        """Enhance a frame whose size is prepared; one copy in, one copy out.

        Raises:
            LateError: It did not answer in time; `out` is not written, and `await_late` must come before anything else.
            WorkerFailed: It ended.
            EdgeenhError: What the worker raised.
        """
        memory = self._memory_for(image.nbytes)
        channels = image.shape[2] if image.ndim == 3 else 0
        height, width = image.shape[:2]
        header = FrameHeader(strength, height, width, channels, image.itemsize, bits)
        np.copyto(memory.slot(0, image.shape, header.dtype), image)
        result = memory.slot(1, image.shape, header.dtype)
        unwritten_mark(image, result, bits)  # so that the health check sees when a worker only says that it wrote
        self._ask(Kind.RUN, header.pack())
        done = self._answer(Kind.DONE, within_s)
        if done.written() != image.nbytes:
            raise InferenceFailed(f"the worker says {done.written():,} bytes were written, expected {image.nbytes:,}")
        np.copyto(out, result)
        self.frames += 1
        size = self._size(height, width)
        self.prepared.move_to_end(size)
        return self.prepared[size]

    def await_late(self, within_s: float) -> None:
        """Wait for the answer that `run` or `prepare` did not get; it is thrown away. Raises as `run`."""
        with suppress(EdgeenhError):
            self._answer(Kind.DONE, within_s)
        if self._pending:
            raise self._ended()

    def play(self, kind: str, times: int = 1, amount: float = 0.0) -> None:
        """Have it play a fault from its next frame on (see `edgeenh.containment.faults`)."""
        with suppress(OSError):
            send(self._channel, Kind.PLAY, 0, to_json(kind=kind, times=times, amount=amount))

    def memory_bytes(self) -> int:
        """What it holds in memory, from /proc; 0 when it is gone."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        except (OSError, IndexError, ValueError):
            return 0

    def kill(self) -> None:
        """End it at once; whoever waits for an answer gets `WorkerFailed`. Allowed twice, from any thread."""
        self._process.kill()

    def close(self) -> None:
        """Kill it, and give back everything; no other thread may be using it. Closing twice is allowed."""
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GONE_S)
        self._channel.close()
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def _size(self, height: int, width: int) -> tuple[int, int]:
        return padded_size(height, width, self._multiple)

    def _memory_for(self, nbytes: int) -> FrameMemory:
        if self._memory is None or not self._memory.suits(nbytes):
            if self._memory is not None:
                self._memory.close()
            self._memory = FrameMemory.create(nbytes)
            self._send(Kind.MEMORY, 0, to_json(capacity=self._memory.capacity), (self._memory.fd,))
        return self._memory

    def _ask(self, kind: Kind, body: bytes, fds: Sequence[int] = ()) -> None:
        self._number += 1
        self._pending = self._number
        self._send(kind, self._number, body, fds)

    def _send(self, kind: Kind, number: int, body: bytes, fds: Sequence[int] = ()) -> None:
        try:
            send(self._channel, kind, number, body, fds)
        except OSError as exc:
            raise self._ended() from exc

    def _answer(self, expected: Kind, within_s: float) -> Message:
        """The answer to what was asked last; older ones are thrown away."""
        deadline = time.monotonic() + within_s
        while True:
            if (left := deadline - time.monotonic()) <= 0:
                raise LateError
            self._channel.settimeout(left)
            try:
                message = receive(self._channel)
            except TimeoutError:
                raise LateError from None
            except OSError as exc:
                raise self._ended() from exc
            if message is None:
                raise self._ended()
            close_all(message.fds)
            if message.number == self._pending:
                break
        self._pending = 0
        if message.kind is Kind.FAILED:
            raise _raised(message)
        if message.kind is not expected:
            raise IntegrityError(f"the worker answered {message.kind.name}, expected {expected.name}")
        return message

    def _ended(self) -> WorkerFailed:
        """What to raise when it is gone; waits a moment for the kernel to know how it ended."""
        try:
            code = self._process.wait(0.2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return WorkerFailed("the worker process closed its channel", PassthroughReason.WORKER_DIED)
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
        return WorkerFailed(f"the worker process {how}", PassthroughReason.WORKER_DIED)


def _start(fd: int) -> subprocess.Popen[bytes]:
    """A fresh interpreter that sees the modules this one sees; in a session of its own, so that Ctrl-C misses it."""
    import json

    paths = [str(Path(path).absolute()) for path in sys.path if path]
    command = [sys.executable, "-P", "-c", _BOOT, json.dumps(paths), str(fd), str(os.getpid())]
    null = subprocess.DEVNULL
    return subprocess.Popen(
        command, stdin=null, stdout=null, stderr=null, pass_fds=(fd,), start_new_session=True, close_fds=True
    )


def _raised(message: Message) -> EdgeenhError:
    """The error that the worker met, as an error of the same class."""
    document = message.document()
    kind = getattr(errors, str(document.get("error", "")), None)
    text = str(document.get("text", "the worker gave no reason"))
    known = isinstance(kind, type) and issubclass(kind, EdgeenhError) and kind.__init__ is Exception.__init__
    error: EdgeenhError = kind(text) if known and isinstance(kind, type) else InferenceFailed(text)
    if kind is errors.MissingExtra:
        error = BackendUnavailable(text)
    return error
