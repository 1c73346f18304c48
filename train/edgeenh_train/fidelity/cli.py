"""`edgeenh fidelity`: its options, and what it prints. Imports nothing heavy; torch is loaded when a job begins."""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeenh.cli import output
from edgeenh.cli.model import StrengthOption
from edgeenh.cli.output import JsonOption
from edgeenh.errors import GateFailed, MissingExtra, UsageError

if TYPE_CHECKING:
    from edgeenh_train.evaluate.candidate import Candidate
    from edgeenh_train.fidelity.run import Material, Settings
    from edgeenh_train.fidelity.verdict import Thresholds, Verdict

_NEEDS = ("torch", "safetensors", "skimage")

HELP = """Measure whether an enhancement leaves clinical content alone.

On the pictures of --good: how much they change, who should not. On --inputs (default: the same pictures): small painted
marks must survive with their contrast, nothing may appear that was not there, structure stays; a pan over a still, on the
levels that a camera gives and as a dim one too, must not flicker more than before. --clip adds the lightness jitter of
a real video, for information. --strength judges the models as they are used at that strength.

Exit: 0 every gate passed; 1 the job failed; 2 bad usage or input; 3 a gate failed; 4 a bundle is not what it says;
5 a part is not installed.

Example: edgeenh fidelity --model runs/mine/generator.safetensors --good photos/good --inputs photos/dim --out runs/fidelity
"""


def register(app: typer.Typer) -> None:
    """Add `fidelity` to the application."""
    app.command("fidelity", help=HELP)(fidelity)


def fidelity(
    good: Annotated[Path, typer.Option(metavar="DIR", help="Folder of good pictures, which must stay as they are.")],
    model: Annotated[
        list[Path] | None,
        typer.Option(
            "--model",
            metavar="FILE",
            help="A checkpoint (.safetensors), a bundle (.edgeenh), or one that ships: dental-n, xray-n; may repeat.",
        ),
    ] = None,
    strength: StrengthOption = None,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", metavar="NAME", help="levels, clahe, one form of levels, or input; may repeat."),
    ] = None,
    inputs: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Pictures to probe and pan over; default: the good ones.")
    ] = None,
    clip: Annotated[Path | None, typer.Option(metavar="VIDEO", help="A video: its lightness before and after.")] = None,
    pictures: Annotated[int, typer.Option(metavar="N", min=1, help="Pictures to probe, evenly spread.")] = 12,
    marks: Annotated[int, typer.Option(metavar="N", min=1, help="Marks painted into each.")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="Seed of marks and sensor noise.")] = 0,
    long_side: Annotated[
        int, typer.Option("--long-side", metavar="PX", min=64, help="Reduce pictures to this size.")
    ] = 768,
    bits: Annotated[
        int | None,
        typer.Option(metavar="N", min=9, max=16, help="Bits that the values of 16-bit grey files have, e.g. 12."),
    ] = None,
    max_change: Annotated[
        float, typer.Option("--max-change", metavar="DE", min=0, help="Gate: mean ΔE2000 on good pictures.")
    ] = 1.5,
    tolerance: Annotated[
        float, typer.Option(metavar="T", min=0, max=1, help="A mark's contrast may change by this share.")
    ] = 0.2,
    min_survived: Annotated[
        float, typer.Option("--min-survived", metavar="S", min=0, max=1, help="Gate: share of marks that survive.")
    ] = 1.0,
    max_invented: Annotated[
        int, typer.Option("--max-invented", metavar="N", min=0, help="Gate: invented structures.")
    ] = 0,
    max_flicker: Annotated[
        float, typer.Option("--max-flicker", metavar="R", min=0, help="Gate: flicker, output over input.")
    ] = 1.0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for fidelity.json, fidelity.md and picture sheets.")
    ] = None,
    json_target: JsonOption = None,
) -> None:
    """See `HELP`."""
    if any(importlib.util.find_spec(name) is None for name in _NEEDS):
        raise MissingExtra("`edgeenh fidelity`", "train")
    from edgeenh.arguments import check_strength
    from edgeenh_train.evaluate.candidate import remarks_on
    from edgeenh_train.fidelity.opening import open_candidates
    from edgeenh_train.fidelity.run import Settings, material_of
    from edgeenh_train.fidelity.verdict import Thresholds

    settings = Settings(
        seed=seed, long_side=long_side, probed=pictures, marks=marks, tolerance=tolerance, bits=bits or 0
    )
    thresholds = Thresholds(max_change, min_survived, max_invented, max_flicker)
    if clip is not None and not clip.is_file():
        raise UsageError(f"--clip {clip} is not a file: give a video")
    material = material_of(good, inputs, clip, settings)
    given = None if strength is None else check_strength(strength)
    candidates = open_candidates(model or [], method or [], given)
    for line in remarks_on(candidates):
        output.remark(line)
    verdicts = _measure_all(candidates, material, settings, thresholds, out)
    _tell(verdicts, settings, thresholds, out, json_target)
    _end(verdicts, model or [])


