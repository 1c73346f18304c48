"""`edgeenh enhance`: pictures in, enhanced pictures out."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from edgeenh.bulk.outcome import Outcome
from edgeenh.cli import output
from edgeenh.cli.interrupts import Interrupts
from edgeenh.cli.model import (
    BackendOption,
    BitsOption,
    DeviceOption,
    FloorOption,
    ModelOption,
    PrecisionOption,
    PublicKeyOption,
    StrengthOption,
    ThreadsOption,
    check_bits,
    next_step,
)
from edgeenh.errors import InferenceFailed, InputError, MissingExtra, OutputFailed, SourceError
from edgeenh.files import is_read_only
from edgeenh.identity import backend_json, describe, model_json
from edgeenh.loading import load_enhancer

if TYPE_CHECKING:
    from edgeenh.bulk.discovery import Item
    from edgeenh.bulk.enhancing import Workshop
    from edgeenh.bulk.ledger import Ledger
    from edgeenh.enhancer import Enhancer

SCHEMA = "edgeenh.enhance/1"

HELP = """Enhance pictures and DICOM objects, and write each under its own name into a folder.

INPUT is a picture, a DICOM file, a folder (with all folders in it, which are kept), or a glob. A picture becomes a PNG
(lossless) with its EXIF and colour profile; a DICOM object becomes a derived object of its own series, with all its
frames. A model for colour takes 8-bit RGB; one for grey (X-ray) takes 8- and 16-bit grey, and a picture keeps its depth.

A file that cannot be used is named and left out; the others are done. Originals are never overwritten. What a former run
made of the same bytes, with the same model and settings, is not done again (enhanced.jsonl in the folder); --again
does all of it.

--ray does it on a cluster (extra cluster): files are read and written here, and enhanced wherever there is room; a machine
that dies costs nothing but time. --threads is then of each worker, default 1. docs/enhance.md.

Exit: 0 all done; 1 some could not be done, or the disk is full; 2 bad usage, or no input could be used; 4 the
bundle is not what it says; 5 the backend is unavailable; 130 interrupted, with every finished file kept.

Example: edgeenh enhance photos/ --out enhanced/ --strength 0.8
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("enhance", help=HELP)(enhance)


def enhance(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT", help="Pictures, folders or globs.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder for the enhanced pictures.")],
    model: ModelOption = None,
    backend: BackendOption = "auto",
    precision: PrecisionOption = None,
    strength: StrengthOption = None,
    threads: ThreadsOption = None,
    device: DeviceOption = "auto",
    bits: BitsOption = None,
    public_key: PublicKeyOption = None,
    floor: FloorOption = None,
    again: Annotated[bool, typer.Option("--again", help="Also do what a former run has done already.")] = False,
    ray: Annotated[
        str | None,
        typer.Option("--ray", metavar="ADDRESS", help="On a Ray cluster: auto, local, or HOST:PORT of its head."),
    ] = None,
    json_target: output.JsonOption = None,
) -> int:
    """See `HELP`."""
    from edgeenh import __version__
    from edgeenh.bulk.discovery import plan
    from edgeenh.bulk.enhancing import Workshop
    from edgeenh.bulk.ledger import Ledger, settings_key
    from edgeenh.files import make_folder
    from edgeenh.stream.opening import check_range

    check_range(1.0, strength, None)
    found, unusable = find_files(inputs, out)
    if not found:
        raise SourceError("; ".join(outcome.detail for outcome in unusable))
    items = plan(found, out)
    make_folder(out)
    with ExitStack() as stack:
        if ray is not None:
            from edgeenh.bulk.cluster import connected

            stack.enter_context(connected(ray))  # before Interrupts: Ray sets handlers of its own
        interrupts = stack.enter_context(Interrupts())
        enhancer = load_enhancer(model, backend, precision, strength, threads, device, public_key, floor)
        stack.callback(enhancer.close)
        check_bits(bits, enhancer)
        interrupts.react(lambda: None)  # the loop looks at `interrupts.count` between two files
        key = settings_key(
            bundle=enhancer.bundle.sha256, strength=enhancer.strength, bits=bits, backend=backend, precision=precision,
            device=device, edgeenh=__version__,
        )  # fmt: skip
        ledger = Ledger(out, key)
        if ray is None:
            outcomes = enhance_all(Workshop(enhancer, bits), items, ledger, interrupts, again=again)
        else:
            how: dict[str, Any] = {"bits": bits, "threads": threads, "device": device, "again": again}
            outcomes = enhance_elsewhere(enhancer, items, ledger, interrupts, **how)
        for notice in enhancer.notices:
            output.remark(notice.detail)
        counts = count(len(items), unusable, outcomes)
        report = make_report(enhancer, counts, unusable + outcomes, strength, interrupted=interrupts.count > 0)
        tell(counts, unusable + outcomes, describe(enhancer), out)
    output.emit_json(json_target, report)
    done = counts["enhanced"] or counts["done_before"]
    output.next_step(next_step(inputs[0], model, enhancer) if done else "edgeenh doctor")
    return 130 if interrupts.count else exit_code(unusable + outcomes)


