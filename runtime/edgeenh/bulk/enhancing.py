"""One file: read, enhanced, and encoded as what it was."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4, uuid5

from edgeenh.bulk.discovery import Item

if TYPE_CHECKING:
    from edgeenh.enhancer import Enhancer
    from edgeenh.frames import Provenance
    from edgeenh.pixels import Levels


@dataclass(frozen=True, slots=True)
class Enhanced:
    """What one file became.

    Attributes:
        content: The file to write.
        size: (width, height) of the picture that came.
        bits: Bits per value.
        frames: Pictures in the file.
        milliseconds: Time in the enhancer, the first of a size included.
        left_out: What the file has beside its pixels and the result does not, in words.
    """

    content: bytes
    size: tuple[int, int]
    bits: int
    frames: int
    milliseconds: float
    left_out: tuple[str, ...] = ()


@dataclass
class Workshop:
    """Enhances files, one after another.

    Attributes:
        enhancer: Does the work; not closed.
        bits: Bits per value of grey pictures, where they have fewer than their files hold; None = as many.
        now: Local time, for DICOM objects.
        run: Of this run: the derived images of one series are one new series, also where several workshops share a run.
    """

    enhancer: Enhancer
    bits: int | None = None
    now: Callable[[], datetime] = datetime.now
    run: UUID = field(default_factory=uuid4)

    def enhance(self, item: Item, data: bytes) -> Enhanced:
        """Enhance one file's content.

        Raises:
            InputError: It is no picture that the model takes.
            InferenceFailed: The backend failed on it.
            MissingExtra: It is DICOM, and pydicom is not installed.
        """
        return self._dicom(item.source, data) if item.dicom else self._picture(item.source, data)

    def _picture(self, source: Path, data: bytes) -> Enhanced:
        from edgeenh.picture_metadata import encode_with, fitting, read_metadata
        from edgeenh.pictures import decode_frame

        image = decode_frame(data, str(source), self.enhancer.pixels.photometric)
        started = time.perf_counter()
        enhanced = self.enhancer(image, bits=self.bits)
        milliseconds = (time.perf_counter() - started) * 1e3
        metadata = fitting(read_metadata(data), self.enhancer.pixels.photometric, self.enhancer.scale)
        content = encode_with(enhanced, metadata, str(source))
        bits = self.bits or 8 * image.dtype.itemsize
        return Enhanced(content, (image.shape[1], image.shape[0]), bits, 1, milliseconds, metadata.left_out)

    def _dicom(self, source: Path, data: bytes) -> Enhanced:
        from edgeenh.dicom.enhancing import check_enhanceable, enhance_object
        from edgeenh.dicom.reading import decode_dicom

        image = decode_dicom(data, str(source))
        check_enhanceable(image, self.enhancer.pixels.photometric, self.enhancer.scale)
        seconds = 0.0

        def enhance(frame: Levels, bits: int) -> tuple[Levels, Provenance]:
            nonlocal seconds
            started = time.perf_counter()
            enhanced = self.enhancer(frame, bits=bits)
            seconds += time.perf_counter() - started
            return enhanced, self.enhancer.provenance()

        series = self._series_of(str(image.dataset.get("SeriesInstanceUID") or ""))
        made, header = enhance_object(image, enhance, series=lambda _made: series, now=self.now()), image.header
        return Enhanced(made.content, (header.width, header.height), header.bits, header.frames, seconds * 1e3)

    def _series_of(self, origin: str) -> str:
        """A UUID below 2.25 (PS3.5 B.2), named by the run and the series; an object that names none gets one of its own."""
        name = origin.encode("utf-8", "backslashreplace").decode()
        return f"2.25.{(uuid5(self.run, name) if name else uuid4()).int}"
