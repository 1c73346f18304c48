"""What the site makes when it is built: the page of commands from their own `--help`, and links that leave docs/ as plain names."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

COMMANDS = "reference/commands.md"
GROUPS = {
    "bench": ("compare", "report", "peers", "scaling", "roofline"),
    "dataset": ("split", "degrade", "fivek"),
    "evidence": ("verify",),
}
NAMES = (
    "train", "evaluate", "fidelity", "dataset", "export", "run", "station", "enhance", "inspect", "verify", "sign", "keygen", "cache", "doctor",
    "bench", "evidence",
)  # fmt: skip
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
    """Every command and subcommand, as its words."""
    return [words for name in NAMES for words in [(name,), *((name, sub) for sub in GROUPS.get(name, ()))]]


def _help(*words: str) -> str:
    command = [sys.executable, "-m", "edgeenh.cli", *words, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return f"\n## edgeenh {' '.join(words)}\n\n```text\n{done.stdout.strip()}\n```\n"
