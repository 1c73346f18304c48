"""The command `edgeenh`: one door for every package of the project.

Each command lives in a module with one function `register(app: typer.Typer) -> None`. The runtime's own modules are
named here; those of the trainer, the exporter and the benchmarks are found through the entry-point group
`edgeenh.commands`, so that the runtime never imports them. Nothing heavy is imported before a command runs:
`edgeenh --help` must answer at once.

Exit codes: 0 done, 1 job failed, 2 bad usage or input, 3 a gate failed, 4 integrity refused, 5 backend unavailable,
130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import takewhile
from typing import Any

import typer
from typer.core import TyperGroup

from edgeenh import __version__
from edgeenh.cli import output
from edgeenh.cli.summaries import SUMMARIES
from edgeenh.errors import EdgeenhError, MissingExtra

_WORKSHOPS = {
    "dataset": "edgeenh_train.dataset.cli:register",
    "train": "edgeenh_train.cli:register",
    "evaluate": "edgeenh_train.evaluate.cli:register",
    "fidelity": "edgeenh_train.fidelity.cli:register",
    "export": "edgeenh_export.cli:register",
    "bench": "edgeenh_bench.cli:register",
}
"""What an installed edgeenh announces as entry points; the same names serve a source tree that is not installed."""

_EXTRA = {"dataset": "train", "evaluate": "train", "fidelity": "train"}
"""The extra that a command needs, where its name is another."""

_CLICK_ERROR: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
"""The base of Typer's own usage errors: click's, or that of the copy of click inside newer releases of Typer."""

Register = Callable[[typer.Typer], None]


class _InterruptedError(EdgeenhError):
    """Ctrl-C in a command that has nothing to finish."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("interrupted")


class _Commands(TyperGroup):
    """The commands; Ctrl-C in one of them reaches `main` whatever Typer's release makes of it."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command named on the command line."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as exc:
            raise _InterruptedError from exc


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every error becomes one line on stderr.

    Args:
        argv: The words after `edgeenh`; None = those of this process.
    """
    words = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    with ended_like_ctrl_c(words):
        return _main(words)


def _main(words: list[str]) -> int:
    output.start(words)
    # OpenCV and FFmpeg would write their own lines between ours; what they complain of is found and said by us.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        result = _app_for(words)(args=words, prog_name="edgeenh", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except EdgeenhError as exc:
        return _end(str(exc), exc.exit_code)
    except _CLICK_ERROR as exc:
        return _end(_usage_line(exc), 2)
    except BrokenPipeError:
        # The reader of our output went away; point stdout at nothing, so that Python's last flush does not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except (KeyboardInterrupt, typer.Abort):
        return _end(str(_InterruptedError()), _InterruptedError.exit_code)
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else 1
    except Exception as exc:
        if "--debug" in words:
            raise
        line = f"{type(exc).__name__}: {exc}".replace("\n", " ")
        return _end(
            f"this is a bug in edgeenh: {line}; `edgeenh --debug {' '.join(words)}` shows where, please report it", 1
        )


@contextmanager
def ended_like_ctrl_c(words: Sequence[str]) -> Iterator[None]:
    """A service may be told to end while it still starts: then SIGTERM is a Ctrl-C, until the command has handlers of its own."""
    service = {"run", "station"} & set(words) and threading.current_thread() is threading.main_thread()
    if not service or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def make_app() -> typer.Typer:
    """Build the Typer application with every command that can be found; imports light modules only."""
    app = _root_app()
    workshops = _workshops()
    for name in dict.fromkeys([*SUMMARIES, *workshops]):
        _load(name, workshops.get(name, _own(name)))(app)
    return app


def _app_for(words: Sequence[str]) -> typer.Typer:
    """The part of the application that this command line needs: Typer spends most of a short command on those that are not asked for."""
    options = list(takewhile(lambda word: word.startswith("-"), words))
    if len(options) == len(words) or "--help" in options:
        return _overview()
    name = words[len(options)]
    if name not in SUMMARIES:
        return make_app()  # somebody else's command, or a word whose nearest names are to be told
    app = _root_app()
    _load(name, _WORKSHOPS.get(name, _own(name)))(app)
    return app


def _overview() -> typer.Typer:
    """Every command by its name and first line, for the help; only those of others are loaded."""
    app = _root_app()
    for name, summary in SUMMARIES.items():
        if name in _WORKSHOPS and not _there(_WORKSHOPS[name]):
            _register_missing(app, name)
        else:
            app.command(name, help=summary)(_nothing)
    for name, target in _workshops().items():
        if name not in SUMMARIES:
            _load(name, target)(app)
    return app


def _nothing() -> None:
    """Stand for a command in the overview, which runs none."""


def _there(target: str) -> bool:
    """Whether the module of `module:function` is installed; it is not imported."""
    try:
        return find_spec(target.partition(":")[0]) is not None
    except ImportError:  # the package around it is missing
        return False


def _own(name: str) -> str:
    return f"edgeenh.cli.{name}:register"


def _root_app() -> typer.Typer:
    # Rich markup would import rich for every `--help`; plain help is four times faster and reads the same in a log.
    app = typer.Typer(cls=_Commands, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    app.callback()(_root)
    return app


def _root(
    version: bool = typer.Option(
        False, "--version", help="Print the version and exit.", callback=lambda on: _print_version(on), is_eager=True
    ),
    debug: bool = typer.Option(False, "--debug", help="On an unexpected error show where it happened."),
) -> None:
    """Train an image-enhancement generator on unpaired pictures, export it, and stream frames through it.

    Example: edgeenh run clip.mp4 --out enhanced.mp4
    """


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"edgeenh {__version__}\n")
        raise typer.Exit


def _workshops() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group="edgeenh.commands")} | _WORKSHOPS


def _load(name: str, target: str) -> Register:
    """The `register` function at `module:function`, or one that registers a command saying what is missing."""
    module, _, function = target.partition(":")
    try:
        register: Register = getattr(importlib.import_module(module), function)
    except ImportError:
        if module.startswith("edgeenh.cli."):
            raise  # our own commands need nothing but the base install
        return lambda app: _register_missing(app, name)
    return register


def _register_missing(app: typer.Typer, name: str) -> None:
    everything = {"ignore_unknown_options": True, "allow_extra_args": True}

    extra = _EXTRA.get(name, name)

    @app.command(name, context_settings=everything, help=f"Not installed: pip install 'edgeenh[{extra}]'.")
    def missing() -> None:
        raise MissingExtra(f"`edgeenh {name}`", extra)


def _usage_line(error: Exception) -> str:
    """One line from one of Typer's usage errors, with the command whose help to read."""
    message = getattr(error, "format_message", lambda: str(error))()
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", "edgeenh")
    return f"{' '.join(message.split()).rstrip('.')}. See `{command} --help`."


def _end(line: str, code: int) -> int:
    output.remark(line)
    return code
