"""Which pictures of a folder a spool has already had: so that one that is read again at every start is one exposure for ever.

`done.log` has a line for each exposure that was done with: the SHA-256 of its pixels and its label, as JSON. It is written
before the exposure leaves the spool, so at every moment each of them is in one of the two.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from edgeenh.frames import Frame
from edgeenh.stream.spool_disk import Disk

DONE = "done.log"


class Done:
    """The pictures that are done with, or in the spool.

    Args:
        disk: Where `done.log` is; it is read once, here.

    Raises:
        OSError: It is there and cannot be read.
    """

    def __init__(self, disk: Disk) -> None:
        self._disk, self._known = disk, set[tuple[str, str]]()
        self._there = DONE in disk.names()
        for line in disk.read(DONE).split(b"\n") if self._there else ():
            try:
                sha256, label = json.loads(line)
            except (ValueError, TypeError):  # the power went while it was written; the exposure is still in the spool
                continue
            self._known.add((str(sha256), str(label)))

    def add(self, frames: Iterable[Frame]) -> None:
        """These are in the spool."""
        self._known |= {(frame.exposure.sha256, frame.label) for frame in frames if frame.exposure}

    def knows(self, sha256: str, label: str) -> bool:
        """Whether the picture of this name was an exposure already."""
        return (sha256, label) in self._known

    def write(self, frame: Frame) -> None:
        """It is done with; when this returns that is on the disk.

        Raises:
            OSError: It cannot be.
        """
        if frame.exposure is None:
            return
        line = json.dumps([frame.exposure.sha256, frame.label]).encode()
        if not self._there:
            self._disk.write(DONE, [b"\n"])
            self._disk.sync(DONE)
            self._disk.sync_names()
            self._there = True
        self._disk.append(DONE, b"\n" + line + b"\n")  # first a newline: a line before it may be cut