def _measure_all(
    candidates: Sequence[Candidate], material: Material, settings: Settings, thresholds: Thresholds, out: Path | None
) -> list[Verdict]:
    from edgeenh.files import make_folder
    from edgeenh.pictures import write_picture
    from edgeenh_train.fidelity.run import measure, steps_of
    from edgeenh_train.fidelity.sheet import sheet
    from edgeenh_train.fidelity.verdict import judge

    if out is not None:
        make_folder(out)  # a place that cannot be written to is said before the work, not after it
    verdicts = []
    for candidate in candidates:
        with output.progress(candidate.name, steps_of(material, settings), "steps") as bar:
            measured = measure(candidate.enhance, material, settings, bar.update)
        verdicts.append(judge(candidate.name, candidate.facts, measured, thresholds))
        if out is not None:
            write_picture(out / f"probe-{candidate.name}.jpg", sheet(measured.rows))
    return verdicts


def _tell(
    verdicts: Sequence[Verdict], settings: Settings, thresholds: Thresholds, out: Path | None, json_target: str | None
) -> None:
    from datetime import UTC, datetime

    from edgeenh.environment import fingerprint
    from edgeenh.files import write_text
    from edgeenh_train.fidelity.report import at_strength, document, markdown

    created = datetime.now(UTC).isoformat(timespec="seconds")
    found: dict[str, Any] = document(verdicts, settings, thresholds, environment=fingerprint(), created=created)
    for verdict in verdicts:
        for reason in verdict.measured.unreadable:
            output.remark(f"left out: {reason}")
        output.say(
            f"{verdict.name}{at_strength(verdict.facts)}: {'every gate passed' if not verdict.failed else 'failed'}"
        )
        for gate in verdict.gates:
            output.say(f"  {'ok  ' if gate.passed else 'FAIL'} {gate.value:8.3f}  {gate.words} {gate.threshold:g}")
    if out is not None:
        output.emit_json(out / "fidelity.json", found)
        write_text(out / "fidelity.md", markdown(verdicts, settings))
        output.say(f"written: {out / 'fidelity.json'}, fidelity.md and the sheets probe-*.jpg")
    output.emit_json(json_target, found)


def _end(verdicts: Sequence[Verdict], models: Sequence[Path]) -> None:
    failed = [
        f"{verdict.name}: {', '.join(gate.name for gate in verdict.failed)}" for verdict in verdicts if verdict.failed
    ]
    if failed:
        raise GateFailed(f"gates failed ({'; '.join(failed)}): look at the probe sheets, --out DIR writes them")
    checkpoint = next((path for path in models if path.suffix == ".safetensors"), None)
    if checkpoint is not None:
        output.next_step(f"edgeenh export {shlex.quote(str(checkpoint))} --fp16")
    else:
        output.next_step("edgeenh evaluate PAIRS")
