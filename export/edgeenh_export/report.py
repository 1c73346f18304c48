"""What an export did, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgeenh.bundle import Bundle
from edgeenh.drift import Thresholds
from edgeenh_export.engines import Plans
from edgeenh_export.gate import Judged, Parity
from edgeenh_export.lower import Lower
from edgeenh_export.manifest import drift_document

SCHEMA = "edgeenh.export/1"


@dataclass(frozen=True, slots=True, eq=False)
class ExportReport:
    """What an export did.

    Attributes:
        bundle: The bundle that was written, opened again.
        thresholds: What the gate asked for.
        gate: Its verdicts; all passed, or there would be no report.
        found: What was proven of the source, or found out: the contract of a model from elsewhere.
        parity: ONNX Runtime against the source itself, in FP32.
        lower: What was made below FP32, and how.
        engines: The plans, or why there is none.
        seconds: Step → time, in the order of the steps.
        elapsed_s: Time of the whole export, without importing libraries.
        environment: `edgeenh.environment.fingerprint()`.
    """

    bundle: Bundle
    thresholds: Thresholds
    gate: tuple[Judged, ...]
    found: Mapping[str, Any]
    parity: Parity
    lower: Lower
    engines: Plans
    seconds: Mapping[str, float]
    elapsed_s: float
    environment: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        manifest = self.bundle.manifest
        drift = drift_document(self.thresholds, self.gate, self.parity, self.lower)
        return {
            "schema": SCHEMA,
            "bundle": {
                "path": str(self.bundle.path),
                "id": manifest.id,
                "version": manifest.version,
                "sha256": self.bundle.sha256,
                "bytes": self.bundle.size,
            },
            "precisions": list(self.bundle.precisions),
            "fixed_size": list(manifest.generator.fixed_size) if manifest.generator.fixed_size else None,
            "gate": {key: drift[key] for key in ("references", "thresholds", "results")},
            "searches": drift["searches"],
            "int8_against_fp32": drift["int8_against_fp32"],
            **self.found,
            "parity": drift["parity"],
            "strength_0_identical": drift["strength_0_identical"],
            "engines": [plan.to_json() for plan in self.engines.plans],
            "engines_reason": self.engines.reason,
            "seconds": dict(self.seconds),
            "elapsed_s": round(self.elapsed_s, 3),
            "environment": dict(self.environment),
        }

    def lines(self) -> Iterator[str]:
        """The report for people."""
        manifest = self.bundle.manifest
        yield f"{self.bundle.path}: {manifest.id} {manifest.version}, {', '.join(self.bundle.precisions)}, {self.bundle.size:,} bytes"
        for judged in self.gate:
            yield f"gate passed: {describe(judged, manifest.pixels.top)}"
            if judged.arithmetic is not None and judged.precision != "fp32":
                yield f"proof of precision: {judged.arithmetic.line(judged.precision)}"
            yield from _repeats(judged)
        yield from self.lower.lines()
        same = (
            "the same"
            if self.parity.max_abs == 0
            else f"within {self.parity.max_abs} of {manifest.pixels.top}, {self.parity.share:.4%} of values differ"
        )
        scale = manifest.generator.scale
        enlarged = " bit for bit" if scale == 1 else f", enlarged {scale} times"
        yield f"ONNX Runtime and {self.parity.reference} give {same} on {self.parity.pictures} pictures; strength 0 is the input{enlarged}"
        for plan in self.engines.plans:
            yield f"{plan.engine.flavour} {plan.engine.version} plan: {plan.engine.precision}, {len(plan.data):,} bytes"
            yield from (f"builder: {warning}" for warning in plan.warnings)


def _repeats(judged: Judged) -> Iterator[str]:
    """Whether an engine repeats itself; nothing where there was no engine."""
    if judged.determinism is not None:
        yield from judged.determinism.lines(f"{judged.precision} on {judged.backend}")


def describe(judged: Judged, top: int = 255) -> str:
    """One verdict in a line; `top` is full brightness of the frames that were judged."""
    verdict = judged.verdict
    who = f"{judged.precision} on {judged.backend}, {verdict.pictures} pictures"
    if verdict.max_abs == 0:
        return f"{who}: identical"
    return (
        f"{who}: PSNR {verdict.psnr_db:.1f} dB, SSIM {verdict.ssim:.5f}, largest difference {verdict.max_abs} of {top}"
    )
