"""What `edgeenh export --explain` says."""

from __future__ import annotations

from pathlib import Path

import typer

from edgeenh.cli import output
from edgeenh.errors import GateFailed, UsageError

PRECISIONS = ("fp32", "fp16", "bf16")


def explain_model(
    model: Path | None,
    backend: str | None,
    precision: str | None,
    report: Path | None,
    json_target: str | None,
    *,
    asked: bool,
    public_key: Path | None = None,
    floor: str | None = None,
) -> None:
    """Explain, print the table and the verdict, and end with exit code 3 when the engine or the precision is at fault.

    Args:
        model: A bundle or a checkpoint; None = the bundle that ships with the package.
        backend: None = onnxruntime.
        precision: None = the lowest that the backend has a graph for, without bf16.
        report: Folder for what was found.
        json_target: As for every command.
        asked: `--explain` was given.
        public_key, floor: What the station demands of a bundle.

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
        found = explain(model, backend or "onnxruntime", precision, report, _tell, public_key, floor)
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
