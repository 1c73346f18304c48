"""SIGTERM, which CI, `timeout` and systemd send: it ends a measurement as Ctrl-C does. Imports nothing heavy."""

from __future__ import annotations

import signal
import threading

import typer


def end_as_with_ctrl_c(context: typer.Context) -> None:
    """Until `context` closes, SIGTERM raises KeyboardInterrupt: what was measured is kept, workers and temporary files go.

    In another thread than the main one no signal can be handled, and nothing changes.
    """
    if threading.current_thread() is threading.main_thread():
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        context.call_on_close(lambda: signal.signal(signal.SIGTERM, before))
