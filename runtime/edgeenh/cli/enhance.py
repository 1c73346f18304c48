"""`edgeenh enhance`: pictures in, enhanced pictures out."""

from __future__ import annotations

import shlex
import time
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
    backend_json,
    check_bits,
    describe,
    load_enhancer,
    model_json,
    next_step,
)
from edgeenh.errors import EdgeenhError, InferenceFailed, InputError, OutputFailed, SourceError, UsageError

if TYPE_CHECKING:
    from edgeenh.enhancer import Enhancer

SCHEMA = "edgeenh.enhance/1"

HELP = """Enhance pictures, and write each as PNG (lossless) under its own name into a folder.

A model for colour takes 8-bit RGB; one for grey (X-ray) takes 8- and 16-bit grey, and a picture keeps its depth.

INPUT is a picture, a folder of pictures (not the folders in it), or a glob. A picture that cannot be used is named
and left out; the others are done. Originals are never overwritten.

Exit: 0 all done; 1 some could not be done, or the disk is full; 2 bad usage, or no input could be used; 4 the
bundle is not what it says; 5 the backend is unavailable; 130 interrupted, with every finished picture kept.

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
    json_target: output.JsonOption = None,
) -> int:
    """See `HELP`."""
    from edgeenh.files import make_folder
    from edgeenh.stream.opening import check_range

    check_range(1.0, strength, None)
    pictures, unusable = find_pictures(inputs)
    if not pictures:
        raise SourceError("; ".join(outcome.detail for outcome in unusable))
    targets = plan(pictures, out)
    make_folder(out)
    with ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        enhancer = load_enhancer(model, backend, precision, strength, threads, device, public_key, floor)
        stack.callback(enhancer.close)
        check_bits(bits, enhancer)
        interrupts.react(lambda: None)  # the loop looks at `interrupts.count` between two pictures
        outcomes = enhance_all(enhancer, targets, interrupts, bits)
        for notice in enhancer.notices:
            output.remark(notice.detail)
        counts = count(len(pictures), unusable, outcomes)
        report = make_report(enhancer, counts, unusable + outcomes, strength, interrupted=interrupts.count > 0)
        tell(counts, unusable + outcomes, describe(enhancer), out)
    output.emit_json(json_target, report)
    output.next_step(next_step(inputs[0], model, enhancer) if counts["enhanced"] else "edgeenh doctor")
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
        enhance_ms: Time in the enhancer, the first of a size included.
    """

    input: str
    output: str | None = None
    detail: str = ""
    code: int = 0
    size: tuple[int, int] | None = None
    bits: int | None = None
    enhance_ms: float | None = None

    @classmethod
    def failed(cls, name: str, error: EdgeenhError) -> Outcome:
        """The outcome of an input that raised `error`."""
        return cls(name, detail=str(error), code=error.exit_code)


def find_pictures(inputs: list[str]) -> tuple[list[Path], list[Outcome]]:
    """The pictures that `inputs` name, in order, without repetition; and a failed outcome for each input without one."""
    found: dict[Path, None] = {}
    unusable = []
    for text in inputs:
        try:
            found |= dict.fromkeys(_expand(text))
        except SourceError as exc:
            unusable.append(Outcome.failed(text, exc))
    return list(found), unusable


def _expand(text: str) -> list[Path]:
    from edgeenh.pictures import PICTURE_SUFFIXES
    from edgeenh.sources.pictures import is_pattern, pictures_in, pictures_matching

    path = Path(text)
    if path.is_dir():
        matches = pictures_in(path)
    elif is_pattern(path):
        matches = pictures_matching(text)
    elif path.suffix.lower() in (".mp4", ".mov", ".avi", ".mkv", ".webm"):
        raise SourceError(
            f"{text} is a video, expected pictures: use `edgeenh run {shlex.quote(text)} --out enhanced.mp4`"
        )
    else:
        return [path]
    if not matches:
        raise SourceError(
            f"{text} holds no picture, expected files ending in {', '.join(PICTURE_SUFFIXES)}: give another place"
        )
    return matches


def plan(pictures: list[Path], out: Path) -> dict[Path, Path]:
    """Where each picture goes: `out/STEM.png`.

    Raises:
        UsageError: Two pictures would get the same place, or one would overwrite an input.
    """
    sources: dict[Path, Path] = {}
    originals = {picture.resolve(): picture for picture in pictures}
    for picture in pictures:
        target = out / f"{picture.stem}.png"
        if target in sources:
            raise UsageError(
                f"{sources[target]} and {picture} would both be written to {target}: enhance them into two folders"
            )
        if target.resolve() in originals:
            raise UsageError(f"{target} is one of the inputs: choose another --out, originals are not overwritten")
        sources[target] = picture
    return {picture: target for target, picture in sources.items()}


def enhance_all(
    enhancer: Enhancer, targets: dict[Path, Path], interrupts: Interrupts, bits: int | None = None
) -> list[Outcome]:
    """Enhance one picture after another until the end, a signal, or a full disk; returns what became of each begun."""
    outcomes: list[Outcome] = []
    with output.progress("enhancing", len(targets), "pictures") as progress:
        for picture, target in targets.items():
            if interrupts.count:
                break
            try:
                outcomes.append(_enhance_one(enhancer, picture, target, bits))
            except (InputError, InferenceFailed) as exc:
                outcomes.append(Outcome.failed(str(picture), exc))
            except OutputFailed as exc:
                outcomes.append(Outcome.failed(str(picture), exc))
                break
            progress.update(len(outcomes))
    return outcomes


def _enhance_one(enhancer: Enhancer, picture: Path, target: Path, bits: int | None) -> Outcome:
    from edgeenh.pictures import read_frame, write_frame

    image = read_frame(picture, enhancer.pixels.photometric)
    started = time.perf_counter()
    enhanced = enhancer(image, bits=bits)
    milliseconds = (time.perf_counter() - started) * 1e3
    write_frame(target, enhanced)
    size = image.shape[1], image.shape[0]
    depth = bits or 8 * image.dtype.itemsize
    return Outcome(str(picture), str(target), size=size, bits=depth, enhance_ms=round(milliseconds, 3))


def count(found: int, unusable: list[Outcome], outcomes: list[Outcome]) -> dict[str, int]:
    """How many pictures the inputs named, and what became of them; `failed` counts inputs without a picture too."""
    enhanced = sum(outcome.code == 0 for outcome in outcomes)
    return {
        "found": found,
        "enhanced": enhanced,
        "failed": len(unusable) + len(outcomes) - enhanced,
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
    output.say(model)
    words = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items())
    written = f"; written to {out}" if counts.get("enhanced") else "; nothing was written"
    output.say(f"pictures: {words}{written}")


def exit_code(outcomes: list[Outcome]) -> int:
    """0 all done; 1 some failed while others were done, or a job failed; 2 all failed because of what was given."""
    codes = {outcome.code for outcome in outcomes}
    return max(codes, default=0) if len(codes) == 1 else 1
