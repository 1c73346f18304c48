"""The parent's end of a worker: a process that holds one opened backend and answers one request at a time.

Requests and answers are JSON objects, one per line. A worker that crashes, or does not answer in time, ends only
itself.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

OPEN_TIMEOUT_S = 900.0
"""A backend may compile an engine while it opens."""

ANSWER_TIMEOUT_S = 300.0
"""A block of frames or a set of outputs never takes this long on a machine that is of any use."""


class WorkerError(Exception):
    """A worker refused a request, is gone, or gave no answer; the message is one line that says which and why."""


class WorkerProcess:
    """One worker; a context manager that ends the process in any case.

    Args:
        label: What messages call it.
        log: File that takes what the worker and its libraries print; its last line explains a crash.
        command: What to start; None = `python -m edgeenh_bench.worker` with this interpreter.
    """

    def __init__(self, label: str, log: Path, command: list[str] | None = None) -> None:
        self.label = label
        self._log = log
        self._unread = b""
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                command or module_command("edgeenh_bench.worker"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=worker_environment(os.environ),
                start_new_session=True,  # Ctrl-C is for the parent, which then ends its workers
            )

    @property
    def pid(self) -> int:
        """Of the process, also after its end."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, request: Mapping[str, Any], timeout_s: float = ANSWER_TIMEOUT_S) -> dict[str, Any]:
        """Send one request and wait for its answer.

        Raises:
            WorkerError: It could not do it, has crashed, or did not answer within `timeout_s` and was ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError) as exc:
            raise WorkerError(self._epitaph()) from exc
        answer: dict[str, Any] = json.loads(self._line(timeout_s))
        if not answer.pop("ok"):
            raise WorkerError(answer["reason"])
        return answer

    def close(self) -> None:
        """End the process: it leaves by itself when its input ends, and is killed when it does not."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # it is gone already
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _line(self, timeout_s: float) -> bytes:
        assert self._process.stdout is not None
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self._process.stdout], [], [], timeout_s)
            if not ready:
                self._process.kill()
                self._process.wait()
                raise WorkerError(f"the worker gave no answer within {timeout_s:g} s and was ended")
            piece = os.read(self._process.stdout.fileno(), 1 << 16)
            if not piece:
                raise WorkerError(self._epitaph())
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _epitaph(self) -> str:
        """How the worker ended, and the last thing it printed."""
        code = self._process.wait()
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return f"the worker process ended with {how}" + (f": {lines[-1][:300]}" if lines else "")


def module_command(module: str) -> list[str]:
    """What starts a module as a worker, with this interpreter."""
    return [sys.executable, "-m", module]


def worker_environment(parent: Mapping[str, str]) -> dict[str, str]:
    """The parent's environment with our packages' folders on the path, so that a source tree works like an install."""
    folders = [
        str(Path(str(importlib.import_module(name).__file__)).parents[1]) for name in ("edgeenh", "edgeenh_bench")
    ]
    inherited = [path for path in (parent.get("PYTHONPATH", ""),) if path]
    return {**parent, "PYTHONPATH": os.pathsep.join([*folders, *inherited])}
