"""What was found out: a line for every node, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

SCHEMA = "edgeenh.explain/1"

Kind = Literal["identical", "rounding", "overflow", "miscompile"]


@dataclass(frozen=True, slots=True)
class Finding:
    """How far one node's result is from the reference.

    Attributes:
        node: Its name.
        operator: Its type.
        tensor: The result.
        rounded_db: PSNR of the rounded graph's result, its data range that of the reference's values; `math.inf` when
            identical, `-math.inf` when not finite.
        engine_db: Of the engine's.
        relative: Largest difference of the engine's, as a share of the largest value; infinite when not finite.
        beyond_fp16: The reference holds values that FP16 cannot.
    """

    node: str
    operator: str
    tensor: str
    rounded_db: float
    engine_db: float
    relative: float
    beyond_fp16: bool = False

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON values; a number that is not finite is null, and `identical` tells one kind of it."""
        return {
            "node": self.node,
            "operator": self.operator,
            "tensor": self.tensor,
            "rounded_db": _finite(self.rounded_db),
            "engine_db": _finite(self.engine_db),
            "relative": _finite(self.relative),
            "identical": self.engine_db == math.inf,
            "beyond_fp16": self.beyond_fp16,
        }

    def line(self) -> str:
        """The finding as a row of the table."""
        share = f"{self.relative:9.2e}" if math.isfinite(self.relative) else "      n/a"
        return f"{self.node:24} {self.operator:16} {_decibels(self.rounded_db)} {_decibels(self.engine_db)} {share}"


HEADING = f"{'node':24} {'type':16} {'rounded dB':>10} {'engine dB':>10} {'rel. error':>9}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an engine's pictures differ.

    Attributes:
        kind: What it is.
        engine: The engine under suspicion.
        precision: Its precision.
        picture: The frame that was used.
        findings: One per result, in the graph's order.
        whole_rounded_db: PSNR of the rounded graph's picture.
        whole_engine_db: PSNR of the picture of the engine as it is, nothing shown.
        node: The first wrong node, or the one that loses most; None when there is none.
        part: The nodes of the smallest part that still shows it; empty where none was looked for, or the whole graph is it.
        files: What was written.
    """

    kind: Kind
    engine: str
    precision: str
    picture: str
    findings: tuple[Finding, ...]
    whole_rounded_db: float
    whole_engine_db: float
    node: Finding | None = None
    part: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The explanation as JSON values."""
        return {
            "schema": SCHEMA,
            "verdict": self.kind,
            "line": self.verdict(),
            "engine": self.engine,
            "precision": self.precision,
            "picture": self.picture,
            "whole": {"rounded_db": _finite(self.whole_rounded_db), "engine_db": _finite(self.whole_engine_db)},
            "node": self.node and self.node.to_json(),
            "smallest_part": list(self.part),
            "files": [str(path) for path in self.files],
            "nodes": [finding.to_json() for finding in self.findings],
        }

    def lines(self) -> Iterator[str]:
        """The table."""
        yield HEADING
        yield from (finding.line() for finding in self.findings)

    def verdict(self) -> str:
        """The verdict in one line."""
        whole = f"picture {self.picture}: rounded {_text(self.whole_rounded_db)}, engine {_text(self.whole_engine_db)}"
        if self.kind == "identical" or self.node is None:
            return f"identical: {self.engine} in {self.precision} gives what the reference gives ({whole})"
        where = f"{self.node.node} ({self.node.operator})"
        if self.kind == "rounding":
            return f"rounding: {self.engine} is about as exact as {self.precision} itself ({whole}); most is lost at {where}"
        if self.kind == "overflow":
            return (
                f"overflow: in {self.precision} the result of {where} is not finite, in FP32 it is ({whole}); "
                "keep that node in FP32"
            )
        shows = {0: "only the whole graph shows it", 1: "it shows it alone"}.get(
            len(self.part), f"{len(self.part)} nodes from {next(iter(self.part), '')} on show it"
        )
        return (
            f"miscompile: {self.precision} is right in ONNX Runtime and {self.engine} is wrong ({whole}); the first wrong "
            f"node is {where}, and {shows}: report it to the engine's makers, and use another backend"
        )


def decibels(reference: NDArray[Any], found: NDArray[Any]) -> float:
    """PSNR of a tensor whose data range is that of the reference's own values; a constant's is its magnitude."""
    exact, given = reference.astype(np.float64), found.astype(np.float64)
    if exact.shape != given.shape or not np.isfinite(given).all():
        return -math.inf
    error = float(np.mean((exact - given) ** 2)) if exact.size else 0.0
    if error == 0:
        return math.inf
    span = float(np.ptp(exact)) or float(np.abs(exact).max()) or 1.0
    return 10 * math.log10(span**2 / error)


def relative_error(reference: NDArray[Any], found: NDArray[Any]) -> float:
    """Largest difference as a share of the reference's largest value; infinite when `found` is not finite."""
    exact, given = reference.astype(np.float64), found.astype(np.float64)
    if exact.shape != given.shape or not np.isfinite(given).all():
        return math.inf
    return float(np.abs(exact - given).max()) / (float(np.abs(exact).max()) or 1.0) if exact.size else 0.0


def _decibels(value: float) -> str:
    return f"{_text(value).removesuffix(' dB'):>10}"


def _text(value: float) -> str:
    return "identical" if value == math.inf else "not finite" if value == -math.inf else f"{value:.1f} dB"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
