"""`edgeenh bench compare` and `report`: what is done with stored results. Imports nothing heavy."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from edgeenh.cli import output
from edgeenh.errors import MissingExtra, UsageError


def report_command(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="R.json…",
            help="Results of `edgeenh bench`, `--soak`, `--fault`, `peers`, `streams`, `scaling`, `roofline`.",
            show_default=False,
        ),
    ],
    html: Annotated[Path, typer.Option("--html", metavar="F.html", help="The page.", show_default=False)],
    quality: Annotated[
        list[Path] | None,
        typer.Option(
            "--quality",
            metavar="Q.json",
            help="A table of `edgeenh evaluate --json` beside it; more than once if wanted.",
        ),
    ] = None,
) -> None:
    """Make one self-contained page of stored results: tables, charts, drift, conditions, and tables of quality.

    Exit: 0 written; 2 a result cannot be read, or the page cannot be written.

    Example: edgeenh bench report bench.json --html bench.html
    """
    require_report(html, [*results, *(quality or [])])
    from edgeenh_bench.report import worst_frames
    from edgeenh_bench.report.limits import SHOWN, read_panel, require_known
    from edgeenh_bench.report.page import Section, require_shown, write_page
    from edgeenh_bench.report.quality import read_quality
    from edgeenh_bench.stored_result import read_result

    limits = [path for path in results if require_known(path) in SHOWN]
    sections = []
    for path in results:
        if path not in limits:
            document = read_result(path)
            pictures, missing = worst_frames.load(document, path)
            sections.append(Section(document, path.name, pictures, missing))
            for line in missing:
                output.remark(line)
    judged = [read_quality(path) for path in quality or []]
    panels = [read_panel(path) for path in limits]
    require_shown(sections, [*zip(quality or [], judged, strict=True)])
    write_page(html, sections, judged, panels)
    output.say(f"page: {html}")
    output.next_step(f"open {shlex.quote(str(html))} in a browser")


def require_report(html: Path, reads: Iterable[Path | None]) -> None:
    """Say before the work what would be said after it: jinja2 is missing, the place cannot be written to, or is that of what is read."""
    from importlib.util import find_spec

    from edgeenh.files import make_folder

    if find_spec("jinja2") is None:
        raise MissingExtra("`edgeenh bench --html`", "bench")
    if html.is_dir() or not html.name:
        raise UsageError(f"--html {html} is a folder: name a file, e.g. report.html")
    if any(path is not None and path.resolve() == html.resolve() for path in reads):
        raise UsageError(f"--html {html} is read by this command, and would be replaced: name another file")
    make_folder(html.absolute().parent)


def compare_command(
    before: Annotated[
        Path, typer.Argument(metavar="A.json", help="A result of `edgeenh bench --json`.", show_default=False)
    ],
    after: Annotated[
        Path, typer.Argument(metavar="B.json", help="Another one, of the same machine.", show_default=False)
    ],
    force: Annotated[  # noqa: FBT002  # typer reads a flag from the signature
        bool, typer.Option("--force", help="Compare results that were not measured alike; it proves nothing.")
    ] = False,
    json_target: output.JsonOption = None,
) -> None:
    """Compare two results row by row, and say which differences are more than chance.

    Exit: 0 compared; 2 they cannot be read, or were not measured alike.

    Example: edgeenh bench compare before.json after.json
    """
    from edgeenh_bench import two_results
    from edgeenh_bench.stored_result import read_result
    from edgeenh_bench.table import render_comparison

    comparison = two_results.compare_results(read_result(before), read_result(after))
    if not force:
        two_results.require_alike(comparison)
    output.say(render_comparison(comparison))
    output.emit_json(json_target, {"schema": "edgeenh.bench-compare/1", "forced": force, **comparison.to_json()})


def finish(text: str, document: dict[str, Any], json_target: str | None) -> None:
    """Print a result and write it; only then end, where somebody interrupted it.

    Raises:
        UsageError, OutputFailed: The file cannot be written.
        KeyboardInterrupt: The document says `interrupted`: what was measured is not lost.
    """
    output.say(text)
    output.emit_json(json_target, document)
    if document["interrupted"]:
        raise KeyboardInterrupt


RESULTS: dict[str, Callable[..., Any]] = {"compare": compare_command, "report": report_command}
