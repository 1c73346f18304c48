"""FP16 for a graph that nobody wrote for it: the search for what stays in FP32, on real frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import onnx

from edgeenh.errors import GateFailed, JobFailed
from edgeenh.gate import Verdict, judge
from edgeenh_export.gate.checks import remedy
from edgeenh_export.gate.precision import MIN_SHARE, arithmetic_of
from edgeenh_export.precision import autocast
from edgeenh_export.precision.ranges import peaks, too_large
from edgeenh_export.precision.rules import fp32_by_rule
from edgeenh_export.precision.search import IDENTICAL_DB, Outcome, Trial, into_units, search
from edgeenh_export.precision.stored import stored_in_half
from edgeenh_export.precision.timing import half_ms
from edgeenh_export.precision.traffic import bytes_moved
from edgeenh_export.precision.typed import to_fp16

if TYPE_CHECKING:
    from edgeenh.drift import Thresholds
    from edgeenh.pixels import Levels, Pixels
    from edgeenh_export.golden import GoldenFrame

STORED = "onnxruntime, FP16 stored"
"""What the execution is called by which the search judges."""
_UNTYPED = {"Constant", "Shape"}


@dataclass(frozen=True, slots=True)
class Half:
    """An FP16 graph and how it was come by.

    Attributes:
        onnx: The graph's bytes.
        verdict: The gate's, with every FP16 result really stored in FP16.
        outcome: What the search came to.
        base_bytes: What the graph moves per frame with nothing but `outcome.required` in FP32.
        bytes: What it moves.
        milliseconds: Time of a frame on a GPU without and with what is kept, measured alternating; None where there is none.
        route: `typed` for our own, `autocast` for ModelOpt's.
        remarks: What else was tried, or why not.
    """

    onnx: bytes
    verdict: Verdict
    outcome: Outcome
    base_bytes: int
    bytes: int
    milliseconds: tuple[float, float] | None = None
    route: str = "typed"
    remarks: tuple[str, ...] = ()

    def line(self) -> str:
        """For people: what is kept, what it gains, and what it costs."""
        kept, required = len(self.outcome.kept), len(self.outcome.required)
        if self.route != "typed":
            return f"FP16 by ModelOpt AutoCast: {_mb(self.bytes)} moved per frame, against {_mb(self.base_bytes)} of the search"
        if not kept:
            return f"FP16: nothing kept FP32 by choice ({required} nodes by rule or range), {_decibels(self.outcome.after_db)}"
        cost = (
            f"{_mb(self.bytes - self.base_bytes, sign='+')} moved per frame ({self.bytes / self.base_bytes - 1:+.1%})"
        )
        if self.milliseconds is not None:
            cost = f"{self.milliseconds[1] - self.milliseconds[0]:+.2f} ms, {cost}"
        before, after = _decibels(self.outcome.before_db), _decibels(self.outcome.after_db)
        nodes = f"{kept} node{'s' * (kept > 1)} kept FP32 ({self.outcome.named}; {required} more by rule or range)"
        return f"FP16: {nodes}, {before} → {after}, {cost}"

    def to_json(self) -> dict[str, Any]:
        """The search as `drift.json` and the report write it."""
        return {
            "precision": "fp16",
            "route": self.route,
            "judged_by": STORED,
            **self.outcome.to_json(),
            "cost_by": "bytes moved per frame"
            if self.milliseconds is None
            else "milliseconds on the GPU, and bytes moved",
            "bytes_moved": {"before": self.base_bytes, "after": self.bytes},
            "milliseconds": None if self.milliseconds is None else list(self.milliseconds),
            "remarks": list(self.remarks),
        }


def search_half(
    fp32: bytes,
    frames: Sequence[GoldenFrame],
    references: Sequence[Levels],
    thresholds: Thresholds,
    pixels: Pixels,
    tell: Callable[[str], None],
) -> Half:
    """Write an FP32 graph by the contract in FP16, with as much in FP32 as the gate asks for.

    Args:
        fp32: The graph, every node named.
        frames: The golden frames.
        references: What the FP32 graph makes of them.
        thresholds: What each picture must reach.
        pixels: What the pictures are.
        tell: Takes lines of progress.

    Raises:
        GateFailed: No candidate passes; the message says what was tried.
        JobFailed: The graph cannot be run.
    """
    return _HalfSearch(fp32, frames, references, thresholds, pixels, tell).run()


class _HalfSearch:
    """One search; used once."""

    def __init__(
        self,
        fp32: bytes,
        frames: Sequence[GoldenFrame],
        references: Sequence[Levels],
        thresholds: Thresholds,
        pixels: Pixels,
        tell: Callable[[str], None],
    ) -> None:
        self._fp32, self._model = fp32, onnx.load_model_from_string(fp32)
        self._pairs = list(zip(frames, references, strict=True))
        self._thresholds, self._pixels, self._tell = thresholds, pixels, tell
        self._verdicts: dict[frozenset[str], Verdict] = {}

    def run(self) -> Half:
        """Rules, ranges, search; then ModelOpt's way beside it."""
        graph = self._model.graph
        largest = peaks(self._fp32, [frame for frame, _ in self._pairs])
        over = too_large(graph, largest)
        required = fp32_by_rule(self._model) | over
        free = [n.name for n in graph.node if n.name not in required and n.op_type not in _UNTYPED]
        base = self._moved(required)
        units = into_units(free, lambda nodes: max(1, self._moved(required | set(nodes)) - base))
        outcome = search(units, required, self._evaluate, self._tell)
        kept = frozenset(outcome.required) | frozenset(outcome.kept)
        onnx_bytes = to_fp16(self._fp32, set(kept))
        arithmetic = arithmetic_of(onnx_bytes)
        share = arithmetic.shares.get("fp16", 0.0)
        if not outcome.passed or not share >= MIN_SHARE:
            little = f"only {share:.1%} of its {arithmetic.counted} would be in FP16, expected at least {MIN_SHARE:.0%}"
            raise GateFailed(self._failure(outcome, outcome.reason or little, over, largest))
        half = Half(
            onnx_bytes,
            self._verdicts[kept],
            outcome,
            base,
            bytes_moved(onnx_bytes),
            half_ms(to_fp16(self._fp32, required), onnx_bytes, self._pairs[0][0]) if outcome.kept else None,
        )
        return self._or_autocast(half, required)

    def _evaluate(self, kept: frozenset[str]) -> Trial:
        """The gate on a candidate. The picture that was worst last comes first, and the others only where it passes."""
        try:
            candidate = to_fp16(self._fp32, set(kept))
            verdict = self._judge(candidate)
        except JobFailed as exc:
            return Trial(passed=False, psnr_db=float("nan"), reason=str(exc))
        self._verdicts[kept] = verdict
        return Trial(verdict.passed, verdict.psnr_db, next(iter(verdict.reasons), ""))

    def _judge(self, candidate: bytes) -> Verdict:
        verdict = self._verdict(candidate, self._pairs[:1])
        if verdict.passed or not self._verdicts:
            verdict = self._verdict(candidate, self._pairs)
            self._pairs.sort(key=lambda pair: pair[0].name != verdict.worst_picture)
        return verdict

    def _verdict(self, candidate: bytes, pairs: Iterable[tuple[GoldenFrame, Levels]]) -> Verdict:
        frames, references = zip(*pairs, strict=True)
        made = stored_in_half(candidate, frames, self._pixels)
        triples = zip((frame.name for frame in frames), references, made, strict=True)
        return judge(triples, self._thresholds, self._pixels.top)

    def _moved(self, kept: set[str]) -> int:
        try:
            return bytes_moved(to_fp16(self._fp32, kept))
        except JobFailed:  # such a candidate is refused when it is measured
            return bytes_moved(self._model)

    def _or_autocast(self, half: Half, required: set[str]) -> Half:
        """ModelOpt's graph instead, where it is installed, passes, and moves fewer bytes."""
        missing = autocast.unavailable()
        if missing:
            return _with_remark(half, f"ModelOpt AutoCast was not tried: {missing}")
        try:
            other = autocast.convert(self._fp32, [frame for frame, _ in self._pairs], required)
            verdict, moved = self._verdict(other, self._pairs), bytes_moved(other)
        except JobFailed as exc:
            return _with_remark(half, f"ModelOpt AutoCast failed: {exc}")
        if not verdict.passed:
            return _with_remark(half, f"ModelOpt AutoCast's graph fails the gate: {verdict.reasons[0]}")
        if moved >= half.bytes:
            return _with_remark(half, f"ModelOpt AutoCast's graph passes too, and moves {_mb(moved)} per frame")
        return Half(other, verdict, half.outcome, half.bytes, moved, route="autocast")

    def _failure(self, outcome: Outcome, reason: str, over: set[str], largest: dict[str, float]) -> str:
        peak = max(largest, key=lambda name: largest[name], default="")
        range_ = f"; the largest value is {largest[peak]:.3g}, of {peak}, and FP16 holds 65504" if over else ""
        tried = "1 candidate was" if outcome.trials == 1 else f"{outcome.trials} candidates were"
        best = "none could be measured" if outcome.after_db is None else f"the best has {outcome.after_db:.2f} dB"
        return (
            f"no FP16 graph of this model passes the gate: {tried} measured with up to "
            f"{len(outcome.kept) + len(outcome.required)} of {outcome.nodes + len(outcome.required)} nodes in FP32 "
            f"({len(over)} because their values do not fit), {best} ({reason}){range_}{self._without(outcome) or ': export with --fp32'}"
        )

    def _without(self, outcome: Outcome) -> str:
        """What the graph with nothing kept by choice has, which was judged on every picture, and what would let it pass."""
        verdict = self._verdicts.get(frozenset(outcome.required))
        if verdict is None or verdict.passed or not verdict.would_pass(self._thresholds):
            return ""
        return f"; with nothing kept by choice {verdict.reasons[0]}; {remedy(verdict, self._thresholds)}"


def _with_remark(half: Half, remark: str) -> Half:
    return replace(half, remarks=(*half.remarks, remark))


def _decibels(value: float | None) -> str:
    if value is not None and value >= IDENTICAL_DB:
        return "identical"
    return "not measurable" if value is None else f"{value:.1f} dB"


def _mb(count: int, sign: str = "") -> str:
    return f"{count / 1e6:{sign}.1f} MB"
