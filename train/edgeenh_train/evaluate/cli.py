"""`edgeenh evaluate`: its options, and what it prints. Imports nothing heavy; torch is loaded when a job begins."""

from __future__ import annotations

import importlib.util
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeenh.cli import output
from edgeenh.cli.model import StrengthOption
from edgeenh.cli.output import JsonOption
from edgeenh.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    from edgeenh_train.evaluate.candidate import Candidate
    from edgeenh_train.evaluate.no_reference import ModelFiles
    from edgeenh_train.evaluate.run import Report

_NEEDS = ("torch", "safetensors", "skimage", "scipy")

HELP = """Measure how good enhanced pictures are: a table per set of pictures.

PAIRS is a folder with input/ and truth/ (or expertC/) of the same names, as `edgeenh dataset degrade` writes them, or a
folder of pictures without a truth, for which only measures that need none are given.

Rows: the input, the methods that need no training, and the models (default: the checkpoint that ships). PSNR, SSIM and
ΔE2000 against the truth; NIQE, BRISQUE and NIMA need files that you supply, and read "no weights" otherwise. A row that
fails says why; the others go on. A truncated picture is left out of every row and named; more than 5 % stop the command. --strength judges the models as they are used at that strength; methods without
training have none.

Exit: 0 done; 1 every model failed; 2 bad usage or input; 5 a part is not installed.

Example: edgeenh evaluate runs/pairs --model mine=runs/mine/generator.safetensors --out runs/quality
"""


def register(app: typer.Typer) -> None:
    """Add `evaluate` to the application."""
    app.command("evaluate", help=HELP)(evaluate)


def evaluate(
    pairs: Annotated[list[Path], typer.Argument(metavar="PAIRS", help="Folders of pictures; a table for each.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="[NAME=]FILE",
            help="A checkpoint (.safetensors), a bundle (.edgeenh), or one that ships: dental-n, xray-n; may repeat.",
        ),
    ] = None,
    strength: StrengthOption = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method", metavar="NAME", help="levels, clahe, or one form of levels; may repeat. Default: all."
        ),
    ] = None,
    niqe: Annotated[Path | None, typer.Option(metavar="F.npz", help="NIQE parameters, as BasicSR has them.")] = None,
    brisque: Annotated[Path | None, typer.Option(metavar="F.yml", help="BRISQUE model, as OpenCV has it.")] = None,
    brisque_range: Annotated[
        Path | None, typer.Option("--brisque-range", metavar="F.yml", help="Range of its features, likewise.")
    ] = None,
    nima: Annotated[
        Path | None, typer.Option(metavar="FILE", help="NIMA weights: idealo's HDF5, or of nima.pytorch.")
    ] = None,
    nima_sha256: Annotated[
        str | None, typer.Option("--nima-sha256", metavar="HEX", help="The digest that the NIMA file must have.")
    ] = None,
    ours: Annotated[
        str | None, typer.Option(metavar="NAME", help="The row to compare the others with; default: the first model.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for quality.json, quality.md and picture sheets.")
    ] = None,
    max_pictures: Annotated[
        int | None, typer.Option("--max-pictures", metavar="N", min=1, help="Take N of each set, evenly spread.")
    ] = None,
    bits: Annotated[
        int | None,
        typer.Option(metavar="N", min=9, max=16, help="Bits that the values of 16-bit grey files have, e.g. 12."),
    ] = None,
    sheet_pictures: Annotated[
        int, typer.Option("--sheet-pictures", metavar="N", min=1, help="Rows of a sheet, from worst to best.")
    ] = 3,
    json_target: JsonOption = None,
) -> int:
    """See `HELP`."""
    if any(importlib.util.find_spec(name) is None for name in _NEEDS):
        raise MissingExtra("`edgeenh evaluate`", "train")
    from edgeenh_train.evaluate.candidate import remarks_on
    from edgeenh_train.evaluate.no_reference import ModelFiles

    files = ModelFiles(niqe, brisque, brisque_range, nima, nima_sha256)
    candidates = _candidates(model or [], method or [], strength)
    for line in remarks_on(candidates):
        output.remark(line)
    ours = _ours(candidates, ours)
    reports = _evaluate_all(pairs, candidates, files, max_pictures, bits or 0)
    _tell(reports, candidates, ours, out, sheet_pictures, json_target)
    output.next_step(_next(pairs[0], out))
    models = [c.name for c in candidates if c.facts["trained"]]
    failed = [bool(report.row(name).failure) for report in reports for name in models]
    return 1 if failed and all(failed) else 0


