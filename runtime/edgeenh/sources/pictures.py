"""Frames from pictures: one file, a folder, or a glob."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgeenh.errors import PictureError, SourceError
from edgeenh.frames import Frame
from edgeenh.notices import Notice
from edgeenh.pictures import PICTURE_SUFFIXES, read_frame
from edgeenh.pixels import RGB
from edgeenh.sources.base import BaseSource

if TYPE_CHECKING:
    from edgeenh.pixels import Levels
    from edgeenh.stream.clock import Clock


class PictureSource(BaseSource):
    """Pictures in the order given.

    One that cannot be used is left out, counted in `lost_upstream["unreadable"]` and named in a notice.

    Args:
        name: What the source is called, e.g. the folder.
        paths: The files.
        clock: What stamps the frames.
        loop: Begin again at the end, for ever; numbers go on.
        photometric: `RGB` or `grey`: what the pictures must be; one of the other kind cannot be used.
        bits: Bits per value of grey pictures, where they have fewer than the files could hold; None = as many.

    Raises:
        SourceError: There is no file, or none of them can be used.
        PictureError: There is one file, and it cannot be used.
    """

    def __init__(
        self,
        name: str,
        paths: Sequence[Path],
        clock: Clock,
        *,
        loop: bool = False,
        photometric: str = RGB.photometric,
        bits: int | None = None,
    ) -> None:
        super().__init__(name, clock)
        self._paths, self._loop = list(paths), loop
        self._photometric, self._bits = photometric, bits
        self._position = 0
        self._refused: set[Path] = set()
        self._ahead = self._next_readable()
        if self._ahead is None:
            raise SourceError(self._nothing())
        height, width = self._ahead[1].shape[:2]
        self.size = (width, height)
        self.length = None if loop else len(self._paths)

    def read(self) -> Frame | None:
        """The next picture, as `Frame` holds it, in memory of its own, its file's name as label; None at the end."""
        if self._interrupted.is_set():
            return None
        ahead, self._ahead = self._ahead, None
        found = ahead or self._next_readable()
        if found is None:
            return None
        path, image = found
        bits = self._bits or 8 * image.dtype.itemsize
        return self._frame(image, self._clock.now_ns(), path.name, self._photometric, bits)

    def _next_readable(self) -> tuple[Path, Levels] | None:
        while self._position < len(self._paths):
            path = self._paths[self._position]
            self._position += 1
            if self._loop and self._position == len(self._paths) and len(self._refused) < len(self._paths):
                self._position = 0
            try:
                return path, read_frame(path, self._photometric)
            except PictureError as exc:
                if len(self._paths) == 1:
                    raise
                self._refuse(path, str(exc))
        return None

    def _refuse(self, path: Path, reason: str) -> None:
        if path not in self._refused:
            self._refused.add(path)
            self.lost_upstream["unreadable"] += 1
            self.notices.append(Notice("unreadable", reason))

    def _nothing(self) -> str:
        if self._paths:
            return (
                f"none of the {len(self._paths)} pictures in {self.id} can be used; the first: {self.notices[0].detail}"
            )
        return f"{self.id} holds no picture, expected {', '.join(PICTURE_SUFFIXES)} files: give another folder"


def pictures_in(folder: Path) -> list[Path]:
    """The pictures directly in `folder`, sorted by name; hidden files are left out.

    Raises:
        SourceError: The folder cannot be read.
    """
    try:
        found = [path for path in folder.iterdir() if is_picture(path)]
    except OSError as exc:
        raise SourceError(f"{folder} cannot be read ({exc.strerror or exc}): give a folder that you may read") from exc
    return sorted(found)


def is_pattern(path: Path) -> bool:
    """True when `path` is a glob such as `photos/*.jpg` and not a file of that very name."""
    return glob.has_magic(str(path)) and not path.exists()


def pictures_matching(pattern: str, also: Callable[[Path], bool] | None = None) -> list[Path]:
    """The pictures that match a glob, and what `also` takes, sorted; `**` matches folders in folders.

    Raises:
        SourceError: Nothing matches.
    """
    names = glob.glob(pattern, recursive=True)  # noqa: PTH207 (Path.glob takes no absolute pattern)
    if not names:
        raise SourceError(f"{pattern} matches no file: give another pattern, e.g. 'photos/*.jpg'")
    return [path for path in map(Path, sorted(names)) if is_picture(path) or (also is not None and also(path))]


def is_picture(path: Path) -> bool:
    """True for a file with a picture's suffix that is not hidden."""
    return path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".") and not path.is_dir()