def find_files(inputs: list[str], out: Path) -> tuple[list[tuple[Path, Path]], list[Outcome]]:
    """The files that `inputs` name, in order, each once, with its place; and a failed outcome for each input without one."""
    from edgeenh.bulk.discovery import expand

    found: dict[Path, Path] = {}
    unusable: list[Outcome] = []
    left_out: list[tuple[str, SourceError]] = []
    for text in inputs:
        try:
            for file, place in expand(text, out, left_out):
                found.setdefault(file, place)
        except SourceError as exc:
            unusable.append(Outcome.failed(text, exc))
    unusable += [Outcome.failed(name, error) for name, error in left_out]
    return list(found.items()), unusable


def enhance_all(
    workshop: Workshop, items: list[Item], ledger: Ledger, interrupts: Interrupts, *, again: bool
) -> list[Outcome]:
    """Enhance one file after another until the end, a signal, or a full disk; returns what became of each begun."""
    outcomes: list[Outcome] = []
    with output.progress("enhancing", len(items), "files") as progress:
        for item in items:
            if interrupts.count:
                break
            try:
                outcomes.append(_enhance_one(workshop, item, ledger, again=again))
            except (InputError, InferenceFailed, MissingExtra) as exc:
                outcomes.append(Outcome.failed(str(item.source), exc))
                if is_read_only(exc):
                    break
            except OutputFailed as exc:
                outcomes.append(Outcome.failed(str(item.source), exc))
                break
            progress.update(len(outcomes))
    return outcomes


def enhance_elsewhere(
    enhancer: Enhancer, items: list[Item], ledger: Ledger, interrupts: Interrupts, **how: Any
) -> list[Outcome]:
    """As `enhance_all`, on the cluster that is connected; the outcomes stand in the order of the files all the same."""
    from edgeenh.bulk.cluster import check_machines, enhance_on_cluster

    output.remark(f"cluster: {check_machines()} machines")
    outcomes: list[Outcome] = []
    coming = enhance_on_cluster(items, ledger, enhancer, uuid4(), **how)
    with output.progress("enhancing", len(items), "files") as progress, closing(coming):
        for outcome in coming:
            outcomes.append(outcome)
            progress.update(len(outcomes))
            if interrupts.count:
                break
    order = {str(item.source): index for index, item in enumerate(items)}
    return sorted(outcomes, key=lambda outcome: order[outcome.input])


def _enhance_one(workshop: Workshop, item: Item, ledger: Ledger, *, again: bool) -> Outcome:
    from edgeenh.bulk.ledger import sha256
    from edgeenh.files import write_bytes
    from edgeenh.pictures import read_content

    data = read_content(item.source)
    if not again and ledger.has(item.target, data):
        return Outcome.before(item)
    made = workshop.enhance(item, data)
    write_bytes(item.target, made.content)
    ledger.add(item.target, item.source, sha256(data), made.content, workshop.enhancer.provenance())
    return Outcome.made(item, made)


def count(found: int, unusable: list[Outcome], outcomes: list[Outcome]) -> dict[str, int]:
    """How many files the inputs named, and what became of them; `failed` counts inputs without a file too."""
    before = sum(outcome.done_before for outcome in outcomes)
    enhanced = sum(outcome.code == 0 for outcome in outcomes) - before
    return {
        "found": found,
        "enhanced": enhanced,
        "done_before": before,
        "failed": len(unusable) + len(outcomes) - enhanced - before,
        "not_begun": found - len(outcomes),
    }


def make_report(
    enhancer: Enhancer, counts: dict[str, int], outcomes: list[Outcome], strength: float | None, *, interrupted: bool
) -> dict[str, Any]:
    """The document of `--json`."""
    from edgeenh.environment import fingerprint

    return {
        "schema": SCHEMA,
        "model": model_json(enhancer),
        "backend": backend_json(enhancer),
        "strength": 1.0 if strength is None else strength,
        "interrupted": interrupted,
        "counts": counts,
        "pictures": [asdict(outcome) for outcome in outcomes],
        "environment": fingerprint(),
    }


def tell(counts: dict[str, int], outcomes: list[Outcome], model: str, out: Path) -> None:
    """The report for people: what failed on stderr, the result on stdout."""
    for outcome in outcomes:
        if outcome.code:
            output.remark(outcome.detail)
        for what in outcome.left_out:
            output.remark(f"{outcome.output} is without what {outcome.input} has: {what}")
    output.say(model)
    shown = {name: number for name, number in counts.items() if number or name != "done_before"}
    words = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in shown.items())
    written = f"; written to {out}" if counts.get("enhanced") else "; nothing was written"
    output.say(f"pictures: {words}{written}")


def exit_code(outcomes: list[Outcome]) -> int:
    """0 all done; 1 some failed while others were done, or a job failed; 2 all failed because of what was given."""
    codes = {outcome.code for outcome in outcomes}
    return max(codes, default=0) if len(codes) == 1 else 1
