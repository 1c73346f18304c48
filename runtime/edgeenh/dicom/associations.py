"""Ends of associations at once, whatever the other side does or leaves.

pynetdicom waits for an answer up to its time-outs, in threads that keep the process alive; a run has two seconds.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import suppress
from threading import current_thread
from time import monotonic
from typing import Any

COURTESY_S = 0.15
"""For an answer that is on its way, and the A-ABORT behind it (PS3.8, 9.3.8)."""


def keep_no_process(event: Any) -> None:
    """For `evt.EVT_CONN_OPEN` of a server, before the threads of the association start: none of them keeps the process."""
    event.assoc.dul.daemon = True


def end_now(associations: Iterable[Any]) -> None:
    """Let these go: A-ABORT where it goes at once, then the connection is cut, which ends any wait for the other side.

    Args:
        associations: `pynetdicom.association.Association`, as requestor or acceptor; such as have ended already are none
            to care for.
    """
    ending = list(associations)
    for association in ending:
        if association.is_established:  # before that pynetdicom's state machine knows no abort
            with suppress(Exception):  # whatever it meets, the cut below ends it
                association.abort(block=False)
    _await(ending)
    connections = [connection for connection in map(_connection, ending) if connection is not None]
    for connection in connections:
        with suppress(OSError):  # closing it alone would leave a thread that reads or writes where it is
            connection.shutdown(socket.SHUT_RDWR)
    _await(ending)  # whoever waits for the other side hears from the thread that reads
    for connection in connections:  # pynetdicom leaves one open that was shut down before
        connection.close()


def _await(associations: list[Any]) -> None:
    latest = monotonic() + COURTESY_S
    for association in associations:
        reader = association.dul
        if reader.is_alive() and reader is not current_thread():
            reader.join(max(0.0, latest - monotonic()))


def _connection(association: Any) -> socket.socket | None:
    """Its socket; None where it is gone already."""
    found: socket.socket | None = getattr(association.dul.socket, "socket", None)
    return found


def end_server(server: Any) -> None:
    """End a `pynetdicom` server and its associations; returns soon."""
    end_now(server.active_associations)
    with suppress(
        OSError
    ):  # it looks for its end every half second, but at once when its socket is no listener any more
        server.socket.shutdown(socket.SHUT_RDWR)
    server.shutdown()
    end_now(server.active_associations)
