"""A folder with one picture per frame and a list of what became of each."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import asdict
from io import FileIO
from pathlib import Path
from typing import Any

from edgeenh.files import fitting_name, make_folder, replacing, translate_write_error
from edgeenh.frames import EnhancedFrame
from edgeenh.pictures import encode_frame
from edgeenh.sinks.base import BaseSink

LIST = "frames.jsonl"
"""One JSON object per line and frame, in the order of the frames."""


class FolderSink(BaseSink):
    """Writes each frame as PNG (lossless, in its own depth), and one line about it into `frames.jsonl` after its picture is whole.

    The folder is made when it is not there; files of the same names are replaced, others are left alone. What was
    written before a failure stays: every picture is whole, and the list has one whole line for each.

    Exposures are named by their id and their lines are added to the list that is there, each on the disk before `write`
    returns. One that is given once more takes the same name, so it stands in the folder once, whatever happened.

    Args:
        folder: Where to.

    Raises:
        UsageError: The folder cannot be made or written to.
        OutputFailed: The disk is full.
    """

    durable = True

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self._folder = make_folder(folder)
        self._list: FileIO | None = None

    def write(self, frame: EnhancedFrame) -> None:
        """Write the picture `NNNNNN.png` (with the frame's label where it has one), then its line; one of no pixels is a line."""
        path = self._folder / picture_name(frame)
        if frame.image.size:
            png = encode_frame(frame.image, ".png", path.name)
            with replacing(path) as temporary:
                temporary.write_bytes(png)
        line = describe(frame, path.name if frame.image.size else None)
        self._append(to_line(line), keep=frame.original.exposure is not None)

    def close(self) -> None:
        """Flush the list to the disk."""
        opened, self._list = self._list, None
        if opened is None:
            return
        try:
            os.fsync(opened.fileno())
        except OSError as exc:
            raise translate_write_error(self._folder / LIST, exc) from exc
        finally:
            opened.close()

    def abort(self) -> None:
        """Everything is whole already; just close the list."""
        opened, self._list = self._list, None
        if opened is not None:
            opened.close()

    def _append(self, line: bytes, *, keep: bool) -> None:
        """Add one line, or, when there is no space for all of it, none of it; `keep` what is there, and have it on the disk."""
        path = self._folder / LIST
        try:
            if self._list is not None and not os.fstat(self._list.fileno()).st_nlink:  # somebody has removed it
                self._list.close()
                self._list = None
            if self._list is None:
                self._list = FileIO(path, "a" if keep else "w")
                line = b"\n" * (keep and _is_cut(path)) + line
            end = self._list.tell()
            if self._list.write(line) != len(line):
                self._list.truncate(end)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if keep:
                os.fsync(self._list.fileno())
        except OSError as exc:
            raise translate_write_error(path, exc) from exc


def picture_name(frame: EnhancedFrame) -> str:
    """The file name of a frame: its number (of an exposure: its id), and the stem of its label where it has one.

    It is unique within a stream, that of an exposure for ever.
    """
    stem, exposure = Path(frame.original.label).stem, frame.original.exposure
    number = exposure.id if exposure else f"{frame.original.sequence:06d}"
    return fitting_name(f"{number}{'_' if stem else ''}{stem}", ".png")


def to_line(document: dict[str, Any]) -> bytes:
    """A line of JSON; of names that are not UTF-8 the bytes are escaped, as JSON allows."""
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _is_cut(path: Path) -> bool:
    """Whether a former run ended in the middle of a line."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 1))
        return file.read(1) not in (b"", b"\n")


def describe(frame: EnhancedFrame, picture: str | None) -> dict[str, Any]:
    """What `frames.jsonl` says of a frame."""
    return {
        "file": picture,
        "source": frame.original.source,
        "label": frame.original.label,
        "sequence": frame.original.sequence,
        "photometric": frame.original.photometric,
        "bits": frame.original.bits,
        "status": frame.status.value,
        "reason": frame.reason.value if frame.reason else None,
        "detail": frame.detail,
        "age_ms": round(frame.age_ms, 3),
        **({"exposure": asdict(frame.original.exposure)} if frame.original.exposure else {}),
        "provenance": asdict(frame.provenance) if frame.provenance else None,
    }
