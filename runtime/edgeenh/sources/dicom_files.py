"""Frames from DICOM files: every picture of every object, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgeenh.dicom import DicomImage, read_dicom
from edgeenh.dicom.names import DICOM_SUFFIXES
from edgeenh.errors import PictureError, SourceError
from edgeenh.frames import Frame
from edgeenh.notices import Notice
from edgeenh.pixels import GREY, RGB
from edgeenh.sources.base import BaseSource

if TYPE_CHECKING:
    from edgeenh.stream.clock import Clock


class DicomSource(BaseSource):
    """The pictures of DICOM files; each frame carries its object's attributes.

    An object that cannot be used is left out, counted in `lost_upstream["unreadable"]` and named in a notice; so is a
    frame of one that cannot be decoded.

    Args:
        name: What the source is called.
        paths: The files, in order.
        clock: What stamps the frames.
        photometric: `RGB` or `grey`: what the pictures must be.
        loop: Begin again at the end, for ever; numbers go on.

    Raises:
        SourceError: There is no file, or none of them can be used.
        PictureError: There is one file, and it cannot be used.
        MissingExtra: pydicom is not installed.
    """

    def __init__(
        self, name: str, paths: Sequence[Path], clock: Clock, *, photometric: str = RGB.photometric, loop: bool = False
    ) -> None:
        super().__init__(name, clock)
        self.ends = not loop
        self._paths, self._photometric, self._loop = list(paths), photometric, loop
        self._refused: set[Path] = set()
        self._frames = self._all()
        self._ahead = next(self._frames, None)
        if self._ahead is None:
            raise SourceError(self._nothing())
        self.size = (self._ahead[0].header.width, self._ahead[0].header.height)

    def read(self) -> Frame | None:
        """The next picture, as `Frame` holds it, in memory of its own; None at the end."""
        while not self._interrupted.is_set():
            found, self._ahead = self._ahead or next(self._frames, None), None
            if found is None:
                return None
            try:
                return self._take(*found)
            except PictureError as exc:
                if len(self._paths) == 1 and found[0].header.frames == 1:
                    raise
                self._lose(str(exc))
        return None

    def _take(self, image: DicomImage, index: int) -> Frame:
        header, path = image.header, Path(image.name)
        label = path.name if header.frames == 1 else f"{path.name}#{index + 1}"
        now = self._clock.now_ns()
        return self._frame(image.frame(index), now, label, header.photometric, header.bits, image.attributes(index))

    def _all(self) -> Iterator[tuple[DicomImage, int]]:
        """Every frame of every file that can be used; one file is in memory at a time."""
        while True:
            for path in self._paths:
                image = self._open(path)
                if image is not None:
                    yield from ((image, index) for index in range(image.header.frames))
            if not self._loop or len(self._refused) == len(self._paths):
                return

    def _open(self, path: Path) -> DicomImage | None:
        try:
            image = read_dicom(path)
            check_photometric(image, self._photometric)
        except PictureError as exc:
            if len(self._paths) == 1:
                raise
            if path not in self._refused:
                self._refused.add(path)
                self._lose(str(exc))
            return None
        return image

    def _lose(self, reason: str) -> None:
        self.lost_upstream["unreadable"] += 1
        self.notices.append(Notice("unreadable", reason))

    def _nothing(self) -> str:
        if not self._paths:
            return f"{self.id} holds no DICOM file, expected {', '.join(DICOM_SUFFIXES)}: give another folder"
        first = self.notices[0].detail
        return f"none of the {len(self._paths)} DICOM files of {self.id} can be used; the first: {first}"


def check_photometric(image: DicomImage, photometric: str) -> None:
    """Raise `PictureError` unless the pictures of `image` are what the model takes."""
    if image.header.photometric != photometric:
        found = f"{image.header.interpretation}, {image.header.bits} bits"
        wanted = "grey" if photometric == GREY.photometric else "colour"
        raise PictureError(f"{image.name} is {found}, and the model takes {wanted}: give a model for the other kind")
