"""What systemd is told (sd_notify(3)): ready with the first enhanced frame, alive with every frame within the contract.

Where no source gives frames by itself, ready comes at once, once the model has enhanced a frame of its own: systemd would
end a start that waits for an exposure for longer than TimeoutStartSec, and begin it again for ever.

`WATCHDOG=1` is sent because a frame came out, never because time passed: a process whose threads run while its pictures
have failed for hours is not alive to anybody. Three things are no failure of this process and stop the watchdog until they
are over: a source that is reported lost, a source that gives frames only when somebody takes one, and the end.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping

STATUS_EVERY_NS = 5_000_000_000


class Notifier:
    """Sends datagrams to the socket that systemd named; does nothing where there is none.

    Args:
        environment: `NOTIFY_SOCKET`, `WATCHDOG_USEC`; of this process.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        path = environment.get("NOTIFY_SOCKET", "")
        self._path = "\0" + path[1:] if path.startswith("@") else path
        usec = environment.get("WATCHDOG_USEC", "")
        self.watchdog_us = int(usec) if usec.isascii() and usec.isdigit() and self._path else 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if self._path else None
        if self._socket is not None:
            self._socket.setblocking(False)  # noqa: FBT003 (the name of the argument is `flag`)

    @property
    def present(self) -> bool:
        """Whether systemd listens."""
        return self._socket is not None

    def send(self, **fields: str | int) -> None:
        """Send `NAME=value` lines in one datagram; one that is not taken is not tried again: the next frame says it anew."""
        if self._socket is None:
            return
        lines = "\n".join(f"{name}={str(value).replace(chr(10), ' ')}" for name, value in fields.items())
        with contextlib.suppress(OSError):
            self._socket.sendto(lines.encode(), self._path)

    def close(self) -> None:
        """Give back the socket."""
        if self._socket is not None:
            self._socket.close()


class SystemdWatch:
    """Turns frames and losses into what systemd is told.

    Args:
        notifier: What sends.
        watched: Every source gives frames by itself, so that the watchdog can be fed by them.
        awaited: One does, so that ready can wait for its first enhanced frame.
    """

    def __init__(self, notifier: Notifier, *, watched: bool, awaited: bool = True) -> None:
        self._notifier = notifier
        self._ready = False
        self._lost: set[str] = set()
        self._pinged_ns = self._told_ns = -(1 << 62)
        self._watched = watched and notifier.watchdog_us > 0
        if notifier.watchdog_us and not watched:
            notifier.send(WATCHDOG_USEC=0)
        if not awaited:
            self._ready = True
            notifier.send(READY=1, STATUS="frames come when somebody gives one")

    def frame(self, *, within_contract: bool, now_ns: int, status: str) -> None:
        """A frame came out."""
        if within_contract and not self._ready:
            self._ready = True
            self._notifier.send(READY=1, STATUS=status)
        # Four times in the time that systemd waits: one that is lost on the way ends nothing.
        if within_contract and self._watched and now_ns - self._pinged_ns >= self._notifier.watchdog_us * 250:
            self._pinged_ns = now_ns
            self._notifier.send(WATCHDOG=1)
        if now_ns - self._told_ns >= STATUS_EVERY_NS:
            self._told_ns = now_ns
            self._notifier.send(STATUS=status)

    def event(self, source: str, kind: str, detail: str) -> None:
        """Something happened; a loss stops the watchdog, its end starts it anew."""
        if kind == "lost":
            self._lost.add(source)
            self._notifier.send(STATUS=detail, **({"WATCHDOG_USEC": 0} if self._watched else {}))
        elif kind == "back" and source in self._lost:
            self._lost.discard(source)
            if not self._lost:
                watchdog = {"WATCHDOG_USEC": self._notifier.watchdog_us, "WATCHDOG": 1} if self._watched else {}
                self._notifier.send(STATUS=detail, **watchdog)

    def close(self) -> None:
        """The run ends, by itself or because it was asked to."""
        self._notifier.send(STOPPING=1, STATUS="stopping")
        self._notifier.close()
