"""What `edgeenh bench` writes of a measurement: each file by itself, so that one that cannot be written costs no other. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeenh.cli import output
from edgeenh.errors import EdgeenhError

if TYPE_CHECKING:
    from edgeenh_bench.comparison import Compared

JUST_NOW = "measured just now"


def keep(compared: Compared, json_target: str | Path | None, html: Path | None) -> None:
    """Write the worst frames beside the JSON, the JSON, and the page, as far as each was asked for.

    Raises:
        UsageError, OutputFailed: The first of what could not be written; the rest was.
    """

    def frames() -> None:
        if (beside := _file_of(json_target)) is not None and compared.pictures:
            from edgeenh_bench.report import worst_frames

            compared.document[worst_frames.KEY] = worst_frames.save(compared.pictures, beside)

    def page() -> None:
        if html is not None:
            from edgeenh_bench.report.page import Section, write_page

            write_page(html, [Section(compared.document, JUST_NOW, compared.pictures)])
            output.say(f"page: {html}")

    _each(frames, lambda: output.emit_json(json_target, compared.document), page)


def keep_panel(document: dict[str, Any], json_target: str | Path | None, html: Path | None) -> None:
    """The same of a soak or a rehearsal, which has no frames."""

    def page() -> None:
        if html is not None:
            from edgeenh_bench.report.limits import panel
            from edgeenh_bench.report.page import write_page

            write_page(html, [], [], [panel(document, JUST_NOW)])
            output.say(f"page: {html}")

    _each(lambda: output.emit_json(json_target, document), page)


def _each(*steps: Callable[[], None]) -> None:
    """Do all of them, whatever became of the others; then raise the first error."""
    errors = list[EdgeenhError]()
    for step in steps:
        try:
            step()
        except EdgeenhError as exc:
            errors.append(exc)
    if errors:
        raise errors[0]


def _file_of(json_target: str | Path | None) -> Path | None:
    """The plain file that the JSON goes to; None for stdout, a device or nowhere: nothing can lie beside these."""
    if json_target is None or str(json_target) == "-":
        return None
    path = Path(json_target)
    return path if path.is_file() or not path.exists() else None