def _candidates(models: list[str], methods: list[str], strength: float | None) -> list[Candidate]:
    from edgeenh.arguments import check_strength
    from edgeenh_train.checkpoint import SHIPPED
    from edgeenh_train.evaluate.candidate import input_candidate, model_candidate
    from edgeenh_train.evaluate.levels import training_free

    given = None if strength is None else check_strength(strength)
    named = [_named(text) for text in models] or [(None, SHIPPED)]
    opened = [model_candidate(path, name, given) for name, path in named]
    return [input_candidate(), *training_free(methods), *opened]


def _named(text: str) -> tuple[str | None, Path]:
    """`NAME=FILE` or `FILE`; a file whose path holds = is given with a name."""
    name, sign, path = text.partition("=")
    if sign and not (name and path):
        raise UsageError(f"--model {text} is not NAME=FILE: give a name, =, and a checkpoint or bundle")
    return (name, Path(path)) if sign else (None, Path(text))


def _ours(candidates: list[Candidate], wanted: str | None) -> str:
    names = [candidate.name for candidate in candidates]
    if wanted is not None and wanted not in names:
        raise UsageError(f"--ours {wanted} is no row; choose one of {', '.join(names)}")
    return wanted or next(candidate.name for candidate in candidates if candidate.facts["trained"])


def _evaluate_all(
    folders: list[Path], candidates: list[Candidate], files: ModelFiles, max_pictures: int | None, bits: int
) -> list[Report]:
    from edgeenh_train.evaluate.full_reference import CHANGE, FULL_REFERENCE
    from edgeenh_train.evaluate.no_reference import no_reference_scorers
    from edgeenh_train.evaluate.pairs import read_set
    from edgeenh_train.evaluate.run import evaluate as judge

    scorers = (*FULL_REFERENCE, *no_reference_scorers(files), CHANGE)
    sets = [read_set(folder, max_pictures, bits) for folder in folders]  # all are checked before the first is judged
    reports = []
    for pair_set in sets:
        with output.progress(f"evaluate {pair_set.name}", len(pair_set.pairs), "pictures") as bar:
            reports.append(judge(candidates, pair_set, scorers, lambda done, _total, name: bar.update(done, name)))
    return reports


def _tell(
    reports: list[Report],
    candidates: list[Candidate],
    ours: str,
    out: Path | None,
    sheet_pictures: int,
    json_target: str | None,
) -> None:
    from datetime import UTC, datetime

    from edgeenh.environment import fingerprint
    from edgeenh_train.evaluate.report import document, markdown

    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    environment = {**fingerprint(), "measures": _versions()}
    for reason in (line for report in reports for line in report.left_out):
        output.remark(f"left out: {reason}")
    whole = document(reports, environment=environment, created=created, ours=ours)
    tables = "\n".join(f"## {report.pairs.name}\n\n{markdown(report, ours)}" for report in reports)
    output.say(tables)
    output.emit_json(json_target, whole)
    if out is None:
        return
    from edgeenh.files import make_folder, write_text

    make_folder(out)
    output.emit_json(out / "quality.json", whole)
    write_text(out / "quality.md", tables)
    for index, report in enumerate(reports, start=1):
        _write_sheet(out, index, report, candidates, ours, sheet_pictures)


def _versions() -> dict[str, str]:
    """Versions of what the figures come from, besides what every fingerprint holds."""
    from importlib.metadata import version

    return {name: version(name) for name in ("scikit-image", "scipy")}


def _write_sheet(out: Path, index: int, report: Report, candidates: list[Candidate], ours: str, pictures: int) -> None:
    from edgeenh_train.evaluate.sheet import chosen, write_sheet

    path = out / f"sheet-{index}-{report.pairs.name}.jpg"
    write_sheet(path, report, candidates, chosen(report, ours, pictures), ours)
    output.say(f"{path}")


def _next(folder: Path, out: Path | None) -> str:
    if out is None:
        return f"edgeenh evaluate {shlex.quote(str(folder))} --out runs/quality"
    return "edgeenh export --fp16 --out out/m.edgeenh"
