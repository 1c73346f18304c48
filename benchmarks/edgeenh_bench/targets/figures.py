"""A figure with its limit, and the document that a target leaves behind."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from edgeenh.environment import fingerprint
from edgeenh.files import write_text
from edgeenh_bench.source_tree import ROOT, source_state

SCHEMA = "edgeenh.target/1"
CLIP = ROOT / "benchmarks" / "clips" / "endoscope_720p25_3s.mp4"
"""The real frames that targets are measured on."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes:
        name: What it is, in words.
        value: The number; NaN never passes.
        unit: Its unit; empty for a ratio or a count.
        at_most: It must not be above this; None = no such limit.
        at_least: It must not be below this; None = no such limit.
    """

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def passed(self) -> bool | None:
        """Whether it is within its limits; None when it has none and only informs."""
        if self.at_most is None and self.at_least is None:
            return None
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.at_most is None else self.at_most
        return low <= self.value <= high  # False for NaN

    def line(self) -> str:
        """The figure for people."""
        limits = [
            (word, limit)
            for word, limit in (("at most", self.at_most), ("at least", self.at_least))
            if limit is not None
        ]
        asked = ", ".join(f"{word} {limit:g}" for word, limit in limits)
        verdict = {True: "passed", False: "MISSED", None: "for information"}[self.passed]
        return f"{self.name}: {self.value:.4g} {self.unit}".rstrip() + (f" ({asked})" if asked else "") + f": {verdict}"

    def to_json(self) -> dict[str, Any]:
        """The figure as JSON values; a number that is not finite is null."""
        return asdict(self) | {"value": self.value if math.isfinite(self.value) else None, "passed": self.passed}


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a target measured.

    Attributes:
        figures: The numbers, those with limits first.
        details: Raw values and whatever else explains the figures.
    """

    figures: Sequence[Figure]
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """No figure misses its limit."""
        return all(figure.passed is not False for figure in self.figures)


def document(
    target: str, measured: Measurement, conditions: Mapping[str, Any], now: datetime, model: Path | None = None
) -> dict[str, Any]:
    """The result of `target` as JSON values, with everything a published figure must carry.

    Args:
        target, measured: What was measured.
        conditions: Under which (`edgeenh_bench.conditions`).
        now: The moment that it is dated with.
        model: What was asked for with `--model`.
    """
    return {
        "schema": SCHEMA,
        "target": target,
        "model": model and model.stem,
        "created": now.isoformat(timespec="seconds"),
        "source": source_state(),
        "environment": fingerprint(),
        **conditions,
        "passed": measured.passed,
        "figures": [figure.to_json() for figure in measured.figures],
        "details": dict(measured.details),
    }


def write(folder: Path, result: Mapping[str, Any]) -> Path:
    """Write a result to `YYYY-MM-DD-target[-model]-machine.json` in `folder`; a later run of the same day replaces it.

    Paths within the source tree are written as seen from it: where it lies is nobody's concern, and another machine's results can be compared.

    Raises:
        UsageError, OutputFailed: The place cannot be written to.
    """
    words = (result["created"][:10], result["target"], result["model"], machine_name(result["environment"]))
    path = folder / f"{'-'.join(word for word in words if word)}.json"
    text = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False).replace(f"{ROOT}/", "")
    write_text(path, text + "\n")
    return path


def machine_name(environment: Mapping[str, Any]) -> str:
    """A short name of the machine for file names: CPU, cores, and the first GPU where there is one."""
    cpu = str(environment["cpu"]["model"] or environment["machine"])
    plain = re.sub(r"\((R|TM)\)|processor|cpu|@.*", " ", cpu, flags=re.IGNORECASE)
    words = [plain, f"{environment['cpu']['cores_allowed']}c", *(str(gpu["name"]) for gpu in environment["gpus"][:1])]
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")
