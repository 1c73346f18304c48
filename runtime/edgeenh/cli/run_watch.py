"""What watches a run (`--events`, `--http`, systemd), opened and closed around it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edgeenh.cli import output
from edgeenh.errors import UsageError

if TYPE_CHECKING:
    from edgeenh.config.tables import Monitoring as Settings
    from edgeenh.loading import AnyEnhancer
    from edgeenh.monitoring.run import Monitoring


def claim_stdout(json_target: str | None, events: str | None, out: Sequence[str]) -> None:
    """Refuse two kinds of bytes on stdout; what is for people goes to stderr when one of them is there.

    Raises:
        UsageError: More than one of `--json -`, `--events -`, `--out -`.
    """
    users = [
        *(["--json -"] if json_target == "-" else []),
        *(["--events -"] if events == "-" else []),
        *("--out -" for spec in out if spec == "-" or spec.startswith("-?")),
    ]
    if len(users) > 1:
        raise UsageError(f"{' and '.join(users)} both want stdout: give all but one of them a file")
    if users:
        output.keep_stdout()


@contextmanager
def watching_run(settings: Settings, enhancer: AnyEnhancer) -> Iterator[Monitoring]:
    """The monitoring of a run, as `[monitoring]` says.

    Raises:
        UsageError: The port is taken, or the file of events may not be written.
        MissingExtra: `--http` without the extra `station`.
    """
    from edgeenh.identity import facts_of
    from edgeenh.monitoring.address import parse_address
    from edgeenh.monitoring.journal import EventJournal
    from edgeenh.monitoring.run import Monitoring
    from edgeenh.stream import MonotonicClock

    monitoring = Monitoring(MonotonicClock(), environment=os.environ, facts=lambda: facts_of(enhancer))
    try:
        if settings.http is not None:
            where = monitoring.serve(parse_address(settings.http, f"--http {settings.http}"))
            output.remark(f"serving http://{where.text}/ready, /live and /metrics")
        if settings.events is not None:
            monitoring.journal = EventJournal(
                settings.events,
                max_bytes=round(settings.events_max_mb * 1e6),
                files=settings.events_files,
                sync=settings.events_sync == "always",
                on_failure=output.remark,
            )
        yield monitoring
    finally:
        monitoring.close()
