"""A progress display that appears only when a job takes longer than two seconds and a person is watching."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self, TextIO

QUIET_S = 2.0
"""Jobs shorter than this show nothing."""

INTERVAL_S = 0.2
"""Time between two drawings."""


class Progress:
    """Draws `title 12/250 frames, 30.1/s` on a terminal; draws nothing elsewhere.

    Args:
        title: What is being done, one or two words.
        total: How many units there will be; None when nobody knows.
        unit: What is counted, e.g. `frames`.
        stream: Where to draw; nothing is drawn unless it is a terminal.
        now: Monotonic time in seconds.
    """

    def __init__(self, title: str, total: int | None, unit: str, *, stream: TextIO, now: Any = time.monotonic) -> None:
        self._title, self._total, self._unit = title, total, unit
        self._stream, self._now = stream, now
        self._wanted = stream.isatty()
        self._started = self._drawn = now()
        self._first: tuple[int, float] | None = None
        self._bar: _RichBar | _PlainLine | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, done: int, note: str = "") -> None:
        """Say that `done` units are finished; costs a microsecond when there is nothing to draw."""
        if not self._wanted:
            return
        now = self._now()
        if self._first is None:
            self._first = done, now  # a job that goes on begins with what an earlier one did
        if now - self._started < QUIET_S or now - self._drawn < INTERVAL_S:
            return
        self._drawn = now
        if self._bar is None:
            self._bar = _open_bar(self._title, self._total, self._unit, self._stream)
        before, since = self._first
        rate = (done - before) / (now - since) if now > since else done / (now - self._started)
        self._bar.draw(done, f"{rate:.1f} {self._unit}/s {note}".rstrip())


def _open_bar(title: str, total: int | None, unit: str, stream: TextIO) -> _RichBar | _PlainLine:
    try:
        return _RichBar(title, total, stream)
    except ImportError:
        return _PlainLine(title, total, unit, stream)


class _RichBar:
    """Where a line is too narrow, the bar and then the note give way: how much is done and how long it takes are always seen."""

    def __init__(self, title: str, total: int | None, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars
        from rich.table import Column

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TimeRemainingColumn(table_column=Column(no_wrap=True)),
            _note_column(),
        )
        self._bars = Bars(*columns, console=Console(file=stream), transient=True)
        self._task = self._bars.add_task(title, total=total, note="")
        self._bars.start()

    def draw(self, done: int, note: str) -> None:
        self._bars.update(self._task, completed=done, note=note)

    def close(self) -> None:
        self._bars.stop()


def _note_column() -> Any:
    """The note on one line, its end cut off where there is no room."""
    from rich.progress import ProgressColumn, Task
    from rich.table import Column
    from rich.text import Text

    class Note(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(task.fields["note"], no_wrap=True, overflow="ellipsis")

    return Note(table_column=Column(no_wrap=False))


class _PlainLine:
    def __init__(self, title: str, total: int | None, unit: str, stream: TextIO) -> None:
        self._title, self._unit, self._stream = title, unit, stream
        self._of = "" if total is None else f"/{total}"

    def draw(self, done: int, note: str) -> None:
        # \r goes back to the start of the line, \x1b[K clears what an earlier, longer line left.
        self._stream.write(f"\r{self._title} {done}{self._of} {self._unit}, {note}\x1b[K")
        self._stream.flush()

    def close(self) -> None:
        self._stream.write("\r\x1b[K")
        self._stream.flush()
