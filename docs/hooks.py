"""What the site makes when it is built: the page of commands from their own `--help`, and links that leave docs/ as plain names."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from typing import Any

from edgeenh.cli.summaries import SUMMARIES

COMMANDS = "reference/commands.md"
_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./(?!\.\.)([^)]+)\)")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The page of commands is made; elsewhere `[text](../file)` of a page in docs/ leaves the site and becomes the file's name."""
    if page.file.src_uri == COMMANDS:
        return markdown + "\n".join(_help(*words) for words in all_commands())
    if "/" in page.file.src_uri:
        return markdown
    return _OUTSIDE.sub(
        lambda found: (
            f"{found[1]} (`{found[2]}` in the source tree)"
            if found[1] != found[2]
            else f"`{found[2]}` in the source tree"
        ),
        markdown,
    )


def all_commands() -> list[tuple[str, ...]]:
    """Every command and subcommand, as its words, in the order of the program's own help."""
    return [words for name in SUMMARIES for words in [(name,), *((name, part) for part in _parts(_said(name)))]]


def _parts(text: str) -> list[str]:
    """The subcommands that a help lists; none of a plain command."""
    return re.findall(r"^  ([a-z]+)  ", text.partition("\nCommands:\n")[2], flags=re.MULTILINE)


def _help(*words: str) -> str:
    return f"\n## edgeenh {' '.join(words)}\n\n```text\n{_said(*words).strip()}\n```\n"


@functools.cache
def _said(*words: str) -> str:
    command = [sys.executable, "-m", "edgeenh.cli", *words, "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
