"""`--watch-model`: the bundle's file is replaced, and the stream goes on with the new one."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from edgeenh.cli import output
from edgeenh.errors import EdgeenhError

if TYPE_CHECKING:
    from edgeenh.containment.enhancer import ContainedEnhancer

EVERY_S = 1.0
"""The file is looked at so often."""

LAST_S = 5.0
"""How long the last steps of a swap that was broken off may take; OpenCV must not be at work when the interpreter ends."""

Stamp = tuple[int, int, int] | None


class ModelWatch:
    """While entered, swaps the bundle whenever its file becomes another and then stays as it is for one look.

    Replace the file by renaming another over it: a file that is written in place may be seen half written, which is
    refused, and seen again when it is whole. What becomes of a new file is told by the enhancer's notices.

    Args:
        path: The bundle's file.
        enhancer: What uses it.
        every_s: Seconds between two looks.
    """

    def __init__(self, path: Path, enhancer: ContainedEnhancer, every_s: float = EVERY_S) -> None:
        self._path, self._enhancer, self._every_s = path, enhancer, every_s
        self._ended = threading.Event()
        self._used, self._seen = (_stamp(path),) * 2
        self._thread = threading.Thread(target=self._watch, name="edgeenh-watch-model", daemon=True)

    def look(self) -> bool:
        """Look at the file once; True when a swap was tried."""
        stamp, former = _stamp(self._path), self._seen
        self._seen = stamp
        if stamp is None or stamp != former or stamp == self._used:
            return False
        self._used = stamp
        try:
            self._enhancer.swap(self._path)
        except EdgeenhError as exc:
            output.remark(f"{self._path} is not used: {exc}")
        return True

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._enhancer.close()  # a swap in progress ends with it
        self._thread.join(LAST_S)

    def _watch(self) -> None:
        while not self._ended.wait(self._every_s):
            self.look()


def _stamp(path: Path) -> Stamp:
    """What tells two files of one name apart; None while there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
