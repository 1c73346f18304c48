"""Every `edgeenh …` that README and docs/ show, also where it cannot run here: commands, options, sources and sinks exist as written.

Blocks marked `sh` run as a whole (`test_readme.py`, `test_site.py`); this reads all others too, so that a page about a
camera or an archive that is not at hand cannot show an option that there is not.
"""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from edgeenh.cli import make_app
from edgeenh.errors import UsageError
from edgeenh.frames import PassthroughReason
from edgeenh.sources.grammar import split_options
from edgeenh.sources.kinds import kind_of

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
HISTORY = ROOT / "docs" / "log.md"

SOURCES = {"camera:": "camera", "gige:": "gige", "watch:": "watch", "dicom-listen:": "dicom_listener"}
"""Kinds of source with options, and the module that has them."""


def shown(page: Path) -> list[str]:
    """Commands in blocks (fenced or indented), and inline ones that have an argument."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    lines: list[str] = []
    language: str | None = None  # of the block that a line is in
    for line in text.splitlines():
        if fence := re.match(r" *```(\w*)", line):
            language = fence[1] if language is None else None
        elif language in ("", "sh") or (language is None and line.startswith("    ")):
            lines.append(line)
    found = [line[line.index("edgeenh ") :] for line in lines if re.search(r"(^|\| )edgeenh ", line.strip())]
    inline = [span for span in re.findall(r"`(edgeenh [a-z]+ [^`\n]+)`", text) if not re.search("[…{]", span)]
    return list(dict.fromkeys([*found, *inline]))


def words_of(line: str) -> list[str]:
    """The words of the first command of a line, without the program's name."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&<>")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words: list[str] = []
    for word in lexer:
        if set(word) <= set("|;&<>"):
            break
        words.append(word)
    return [word for word in words[1:] if word != "…"]


def parse(words: list[str]) -> dict[str, Any]:
    """Read a command line as the program would, without running it; the parameters of the innermost command."""
    command: Any = typer.main.get_command(make_app())
    context, rest = None, words
    name = "edgeenh"
    while True:
        context = command.make_context(name, list(rest), parent=context)
        # click keeps the first word of a subcommand apart from the others
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not rest or not hasattr(command, "resolve_command"):
            return dict(context.params)
        name, command, rest = command.resolve_command(context, rest)


def check_source(spec: str) -> None:
    kind_of(spec)
    for start, module in SOURCES.items():
        if spec.startswith(start):
            _, options = split_options(spec, importlib.import_module(f"edgeenh.sources.{module}").OPTIONS)
            if start == "dicom-listen:" and "inbox" not in options:
                raise UsageError(f"{spec} has no inbox")


def check_sink(spec: str) -> None:
    from edgeenh.sinks.dicom import OPTIONS

    if spec.startswith("dicom:"):
        body, options = split_options(spec, OPTIONS)
        if "@" in body and not body.startswith("dicom://"):
            raise UsageError(f"{spec} is an archive without dicom://")
        if body.startswith("dicom://") and "outbox" not in options:
            raise UsageError(f"{spec} has no outbox")


def problems(line: str) -> str:
    """What is wrong with a command line; empty = nothing."""
    try:
        words = words_of(line)
        found = parse(words)
        if words[:1] == ["run"]:
            for source in found["sources"] or ():
                check_source(source)
            for sink in found["out"] or ():
                check_sink(str(sink))
    except typer.Exit:
        return ""
    except Exception as error:
        return getattr(error, "message", "") or str(error)
    return ""


@pytest.mark.parametrize("page", [page for page in PAGES if page != HISTORY], ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_are_written_as_the_program_takes_them(page: Path) -> None:
    assert {line: why for line in shown(page) if (why := problems(line))} == {}


def test_the_commands_are_found() -> None:
    """A change of the form of the pages must not leave the test above with nothing to look at."""
    counts = {str(page.relative_to(ROOT)): len(shown(page)) for page in PAGES}
    assert sum(counts.values()) >= 100
    for page in ("README.md", "docs/tutorial.md", "docs/trust.md", "docs/how-to/pacs.md", "docs/station.md"):
        assert counts[page] >= 2, page


@pytest.mark.parametrize(
    "line",
    [
        "edgeenh rum clip.mp4",
        "edgeenh run clip.mp4 --speed 3",
        "edgeenh run clip.mp4 --strength much",
        "edgeenh run 'camera:0?rate=30'",
        "edgeenh run dicom-listen:11112",
        "edgeenh run clip.mp4 --out dicom:PACS@host:104",
        "edgeenh run clip.mp4 --out dicom://PACS@host:104",
        "edgeenh bench compare",
        "edgeenh evidence check pack.zip",
    ],
)
def test_what_is_wrong_is_seen(line: str) -> None:
    assert problems(line)


def test_reasons_in_troubleshooting_exist() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    named = re.findall(r"`([a-z]+_[a-z]+)`", text)
    assert named
    assert set(named) <= {reason.value for reason in PassthroughReason}
