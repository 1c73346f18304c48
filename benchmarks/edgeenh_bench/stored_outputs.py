"""A row's outputs against the reference's, both stored as raw frames: the gate's verdict, and pictures of the worst."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeenh.gate import SelfTest, Verdict, judge
from edgeenh_bench.drift_pictures import WORST, DriftPicture, draw
from edgeenh_bench.source_frames import FrameSet, read_frame_into

if TYPE_CHECKING:
    from edgeenh.drift import Thresholds
    from edgeenh.pixels import Levels


@dataclass(frozen=True, slots=True)
class StoredOutputs:
    """Two files of enhanced frames.

    Attributes:
        frames: The frames that were enhanced.
        indices: Which of them, in the order stored.
        reference: The file of the FP32 reference's.
        candidate: The file of the row's.
    """

    frames: FrameSet
    indices: Sequence[int]
    reference: Path
    candidate: Path

    def judge(self, thresholds: Thresholds, tested: SelfTest) -> Verdict:
        """The gate's verdict."""
        return judge(self._pairs(), thresholds, self.frames.pixels.top, tested)

    def worst(self, verdict: Verdict) -> list[DriftPicture]:
        """The frames on which the row is farthest from the reference, worst first; what is identical is not shown."""
        ordered = sorted((drift.psnr_db, name) for name, drift in verdict.figures if math.isfinite(drift.psnr_db))
        positions = {_name(index): position for position, index in enumerate(self.indices)}
        found = []
        for psnr_db, name in ordered[:WORST]:
            reference, candidate = self._pair(positions[name])
            original = self.frames.read(self.indices[positions[name]])
            found.append(draw(name, psnr_db, original, reference, candidate, self.frames.pixels.top))
        return found

    def _pairs(self) -> Iterator[tuple[str, Levels, Levels]]:
        for position, index in enumerate(self.indices):
            yield (_name(index), *self._pair(position))

    def _pair(self, position: int) -> tuple[Levels, Levels]:
        reference, candidate = self.frames.empty_enhanced(), self.frames.empty_enhanced()
        read_frame_into(self.reference, position, reference)
        read_frame_into(self.candidate, position, candidate)
        return reference, candidate


def _name(index: int) -> str:
    return f"frame {index}"
