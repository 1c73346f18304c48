"""What `edgeenh export --explain` says."""

from __future__ import annotations

from pathlib import Path

import typer

from edgeenh.cli import output
from edgeenh.errors import GateFailed, UsageError
from edgeenh_export.options import may_be_bundle
from edgeenh_export.sources.overrides import ModuleSource, Overrides
from edgeenh_export.stated import refuse_stated

PRECISIONS = ("fp32", "fp16", "bf16", "int8")


_TAKEN = frozenset(
    {
        *("context", "checkpoint", "explain", "backend", "precision", "report", "json_target", "public_key", "floor"),
        *("module", "weights", "layout", "value_range", "colour", "scale", "cap"),
    }
)
"""Parameters of `edgeenh export` that mean something for an explanation; any other one is refused, not ignored."""


def refuse_others(context: typer.Context, model: Path | None) -> None:
    """Refuse what was typed beside `--explain` and means nothing there.

    Args:
        context: Of `edgeenh export`.
        model: What is to be explained; `--public-key` and `--floor` are for a bundle.

    Raises:
        UsageError: Something was.
    """
    refuse_stated(
        context, context.params.keys() - _TAKEN, "--explain exports nothing, so {option} means nothing beside it"
    )
    if model is not None and model.is_file() and not may_be_bundle(model):
        refuse_stated(context, ("public_key", "floor"), f"{{option}} is for bundles, and {model} is none")


def explain_model(
    model: Path | ModuleSource | None,
    backend: str | None,
    precision: str | None,
    report: Path | None,
    json_target: str | None,
    *,
    asked: bool,
    public_key: Path | None = None,
    floor: str | None = None,
    overrides: Overrides = Overrides(),
) -> None:
    """Explain, print the table and the verdict, and end with exit code 3 when the engine or the precision is at fault.

    Args:
        model: A bundle, a checkpoint, or an .onnx or torch module that others made; None = the bundle that ships with the package.
        backend: None = onnxruntime.
        precision: None = the lowest that the backend has a graph for, without bf16.
        report: Folder for what was found.
        json_target: As for every command.
        asked: `--explain` was given.
        public_key, floor: What the station demands of a bundle.
        overrides: What is known of a model from elsewhere.

    Raises:
        UsageError: The other options were given without it.
        GateFailed: The verdict is a miscompile or an overflow.
    """
    if not asked:
        raise UsageError("--backend and --precision belong to --explain: leave them out, or add --explain")
    if precision is not None and precision not in PRECISIONS:
        raise UsageError(f"--precision {precision!r} is not known, expected one of {', '.join(PRECISIONS)}")
    from edgeenh.cli.interrupts import Interrupts
    from edgeenh_export.explain.command import explain

    with Interrupts():
        found = explain(model, backend or "onnxruntime", precision, report, _tell, public_key, floor, overrides)
    output.emit_json(json_target, found.to_json())
    for line in found.lines():
        output.say(line)
    for path in found.files:
        output.remark(f"written: {path}")
    if found.kind in ("miscompile", "overflow"):
        raise GateFailed(found.verdict())
    output.say(found.verdict())


def _tell(line: str) -> None:
    typer.echo(line, err=True)
