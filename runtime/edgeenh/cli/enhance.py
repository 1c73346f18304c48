"""`edgeenh enhance`: pictures in, enhanced pictures out."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
from edgeenh.errors import EdgeenhError, InferenceFailed, InputError, MissingExtra, OutputFailed, SourceError
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
        interrupts = stack.enter_context(Interrupts())
        enhancer = load_enhancer(model, backend, precision, strength, threads, device, public_key, floor)
        stack.callback(enhancer.close)
        check_bits(bits, enhancer)
        interrupts.react(lambda: None)  # the loop looks at `interrupts.count` between two files
        key = settings_key(
            bundle=enhancer.bundle.sha256, strength=enhancer.strength, bits=bits, backend=backend, precision=precision,
            device=device, edgeenh=__version__,
        )  # fmt: skip
        outcomes = enhance_all(Workshop(enhancer, bits), items, Ledger(out, key), interrupts, again=again)
        for notice in enhancer.notices:
            output.remark(notice.detail)
        counts = count(len(items), unusable, outcomes)
        report = make_report(enhancer, counts, unusable + outcomes, strength, interrupted=interrupts.count > 0)
        tell(counts, unusable + outcomes, describe(enhancer), out)
    output.emit_json(json_target, report)
    done = counts["enhanced"] or counts["done_before"]
    output.next_step(next_step(inputs[0], model, enhancer) if done else "edgeenh doctor")
    return 130 if interrupts.count else exit_code(unusable + outcomes)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one input.

    Attributes:
        input: The picture, or the words of the user where they name none.
        output: Where the enhanced picture is; None when there is none.
        detail: Why there is none; empty otherwise.
        code: Exit code of what went wrong; 0 when nothing did.
        size: (width, height) in pixels; None when it was not read.
        bits: Bits per value, before and after; None when it was not read.
        frames: Pictures in the file; None when it was not read.
        left_out: What the file has beside its pixels and the result does not, in words.
        done_before: A former run made it, and it is as it was written.
        enhance_ms: Time in the enhancer, the first of a size included.
    """

    input: str
    output: str | None = None
    detail: str = ""
    code: int = 0
    size: tuple[int, int] | None = None
    bits: int | None = None
    frames: int | None = None
    left_out: tuple[str, ...] = ()
    done_before: bool = False
    enhance_ms: float | None = None

    @classmethod
    def failed(cls, name: str, error: EdgeenhError) -> Outcome:
        """The outcome of an input that raised `error`."""
        return cls(name, detail=str(error), code=error.exit_code)


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
            except OutputFailed as exc:
                outcomes.append(Outcome.failed(str(item.source), exc))
                break
            progress.update(len(outcomes))
    return outcomes


def _enhance_one(workshop: Workshop, item: Item, ledger: Ledger, *, again: bool) -> Outcome:
    from edgeenh.files import write_bytes
    from edgeenh.pictures import read_content

    data = read_content(item.source)
    if not again and ledger.has(item.target, data):
        return Outcome(str(item.source), str(item.target), done_before=True)
    made = workshop.enhance(item, data)
    write_bytes(item.target, made.content)
    ledger.add(item.target, item.source, data, made.content, workshop.enhancer.provenance())
    milliseconds = round(made.milliseconds, 3)
    return Outcome(
        str(item.source),
        str(item.target),
        size=made.size,
        bits=made.bits,
        frames=made.frames,
        left_out=made.left_out,
        enhance_ms=milliseconds,
    )


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
