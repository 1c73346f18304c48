"""The graphs of lower precision that an export makes of its FP32 graph, each with what it was judged by and how it was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeenh_export.gate import Judged
from edgeenh_export.precision.half import STORED, Half, search_half
from edgeenh_export.precision.int8 import Int8, Worth, search_int8, timing_frame, worth

if TYPE_CHECKING:
    from edgeenh.pixels import Levels
    from edgeenh_export.gate.judge import Gate
    from edgeenh_export.golden import GoldenFrame
    from edgeenh_export.sources.source import Source


@dataclass(slots=True)
class Lower:
    """What was made below FP32.

    Attributes:
        graphs: Precision → ONNX, FP32 among them.
        judged: Verdicts beside those that every graph gets in ONNX Runtime.
        half: How FP16 was searched for; None where the source writes it itself, or there is none.
        int8: How INT8 was searched for; None where there is none.
        worth: Whether INT8 is faster here; None without INT8.
    """

    graphs: dict[str, bytes]
    judged: list[Judged] = field(default_factory=list)
    half: Half | None = None
    int8: Int8 | None = None
    worth: Worth | None = None

    def document(self) -> list[dict[str, Any]]:
        """The searches as `drift.json` and the report write them."""
        return [found.to_json() for found in (self.half, self.int8) if found is not None]

    def lines(self) -> list[str]:
        """For people: what was kept in FP32 and what that cost, and whether INT8 pays."""
        return [found.line() for found in (self.half, self.int8, self.worth) if found is not None]

    def timings(self) -> Mapping[str, Any] | None:
        """FP32 against INT8 as JSON values."""
        return None if self.worth is None else self.worth.to_json()


def add_half(
    lower: Lower,
    source: Source,
    gate: Gate,
    references: Sequence[Levels],
    tell: Callable[[str], None],
) -> None:
    """Add the FP16 graph: the source's own where it has one that passes, otherwise one that is searched for.

    Args:
        lower: With the FP32 graph; written to.
        source: Where it comes from.
        gate: Frames, thresholds and what the pictures are.
        references: What the FP32 graph makes of the frames.
        tell: Takes remarks on the way.

    Raises:
        GateFailed: No FP16 graph passes; the message says what was tried.
    """
    own = source.half()
    stored = source.in_half(gate.frames) if own is not None else None
    if own is not None and stored is not None:
        judged = gate.judge_pictures("fp16", "torch", references, stored)
        if judged.verdict.passed:
            lower.graphs["fp16"], lower.judged = own, [*lower.judged, judged]
            return
        gate.show(judged)
        tell(f"the FP16 network fails the gate ({judged.verdict.reasons[0]}): searching for what has to stay in FP32")
    found = search_half(lower.graphs["fp32"], gate.frames, references, gate.thresholds("fp16"), gate.pixels, tell)
    lower.half, lower.graphs["fp16"] = found, found.onnx
    lower.judged.append(Judged("fp16", STORED, found.verdict))


def add_int8(
    lower: Lower,
    source: Source,
    gate: Gate,
    references: Sequence[Levels],
    calibration: Sequence[GoldenFrame],
    tell: Callable[[str], None],
) -> None:
    """Add the INT8 graph, and time it against the FP32 one.

    Args:
        lower: With the FP32 graph; written to.
        source: Where it comes from.
        gate: Frames, thresholds and what the pictures are.
        references: What the FP32 graph makes of the frames.
        calibration: The user's pictures.
        tell: Takes remarks on the way.

    Raises:
        GateFailed: No INT8 graph passes; the message says what was tried.
        JobFailed: There is nothing to quantise.
    """
    fp32, pixels, scale = lower.graphs["fp32"], gate.pixels, source.scale
    found = search_int8(fp32, calibration, gate.frames, references, gate.thresholds("int8"), pixels, tell, scale)
    lower.int8, lower.graphs["int8"] = found, found.onnx
    bounds = source.bounds
    frame = timing_frame(gate.frames[0], bounds.fixed, bounds.multiple, bounds.max)
    lower.worth = worth({"fp32": fp32, "int8": found.onnx}, frame, pixels, scale)
