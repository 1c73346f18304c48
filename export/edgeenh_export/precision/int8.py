"""INT8: calibration, the search for the layers that stay in FP32, and whether it is worth it on this CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import onnx

from edgeenh.backends import get_backend
from edgeenh.errors import BackendUnavailable, GateFailed, JobFailed
from edgeenh.gate import Verdict, judge
from edgeenh_export.execute import OnnxRunner
from edgeenh_export.golden import GoldenFrame
from edgeenh_export.precision.quantise import in_fp32, layers_of, quantise
from edgeenh_export.precision.rules import fp32_by_rule
from edgeenh_export.precision.search import Outcome, Trial, into_units, search
from edgeenh_export.precision.timing import Timed, alternate, node_microseconds

if TYPE_CHECKING:
    from edgeenh.drift import Thresholds
    from edgeenh.pixels import Levels, Pixels

CPU_BACKENDS = ("onnxruntime", "openvino")
"""Backends that run INT8 on the CPU; those that are installed are timed."""
UNITS = 24
"""More than of FP16: a layer is dear, and there are few of them."""
WORTH = 1.05
"""How many times faster than FP32 it must be to be called worth it: less is within what a machine varies."""


@dataclass(frozen=True, slots=True)
class Int8:
    """An INT8 graph and how it was come by.

    Attributes:
        onnx: The graph's bytes.
        outcome: What the search came to; its nodes are layers.
        pictures: How many calibrated it.
        kept_us: Time in FP32 of the layers that were kept so, in microseconds.
        layers_us: Of all layers.
    """

    onnx: bytes
    outcome: Outcome
    pictures: int
    kept_us: float
    layers_us: float

    def line(self) -> str:
        """For people."""
        kept, layers = len(self.outcome.kept), self.outcome.nodes
        after = "identical" if self.outcome.after_db is None else f"{self.outcome.after_db:.1f} dB"
        if not kept:
            return f"INT8: all {layers} layers, calibrated on {self.pictures} pictures, {after}"
        before = "not measurable" if self.outcome.before_db is None else f"{self.outcome.before_db:.1f} dB"
        share = self.kept_us / self.layers_us if self.layers_us else 0.0
        return (
            f"INT8: {kept} of {layers} layers kept FP32 ({self.outcome.named}), {before} → {after}; they take {self.kept_us / 1000:.2f} ms in FP32, "
            f"{share:.0%} of all layers; calibrated on {self.pictures} pictures"
        )

    def to_json(self) -> dict[str, Any]:
        """The search as `drift.json` and the report write it."""
        return {
            "precision": "int8",
            "route": "onnxruntime QDQ",
            "judged_by": "onnxruntime",
            **self.outcome.to_json(),
            "calibration_pictures": self.pictures,
            "cost_by": "microseconds of the layer in FP32, ONNX Runtime on this CPU",
            "kept_us": round(self.kept_us, 1),
            "layers_us": round(self.layers_us, 1),
        }


def search_int8(
    fp32: bytes,
    calibration: Sequence[GoldenFrame],
    frames: Sequence[GoldenFrame],
    references: Sequence[Levels],
    thresholds: Thresholds,
    pixels: Pixels,
    tell: Callable[[str], None],
    scale: int = 1,
) -> Int8:
    """Quantise an FP32 graph by the contract, with as many layers in FP32 as the gate asks for.

    Args:
        fp32: The graph, every node named.
        calibration: The user's pictures.
        frames: The golden frames, which judge and do not calibrate.
        references: What the FP32 graph makes of them.
        thresholds: What each picture must reach.
        pixels: What the pictures are.
        tell: Takes lines of progress.
        scale: How many times a frame's size the graph gives.

    Raises:
        GateFailed: No candidate passes; the message says what was tried.
        JobFailed: There is nothing to quantise, or the graph cannot be run.
    """
    model = onnx.load_model_from_string(fp32)
    layers = layers_of(model, fp32_by_rule(model))
    if not layers:
        raise JobFailed(
            "the model has no convolution or matrix product with weights of its own: INT8 has nothing to do"
        )
    tell(f"calibrating {len(layers)} layers on {len(calibration)} pictures")
    whole = quantise(fp32, layers, calibration)
    times = node_microseconds(model, frames[:1])
    candidates = _Candidates(fp32, whole, layers, frames, references, thresholds, pixels, scale)
    units = into_units(layers, lambda names: sum(times.get(name, 0.0) for name in names) or 1.0, UNITS)
    outcome = search(units, (), candidates.evaluate, tell)
    if not outcome.passed:
        best = "none could be measured" if outcome.after_db is None else f"the best has {outcome.after_db:.2f} dB"
        raise GateFailed(
            f"no INT8 graph of this model passes the gate: {outcome.trials} candidates were measured with up to "
            f"{len(outcome.kept)} of {len(layers)} layers in FP32, {best} ({outcome.reason}): export with --fp16, give more "
            f"pictures to --calibration, or lower the gate, e.g. --min-psnr"
        )
    microseconds = {name: times.get(name, 0.0) for name in layers}
    return Int8(
        candidates.graph(frozenset(outcome.kept)),
        outcome,
        len(calibration),
        sum(microseconds[name] for name in outcome.kept),
        sum(microseconds.values()),
    )


class _Candidates:
    """INT8 graphs of one calibration, and the gate on them in the kernels that really execute them."""

    def __init__(
        self,
        fp32: bytes,
        whole: bytes,
        layers: Sequence[str],
        frames: Sequence[GoldenFrame],
        references: Sequence[Levels],
        thresholds: Thresholds,
        pixels: Pixels,
        scale: int,
    ) -> None:
        self._fp32, self._whole, self._layers = fp32, whole, layers
        self._pairs = list(zip(frames, references, strict=True))
        self._thresholds, self._pixels, self._scale = thresholds, pixels, scale
        self._first = True

    def graph(self, kept: frozenset[str]) -> bytes:
        """The graph with some layers in FP32."""
        return in_fp32(self._fp32, self._whole, kept) if kept else self._whole

    def evaluate(self, kept: frozenset[str]) -> Trial:
        """The gate; the picture that was worst at first comes first, and the others only where it passes."""
        if len(kept) == len(self._layers):
            return Trial(passed=False, psnr_db=float("nan"), reason="no layer would be left in INT8")
        try:
            with OnnxRunner(self.graph(kept), "int8", "a candidate in INT8", self._pixels, self._scale) as run:
                verdict = self._judge(run, self._pairs if self._first else self._pairs[:1])
                if verdict.passed and not self._first:
                    verdict = self._judge(run, self._pairs)
        except BackendUnavailable as exc:  # what is left is executed in INT8 in name only
            return Trial(passed=False, psnr_db=float("nan"), reason=str(exc))
        if self._first:
            self._pairs.sort(key=lambda pair: pair[0].name != verdict.worst_picture)
            self._first = False
        return Trial(verdict.passed, verdict.psnr_db, next(iter(verdict.reasons), ""))

    def _judge(self, run: OnnxRunner, pairs: Sequence[tuple[GoldenFrame, Levels]]) -> Verdict:
        triples = ((frame.name, reference, run(frame.image)) for frame, reference in pairs)
        return judge(triples, self._thresholds, self._pixels.top)


@dataclass(frozen=True, slots=True)
class Worth:
    """Whether INT8 is faster than FP32 on this machine, each on the backend where it is fastest, timed in turn in one run."""

    times: tuple[Timed, ...]

    @property
    def ratio(self) -> float | None:
        """Least time in FP32 divided by least time in INT8; None where one of them could not be timed."""
        best = {name: self._best(name) for name in ("fp32", "int8")}
        return None if best["fp32"] is None or best["int8"] is None else best["fp32"][0] / best["int8"][0]

    def line(self) -> str:
        """For people: what was measured, and the verdict."""
        one, other, ratio = self._best("int8"), self._best("fp32"), self.ratio
        if one is None or other is None or ratio is None:
            reasons = "; ".join(f"{timed.backend}: {timed.reason}" for timed in self.times if timed.reason)
            return f"INT8 could not be timed here ({reasons or 'no CPU backend is installed'})"
        width, height = self.times[0].size
        found = (
            f"{one[0]:.1f} ms on {one[1]} against {other[0]:.1f} ms in FP32 on {other[1]}, {ratio:.2f} times as fast, "
            f"{width}x{height}, in turn in one run"
        )
        if ratio >= WORTH:
            return f"INT8 is worth it on this CPU: {found}"
        return f"INT8 is NOT worth it on this CPU: {found}; --backend auto measures on every station and takes what is faster there"

    def to_json(self) -> dict[str, Any]:
        """The times as JSON values."""
        ratio = self.ratio
        return {
            "fp32_over_int8": None if ratio is None else round(ratio, 3),
            "worth_it": ratio is not None and ratio >= WORTH,
            "least_ratio": WORTH,
            "timed": [timed.to_json() for timed in self.times],
        }

    def _best(self, precision: str) -> tuple[float, str] | None:
        found = [
            (timed.milliseconds[precision], timed.backend) for timed in self.times if precision in timed.milliseconds
        ]
        return min(found, default=None)


def worth(graphs: Mapping[str, bytes], frame: GoldenFrame, pixels: Pixels, scale: int = 1) -> Worth:
    """Time the FP32 and the INT8 graph on every CPU backend that is installed.

    Args:
        graphs: `fp32` and `int8`.
        frame: A golden frame; one that is not of the graph's only size is enlarged to 1280×720 by the caller.
        pixels: What it is.
        scale: How many times its size the graphs give.
    """
    usable = [name for name in CPU_BACKENDS if get_backend(name).availability().usable]
    named = {name: (name, graphs[name]) for name in ("fp32", "int8")}
    return Worth(tuple(alternate(named, name, frame, pixels, scale=scale) for name in usable))


def timing_frame(
    frame: GoldenFrame, fixed: tuple[int, int] | None, multiple: int, largest: tuple[int, int]
) -> GoldenFrame:
    """A golden frame of the size that will be used: the only one, else 1280×720 or what the graph takes of it."""
    if fixed is not None:
        return frame
    width, height = (min(side, most) // multiple * multiple for side, most in zip((1280, 720), largest, strict=True))
    resized = cv2.resize(frame.image, (width, height)).reshape(height, width, -1)
    return GoldenFrame(frame.name, resized)
