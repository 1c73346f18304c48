"""What every verdict of one export has in common, and the way from a graph to its verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh.drift import Thresholds
from edgeenh.gate.evidence import write_evidence
from edgeenh.pixels import Pixels
from edgeenh_export.gate.checks import Judged, judge_frames, require_passed
from edgeenh_export.gate.graphs import judge_graph
from edgeenh_export.gate.precision import require_precision
from edgeenh_export.golden import GoldenFrame
from edgeenh_export.options import Size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeenh.pixels import Levels


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate of one export.

    Attributes:
        frames: The golden frames.
        limits: What each picture must reach.
        int8_limits: What it must reach in INT8.
        pixels: What the pictures are.
        cap: Largest change of a value at strength 1, where 1 is the full range.
        fixed: The size of the self-test's frames; None = any.
        scale: How many times a frame's size the graphs give.
        report: Folder for the worst picture of each verdict; None = nowhere.
    """

    frames: Sequence[GoldenFrame]
    limits: Thresholds
    int8_limits: Thresholds
    pixels: Pixels
    cap: float
    fixed: Size | None
    scale: int
    report: Path | None

    def thresholds(self, precision: str) -> Thresholds:
        """What a precision must reach."""
        return self.int8_limits if precision == "int8" else self.limits

    def judge(self, precision: str, onnx: bytes, references: Sequence[Levels]) -> tuple[Judged, list[Levels]]:
        """The verdict on a graph in ONNX Runtime, and what it makes of the frames."""
        return judge_graph(
            onnx,
            precision,
            self.frames,
            references,
            self.thresholds(precision),
            self.pixels,
            cap=self.cap,
            fixed=self.fixed,
            scale=self.scale,
        )

    def judge_pictures(
        self, precision: str, backend: str, references: Sequence[Levels], made: Iterable[NDArray[Any]]
    ) -> Judged:
        """The verdict on pictures that something else made of the frames."""
        verdict = judge_frames(self.frames, references, made, self.thresholds(precision), self.pixels)
        return Judged(precision, backend, verdict)

    def show(self, judged: Judged) -> None:
        """Write the worst picture of a verdict into the report's folder, where there is one."""
        if self.report is not None:
            write_evidence(judged.verdict, self.report, f"{judged.precision}-{judged.backend}", self.pixels.top)

    def require(self, judged: Judged) -> Judged:
        """The verdict, when it is passed and the graph is of the precision that it is called by.

        Raises:
            GateFailed: It is not.
        """
        require_passed(judged, self.thresholds(judged.precision), self.pixels, self.report)
        if judged.arithmetic is not None:
            require_precision(judged.arithmetic, judged.precision)
        return judged
