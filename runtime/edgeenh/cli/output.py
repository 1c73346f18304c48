"""What commands print: results on stdout, remarks on stderr, one JSON document where it is asked for.

With `--json -` stdout carries the JSON document and nothing else; what is for people then goes to stderr.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from edgeenh.errors import EdgeenhError, UsageError

if TYPE_CHECKING:
    from edgeenh.cli.progress import Progress


_SURROGATE = re.compile("[\ud800-\udfff]")
"""What stands in a file name for a byte that is no UTF-8 (PEP 383)."""


class _State:
    """What this process decided once, at the start of `main`."""

    json_on_stdout: bool = False
    words: Sequence[str] = ()


def start(words: Sequence[str]) -> None:
    """Note whether the command's words ask for JSON on stdout, before anything is printed."""
    _State.words = words
    _State.json_on_stdout = any(
        word == "--json=-" or (word == "--json" and following == "-")
        for word, following in zip(words, [*words[1:], ""], strict=False)
    )


def keep_stdout() -> None:
    """From now on stdout belongs to something else than words: those go to stderr."""
    _State.json_on_stdout = True


def check_json_target(target: str | None) -> str | None:
    """Refuse a `--json` file that cannot be written before the job starts, not after it; returns `target`.

    Raises:
        UsageError: It is a folder, or its folder cannot be written to.
        OutputFailed: The disk is full.
    """
    if target is None or target == "-":
        return target
    from edgeenh.files import make_folder

    path = Path(target)
    if path.is_dir():
        raise UsageError(f"--json {target} is a folder: name a file, or - for stdout")
    if not _is_device(path):
        _refuse_overwriting(target)
        make_folder(path.parent)
    return target


def _refuse_overwriting(target: str) -> None:
    """Refuse a `--json` file that another word of the command line names too: an input or the result itself."""
    named = [word.partition("=")[2] if word.startswith("--") else word for word in _State.words]
    if sum(os.path.realpath(word) == os.path.realpath(target) for word in named if word) > 1:
        raise UsageError(f"--json {target} is also an input or the output of this command: name another file")


JsonOption = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE", help="Write the result as JSON; - = stdout.", callback=check_json_target),
]
"""The option every command has; a command takes it as `json_target: JsonOption = None`."""


def emit_json(target: str | Path | None, document: Any) -> None:
    """Write `document` as JSON: to the file `target` (whole or not at all), to stdout for `-`, nowhere for None.

    Raises:
        UsageError, OutputFailed: The file cannot be written.
        ValueError: The document holds NaN or infinity, which JSON has no word for.
    """
    if target is None:
        return
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if _SURROGATE.search(text):  # a file name that is no UTF-8: escaped, as JSON allows
        text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    if str(target) == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        _write_json(Path(target), text)


def _write_json(path: Path, text: str) -> None:
    from edgeenh.files import translate_write_error, write_text

    if not _is_device(path):
        write_text(path.resolve(), text)
        return
    try:
        path.write_text(text, "utf-8")
    except OSError as exc:
        raise translate_write_error(path, exc) from exc


def _is_device(path: Path) -> bool:
    """True for /dev/null, a pipe and their like: written into, where a file would be replaced."""
    return path.exists() and not path.is_file()


def say(text: str) -> None:
    """Print a line of the result for people: on stdout, or on stderr while stdout carries JSON."""
    _line(sys.stderr if _State.json_on_stdout else sys.stdout, text)


def remark(text: str) -> None:
    """Print `edgeenh: text` on stderr: warnings, and the one line of an error."""
    _line(sys.stderr, f"edgeenh: {text}")


def exit_code_of(job: Callable[[], object]) -> int:
    """Do a script's job and return the exit code it ends with, after one line on stderr where it failed.

    For scripts beside the command `edgeenh`, which has its own end in `edgeenh.cli.main`.
    """
    try:
        job()
    except EdgeenhError as exc:
        remark(str(exc))
        return exc.exit_code
    except KeyboardInterrupt:
        remark("interrupted")
        return 130
    return 0


def next_step(command: str) -> None:
    """Print the command that is most useful after this one, ready to paste."""
    say(f"next: {command}")


def progress(title: str, total: int | None, unit: str = "frames") -> Progress:
    """A progress display on stderr for jobs of more than two seconds; silent where stderr is not a terminal.

    Use as a context manager and call `update(done)`. With rich installed it is a bar, otherwise one line that is
    rewritten.
    """
    from edgeenh.cli.progress import Progress

    return Progress(title, total, unit, stream=sys.stderr)


def _line(stream: TextIO, text: str) -> None:
    encoding = stream.encoding or "utf-8"  # a file name may hold bytes that are no text, and must not end the command
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()
