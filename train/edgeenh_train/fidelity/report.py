"""The report on fidelity: the JSON document with every figure, and a summary in Markdown."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from edgeenh_train.fidelity.run import Settings
from edgeenh_train.fidelity.verdict import Thresholds, Verdict, summary

SCHEMA = "edgeenh.fidelity/1"


def document(
    verdicts: Sequence[Verdict],
    settings: Settings,
    thresholds: Thresholds,
    *,
    environment: dict[str, Any],
    created: str | None,
) -> dict[str, Any]:
    """Everything that was measured, in JSON values; what is infinite is null.

    Args:
        verdicts: One per enhancer.
        settings, thresholds: What was asked for.
        environment: `edgeenh.environment.fingerprint()`.
        created: When, UTC; None leaves it unknown.
    """
    found: dict[str, Any] = _finite(
        {
            "schema": SCHEMA,
            "created": created,
            "environment": environment,
            "settings": dataclasses.asdict(settings),
            "thresholds": dataclasses.asdict(thresholds),
            "enhancers": [_enhancer(verdict) for verdict in verdicts],
        }
    )
    return found


def _enhancer(verdict: Verdict) -> dict[str, Any]:
    measured = verdict.measured
    return {
        "name": verdict.name,
        "facts": verdict.facts,
        "passed": not verdict.failed,
        "gates": [dataclasses.asdict(gate) for gate in verdict.gates],
        "summary": summary(measured),
        "good": [dataclasses.asdict(change) for change in measured.good],
        "probed": [dataclasses.asdict(probed) for probed in measured.probed],
        "flicker": [{**dataclasses.asdict(f), "ratio": f.ratio} for f in measured.flicker],
        "clip": None if measured.clip is None else {**dataclasses.asdict(measured.clip), "ratio": measured.clip.ratio},
        "unreadable": list(measured.unreadable),
    }


def at_strength(facts: Mapping[str, Any]) -> str:
    """` at strength S` of an enhancer that does not work with its full strength; else nothing."""
    strength = facts.get("strength")
    return "" if strength in (None, 1.0) else f" at strength {strength:g}"


def _finite(value: Any) -> Any:
    """`value` with every float that JSON has no word for replaced by None."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def markdown(verdicts: Sequence[Verdict], settings: Settings) -> str:
    """A table with a row per enhancer, its gates, and what the columns mean."""
    head = (
        "method", "gates", "good: mean ΔE2000", "p95", "worst 32×32", "marks survived", "contrast p5 / p50 / p95", "invented",
        "control", "likeness", "added edges", "clipped in → out", "flicker out / in: clean / levels / dim", "the worse: raw in → out", "own",
    )  # fmt: skip
    lines = [_line(head), _line(["---"] * 2 + ["---:"] * (len(head) - 2)), *(_row(verdict) for verdict in verdicts)]
    remarks = [f"- {verdict.name}: {line}" for verdict in verdicts for line in _remarks(verdict)]
    meaning = (
        f"{settings.marks} marks per picture, seed {settings.seed}, pictures at most {settings.long_side} pixels long. A mark survives when its Weber contrast "
        f"in linear light (of grey pictures: its contrast to the local noise) is within ±{100 * settings.tolerance:.0f} %; none is placed in clipped or near-black regions. Invented: structures of more than "
        f"{100 * settings.invention:.0f} % contrast that the input does not explain; control: share of the painted marks that this measure would have found. "
        f"Flicker: panned still, {settings.frames} frames, step {settings.step[0]}, {settings.step[1]} pixels, relative; clean: noise {settings.noise}, between the levels (for information); "
        "levels: the same on the levels of a camera (8 bit; of grey pictures, the file's); dim: less light and a camera's noise, on its levels; the gate takes the worse of the last two; raw in levels of 255."
    )
    return "\n\n".join(["\n".join(lines), *(["\n".join(remarks)] if remarks else []), meaning]) + "\n"


def _row(verdict: Verdict) -> str:
    figures = summary(verdict.measured)
    good, marks, moving, structure = (figures[name] for name in ("good", "marks", "flicker", "structure"))
    ratio = marks["ratio"]
    return _line(
        [
            verdict.name,
            "passed" if not verdict.failed else "failed: " + ", ".join(gate.name for gate in verdict.failed),
            f"{good['mean']:.2f}",
            f"{good['p95']:.2f}",
            f"{good['worst_patch']['mean']:.2f}",
            f"{marks['survived']} of {marks['painted']}",
            f"{ratio['p5']:.2f} / {ratio['p50']:.2f} / {ratio['p95']:.2f}",
            str(figures["invented"]["total"]),
            f"{100 * figures['invented']['control_share']:.0f} %",
            f"{structure['likeness']:.3f}",
            f"{100 * structure['added_edges']:.2f} %",
            f"{100 * structure['clipped_in']:.1f} → {100 * structure['clipped_out']:.1f} %",
            " / ".join(f"{one['ratio']:.2f}" for one in moving["by_condition"].values()),
            f"{moving['condition']}: {moving['raw_in']:.2f} → {moving['raw_out']:.2f}",
            f"{100 * moving['own']:.2f} %",
        ]
    )


def _remarks(verdict: Verdict) -> list[str]:
    """What a reader of the table must know besides: the clip, the worst patch, marks without a place, pictures left out."""
    measured, figures = verdict.measured, summary(verdict.measured)
    patch = figures["good"]["worst_patch"]
    shift = ", ".join(f"{value:+.2f}" for value in figures["good"]["shift"])
    lines = [f"judged{at_strength(verdict.facts)}"] if at_strength(verdict.facts) else []
    lines += [
        f"worst patch of the good pictures: {patch['picture']} at x {patch['x']}, y {patch['y']}; mean shift of R, G, B {shift} levels"
    ]
    if measured.clip is not None:
        clip = measured.clip
        lines.append(
            f"clip, {clip.frames} frames: jitter of mean lightness {100 * clip.relative_in:.3f} → {100 * clip.relative_out:.3f} % (for information)"
        )
    if figures["marks"]["missing"]:
        lines.append(
            f"{figures['marks']['missing']} marks found no place: clipped, near black, or too close to another"
        )
    lines += [f"left out: {reason}" for reason in measured.unreadable]
    return lines


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
